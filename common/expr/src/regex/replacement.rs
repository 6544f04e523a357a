//! The replacement of `regexp_replace`: text with `$1`, `${name}` and escapes, by the rules of `Matcher.appendReplacement`.

use super::Groups;
use super::engine::Pattern;

/// A replacement, taken apart.
pub struct Replacement {
    pieces: Vec<Piece>,
}

enum Piece {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Reads a replacement for the groups of `pattern`.
    pub fn new(text: &str, pattern: &Pattern) -> Result<Replacement, String> {
        let mut pieces = vec![];
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '\\' => plain.push(
                    rest.next()
                        .ok_or_else(|| wrong(text, "a backslash at the end"))?,
                ),
                '$' => {
                    let group = match rest.next() {
                        Some('{') => {
                            let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                            pattern
                                .group(&name)
                                .ok_or_else(|| wrong(text, &format!("no group {name:?}")))?
                        }
                        Some(digit @ '0'..='9') => {
                            let mut group = digit as usize - '0' as usize;
                            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                                if group * 10 + digit as usize > pattern.groups() {
                                    break;
                                }
                                group = group * 10 + digit as usize;
                                rest.next();
                            }
                            group
                        }
                        _ => {
                            return Err(wrong(
                                text,
                                "a '$' without a group: write '\\$' for the character",
                            ));
                        }
                    };
                    if group > pattern.groups() {
                        return Err(wrong(text, &format!("no group {group}")));
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Group(group));
                }
                other => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Replacement { pieces })
    }

    /// Appends the replacement of one match in `text`.
    pub fn push(&self, out: &mut String, text: &str, groups: &Groups) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => out.push_str(plain),
                Piece::Group(group) => {
                    out.push_str(groups.get(*group).map_or("", |range| &text[range]))
                }
            }
        }
    }
}

fn wrong(text: &str, what: &str) -> String {
    format!("replacement {text:?}: {what}")
}
