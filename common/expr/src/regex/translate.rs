//! A pattern of Java's, read character by character and written anew.

/// Flags as they stand at a place in the pattern: `(?i)` and its kin.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) unicode_case: bool,
    pub(super) unicode_classes: bool,
    pub(super) comments: bool,
    multiline: bool,
    dot_all: bool,
    unix_lines: bool,
}

/// What a translation found.
#[derive(Default)]
pub(super) struct Found {
    /// It needs look-around, a back-reference or an atomic group.
    pub(super) backtracks: bool,
    /// It has a `$` or `\Z`, whose short form holds only where the text does not end a line.
    pub(super) ends: bool,
    /// It has `^` or `$` for every line, whose short forms hold only where `\n` alone ends lines, and not the last.
    pub(super) lines: bool,
    /// Number of capturing groups.
    pub(super) groups: usize,
    /// The groups' names.
    pub(super) names: Vec<(String, usize)>,
}

pub(super) struct Translator {
    pub(super) pattern: Vec<char>,
    pub(super) at: usize,
    pub(super) out: String,
    pub(super) flags: Flags,
    /// Groups and classes around this place.
    pub(super) depth: usize,
    exact: bool,
    found: Found,
}

/// Whether what was just written can take a quantifier.
#[derive(PartialEq)]
enum Last {
    Nothing,
    Atom,
    Quantified,
}

/// Writes `pattern` for our engines; `exact` asks for anchors that hold for every text, at the price of backtracking.
pub(super) fn translate(pattern: &str, exact: bool) -> Result<(String, Found), String> {
    let mut translator = Translator {
        pattern: pattern.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len() * 2),
        flags: Flags::default(),
        depth: 0,
        exact,
        found: Found::default(),
    };
    translator.alternatives()?;
    if translator.at < translator.pattern.len() {
        return Err(translator.wrong("unmatched ')'"));
    }
    Ok((translator.out, translator.found))
}

impl Translator {
    pub(super) fn wrong(&self, what: &str) -> String {
        let pattern: String = self.pattern.iter().collect();
        format!(
            "regular expression {pattern:?}: {what} at character {}",
            self.at + 1
        )
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    pub(super) fn takes(&mut self, text: &str) -> bool {
        let takes = self.pattern[self.at..]
            .iter()
            .copied()
            .take(text.len())
            .eq(text.chars());
        self.at += if takes { text.len() } else { 0 };
        takes
    }

    /// Up to the `)` that closes the group, which is left, or the end. Flags set inside hold inside.
    fn alternatives(&mut self) -> Result<(), String> {
        let outside = self.flags;
        let mut last = Last::Nothing;
        while let Some(character) = self.peek() {
            if character == ')' {
                break;
            }
            self.at += 1;
            last = match character {
                '|' => {
                    self.out.push('|');
                    Last::Nothing
                }
                '*' | '+' | '?' => {
                    self.quantifier(&character.to_string(), last)?;
                    Last::Quantified
                }
                '{' => {
                    let counts = self.counts()?;
                    self.quantifier(&counts, last)?;
                    Last::Quantified
                }
                '(' => match self.group()? {
                    true => Last::Atom,
                    false => last,
                },
                '[' => {
                    self.class()?;
                    Last::Atom
                }
                '.' => {
                    self.out.push_str(match self.flags {
                        Flags { dot_all: true, .. } => "(?s:.)",
                        Flags {
                            unix_lines: true, ..
                        } => r"[^\n]",
                        _ => r"[^\n\r\x{85}\x{2028}\x{2029}]",
                    });
                    Last::Atom
                }
                '^' => {
                    self.caret();
                    Last::Atom
                }
                '$' => {
                    self.dollar();
                    Last::Atom
                }
                '\\' => self.escape()?,
                c if self.flags.comments && c.is_ascii_whitespace() => last,
                '#' if self.flags.comments => {
                    while self.next().is_some_and(|c| c != '\n') {}
                    last
                }
                other => {
                    self.literal(other);
                    Last::Atom
                }
            };
        }
        self.flags = outside;
        Ok(())
    }

    fn quantifier(&mut self, counts: &str, last: Last) -> Result<(), String> {
        if last != Last::Atom {
            return Err(self.wrong("nothing to repeat"));
        }
        self.out.push_str(counts);
        if self.takes("?") {
            self.out.push('?');
        } else if self.takes("+") {
            self.out.push('+');
            self.found.backtracks = true;
        }
        Ok(())
    }

    /// The rest of `{n}`, `{n,}` or `{n,m}`.
    fn counts(&mut self) -> Result<String, String> {
        let start = self.at;
        let mut counts = String::from("{");
        while let Some(character) = self.next() {
            counts.push(character);
            let digits = counts.trim_start_matches('{').trim_end_matches('}');
            let (low, high) = digits.split_once(',').unwrap_or((digits, ""));
            let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if low.is_empty() || !number(low) || !number(high) {
                break;
            }
            if character == '}' {
                return Ok(counts);
            }
        }
        self.at = start;
        Err(self.wrong("'{' begins no repetition here: write '\\{' for the character"))
    }

    /// After `(`. False if it only set flags.
    fn group(&mut self) -> Result<bool, String> {
        let opening = if !self.takes("?") {
            self.found.groups += 1;
            "(".to_owned()
        } else if self.takes(":") {
            "(?:".to_owned()
        } else if let Some(look) = ["=", "!", "<=", "<!", ">"]
            .into_iter()
            .find(|look| self.takes(look))
        {
            self.found.backtracks = true;
            format!("(?{look}")
        } else if self.takes("<") {
            let mut name = String::new();
            while let Some(character) = self.next().filter(|c| *c != '>') {
                name.push(character);
            }
            if !name.starts_with(|c: char| c.is_ascii_alphabetic())
                // Java takes no underscore; names of columns have them.
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            {
                return Err(self.wrong("a group's name is Latin letters, digits and underscores"));
            }
            self.found.groups += 1;
            self.found.names.push((name, self.found.groups));
            "(".to_owned()
        } else {
            let outside = self.flags;
            if !self.set_flags()? {
                return Ok(false);
            }
            let inside = std::mem::replace(&mut self.flags, outside);
            self.inside("(?:", inside)?;
            return Ok(true);
        };
        self.inside(&opening, self.flags)?;
        Ok(true)
    }

    /// Goes one level deeper; a limit keeps the stack within bounds.
    pub(super) fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > 200 {
            Err(self.wrong("too many levels of brackets"))
        } else {
            Ok(())
        }
    }

    fn inside(&mut self, opening: &str, flags: Flags) -> Result<(), String> {
        self.deeper()?;
        let outside = std::mem::replace(&mut self.flags, flags);
        self.out.push_str(opening);
        self.alternatives()?;
        if !self.takes(")") {
            return Err(self.wrong("a group is not closed"));
        }
        self.out.push(')');
        self.flags = outside;
        self.depth -= 1;
        Ok(())
    }

    /// After `(?`. True if a group follows (`(?i:`), false if the flags stand alone (`(?i)`).
    fn set_flags(&mut self) -> Result<bool, String> {
        let mut on = true;
        loop {
            let flag = match self.next() {
                Some('-') => {
                    on = false;
                    continue;
                }
                Some(')') => return Ok(false),
                Some(':') => return Ok(true),
                Some('i') => &mut self.flags.ignore_case,
                Some('m') => &mut self.flags.multiline,
                Some('s') => &mut self.flags.dot_all,
                Some('x') => &mut self.flags.comments,
                Some('d') => &mut self.flags.unix_lines,
                Some('u') => &mut self.flags.unicode_case,
                Some('U') => {
                    self.flags.unicode_case = on;
                    &mut self.flags.unicode_classes
                }
                _ => return Err(self.wrong("an unknown kind of group")),
            };
            *flag = on;
        }
    }

    fn caret(&mut self) {
        let short = match self.flags {
            Flags {
                multiline: false, ..
            } => return self.out.push_str(r"\A"),
            Flags {
                unix_lines: true, ..
            } => r"(?!\z)(?m:^)",
            _ => r"(?!\z)(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n))",
        };
        self.found.lines = true;
        self.out.push_str(if self.exact { short } else { "(?m:^)" });
        self.found.backtracks |= self.exact;
    }

    fn dollar(&mut self) {
        let (long, short) = match self.flags {
            Flags {
                multiline: true,
                unix_lines: true,
                ..
            } => return self.out.push_str("(?m:$)"),
            Flags {
                multiline: true, ..
            } => {
                self.found.lines = true;
                (
                    r"(?:\z|(?=[\r\x{85}\x{2028}\x{2029}])|(?<!\r)(?=\n))",
                    "(?m:$)",
                )
            }
            Flags {
                unix_lines: true, ..
            } => (r"(?=\n?\z)", r"\z"),
            _ => (
                r"(?:\z|(?=(?:\r\n|[\r\x{85}\x{2028}\x{2029}])\z)|(?<!\r)(?=\n\z))",
                r"\z",
            ),
        };
        self.found.ends |= !self.flags.multiline;
        self.out.push_str(if self.exact { long } else { short });
        self.found.backtracks |= self.exact;
    }

    /// After a backslash.
    fn escape(&mut self) -> Result<Last, String> {
        let Some(character) = self.peek() else {
            return Err(self.wrong("a backslash at the end"));
        };
        if let Some(class) = self.class_escape()? {
            self.out.push_str(&class);
            return Ok(Last::Atom);
        }
        match character {
            'b' | 'B' | 'A' | 'z' => {
                self.at += 1;
                self.out.push('\\');
                self.out.push(character);
            }
            'Z' => {
                self.at += 1;
                let multiline = std::mem::replace(&mut self.flags.multiline, false);
                self.dollar();
                self.flags.multiline = multiline;
            }
            'G' => {
                self.at += 1;
                self.found.backtracks = true;
                self.out.push_str(r"\G");
            }
            'R' => {
                self.at += 1;
                self.out
                    .push_str(r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])");
            }
            'Q' => {
                self.at += 1;
                let mut last = Last::Nothing;
                while self.peek().is_some() && !self.takes(r"\E") {
                    if let Some(character) = self.next() {
                        self.literal(character);
                        last = Last::Atom;
                    }
                }
                return Ok(last);
            }
            '1'..='9' => self.back_reference(),
            'k' => {
                self.at += 1;
                let mut name = String::new();
                if self.takes("<") {
                    while let Some(character) = self.next().filter(|c| *c != '>') {
                        name.push(character);
                    }
                }
                let Some((_, group)) = self.found.names.iter().find(|(known, _)| *known == name)
                else {
                    return Err(self.wrong("a reference to no group"));
                };
                self.out.push_str(&format!(r"(?:\{group})"));
                self.found.backtracks = true;
            }
            _ => {
                let character = self.character_escape()?;
                self.literal(character);
            }
        }
        Ok(Last::Atom)
    }

    /// More digits belong to the number as long as there are that many groups.
    fn back_reference(&mut self) {
        let mut group = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if group != 0 && longer > self.found.groups {
                break;
            }
            group = longer;
            self.at += 1;
        }
        self.out.push_str(&format!(r"(?:\{group})"));
        self.found.backtracks = true;
    }

    pub(super) fn literal(&mut self, character: char) {
        match self.flags {
            Flags {
                ignore_case: true,
                unicode_case: true,
                ..
            } => {
                self.out.push_str("(?i:");
                push_escaped(&mut self.out, character);
                self.out.push(')');
            }
            Flags {
                ignore_case: true, ..
            } if character.is_ascii_alphabetic() => {
                let pair = [
                    character.to_ascii_lowercase(),
                    character.to_ascii_uppercase(),
                ];
                self.out.push('[');
                self.out.extend(pair);
                self.out.push(']');
            }
            _ => push_escaped(&mut self.out, character),
        }
    }

    /// The character of an escape, after the backslash.
    pub(super) fn character_escape(&mut self) -> Result<char, String> {
        let Some(character) = self.next() else {
            return Err(self.wrong("a backslash at the end"));
        };
        let code = match character {
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'f' => 0x0c,
            'a' => 0x07,
            'e' => 0x1b,
            'x' if self.takes("{") => {
                let digits: String = self.pattern[self.at..]
                    .iter()
                    .take_while(|c| c.is_ascii_hexdigit())
                    .collect();
                self.at += digits.len() + 1;
                u32::from_str_radix(&digits, 16).unwrap_or(u32::MAX)
            }
            'x' => self.digits(2, 16),
            'u' => {
                let unit = self.digits(4, 16);
                if (0xd800..0xdc00).contains(&unit) && self.takes(r"\u") {
                    let low = self.digits(4, 16);
                    0x10000 + ((unit - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    unit
                }
            }
            '0' => {
                let digits = self.pattern[self.at..]
                    .iter()
                    .take_while(|c| ('0'..='7').contains(*c))
                    .count();
                let limit = if self.peek().is_some_and(|c| c <= '3') {
                    3
                } else {
                    2
                };
                self.digits(digits.min(limit), 8)
            }
            'c' => self.next().map_or(u32::MAX, |c| u32::from(c) ^ 64),
            c if c.is_ascii_alphanumeric() => u32::MAX,
            c => u32::from(c),
        };
        char::from_u32(code).ok_or_else(|| self.wrong("an unknown escape"))
    }

    fn digits(&mut self, count: usize, radix: u32) -> u32 {
        let digits: String = self.pattern[self.at..].iter().take(count).collect();
        self.at = (self.at + count).min(self.pattern.len());
        if digits.len() == count {
            u32::from_str_radix(&digits, radix).unwrap_or(u32::MAX)
        } else {
            u32::MAX
        }
    }
}

/// Writes a character so that it means itself, inside a class too.
pub(super) fn push_escaped(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() || !character.is_ascii() {
        out.push(character);
    } else {
        out.push_str(&format!(r"\x{{{:X}}}", u32::from(character)));
    }
}
