//! Character classes: `[a-z&&[^b]]`, `\d`, `\p{Alpha}`.

use super::translate::{Flags, Translator, push_escaped};

impl Translator {
    /// After `[`, through its `]`.
    pub(super) fn class(&mut self) -> Result<(), String> {
        let unicode = matches!(
            self.flags,
            Flags {
                ignore_case: true,
                unicode_case: true,
                ..
            }
        );
        if unicode {
            self.out.push_str("(?i:");
        }
        self.members()?;
        if unicode {
            self.out.push(')');
        }
        Ok(())
    }

    fn members(&mut self) -> Result<(), String> {
        self.deeper()?;
        self.out.push('[');
        if self.takes("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(character) = self.peek() else {
                return Err(self.wrong("a '[' is not closed"));
            };
            match character {
                ']' if !first => {
                    self.at += 1;
                    self.out.push(']');
                    self.depth -= 1;
                    return Ok(());
                }
                '[' => {
                    self.at += 1;
                    self.members()?;
                }
                '&' if self.takes("&&") => {
                    self.out.push_str("&&");
                }
                c if self.flags.comments && c.is_ascii_whitespace() => {
                    self.at += 1;
                    continue;
                }
                '\\' => {
                    self.at += 1;
                    if self.takes("Q") {
                        while self.peek().is_some() && !self.takes(r"\E") {
                            if let Some(character) = self.next() {
                                self.member(character, character);
                            }
                        }
                    } else if let Some(class) = self.class_escape()? {
                        self.out.push_str(&class);
                    } else {
                        let low = self.character_escape()?;
                        self.range(low)?;
                    }
                }
                other => {
                    self.at += 1;
                    self.range(other)?;
                }
            }
            first = false;
        }
    }

    /// A member that begins with `low`: itself, or a range up to what follows a `-`.
    fn range(&mut self, low: char) -> Result<(), String> {
        let follows = self.pattern.get(self.at + 1).copied();
        if self.peek() != Some('-') || matches!(follows, None | Some(']' | '[')) {
            self.member(low, low);
            return Ok(());
        }
        self.at += 1;
        let high = match self.next() {
            Some('\\') => {
                if self.class_escape()?.is_some() {
                    return Err(self.wrong("a range that ends in a class"));
                }
                self.character_escape()?
            }
            Some(character) => character,
            None => return Err(self.wrong("a '[' is not closed")),
        };
        if high < low {
            return Err(self.wrong("a range that ends before it begins"));
        }
        self.member(low, high);
        Ok(())
    }

    fn member(&mut self, low: char, high: char) {
        let mut push = |low: char, high: char| {
            push_escaped(&mut self.out, low);
            if low != high {
                self.out.push('-');
                push_escaped(&mut self.out, high);
            }
        };
        push(low, high);
        if self.flags.ignore_case && !self.flags.unicode_case {
            let (small, large) = (low.max('a'), high.min('z'));
            if small <= large {
                push(small.to_ascii_uppercase(), large.to_ascii_uppercase());
            }
            let (small, large) = (low.max('A'), high.min('Z'));
            if small <= large {
                push(small.to_ascii_lowercase(), large.to_ascii_lowercase());
            }
        }
    }

    /// The class of an escape after its backslash (`\d`, `\p{L}`), good inside brackets and outside; `None`, and nothing
    /// read, if it is no class.
    pub(super) fn class_escape(&mut self) -> Result<Option<String>, String> {
        let Some(character) = self.peek() else {
            return Ok(None);
        };
        let class = match character {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' if self.flags.unicode_classes => {
                self.at += 1;
                return Ok(Some(format!("\\{character}")));
            }
            'd' | 'D' => "0-9",
            's' | 'S' => r"\t\n\x0B\f\r\x20",
            'w' | 'W' => "0-9A-Z_a-z",
            'h' | 'H' => r"\t\x20\xA0\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}",
            'v' | 'V' => r"\n\x0B\f\r\x{85}\x{2028}\x{2029}",
            'p' | 'P' => {
                self.at += 1;
                return self.property(character == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(format!(
            "[{}{class}]",
            if character.is_ascii_uppercase() {
                "^"
            } else {
                ""
            }
        )))
    }

    /// After `\p` or `\P`.
    fn property(&mut self, negated: bool) -> Result<String, String> {
        let mut name = String::new();
        if self.takes("{") {
            while let Some(character) = self.next().filter(|c| *c != '}') {
                name.push(character);
            }
        } else if let Some(character) = self.next() {
            name.push(character);
        }
        let both_cases = self.flags.ignore_case && matches!(name.as_str(), "Lower" | "Upper");
        let posix = match name.as_str() {
            _ if both_cases => Some("A-Za-z"),
            _ if self.flags.unicode_classes => None,
            "Lower" => Some("a-z"),
            "Upper" => Some("A-Z"),
            "ASCII" => Some(r"\x00-\x7F"),
            "Alpha" => Some("A-Za-z"),
            "Digit" => Some("0-9"),
            "Alnum" => Some("0-9A-Za-z"),
            "Punct" => Some(r"!-/:-@\[-`\{-\x7E"),
            "Graph" => Some(r"!-\x7E"),
            "Print" => Some(r"\x20-\x7E"),
            "Blank" => Some(r"\x20\t"),
            "Cntrl" => Some(r"\x00-\x1F\x7F"),
            "XDigit" => Some("0-9A-Fa-f"),
            "Space" => Some(r"\t\n\x0B\f\r\x20"),
            _ => None,
        };
        let members = match (posix, name.as_str()) {
            (Some(members), _) => members.to_owned(),
            (_, "L1") => r"\x00-\x{FF}".to_owned(),
            (_, "all") => r"\x00-\x{10FFFF}".to_owned(),
            (_, "LC") => r"\p{Lu}\p{Ll}\p{Lt}".to_owned(),
            (_, "LD" | "javaLetterOrDigit") => r"\p{L}\p{Nd}".to_owned(),
            (_, "Alnum") => r"\p{Alphabetic}\p{Nd}".to_owned(),
            (_, "javaWhitespace") => r"\t-\r\x1C-\x1F\p{Z}--[\xA0\x{2007}\x{202F}]".to_owned(),
            (_, other) => format!(
                r"\p{{{}}}",
                property_name(other).ok_or_else(|| self.wrong("an unknown class"))?
            ),
        };
        Ok(format!("[{}{members}]", if negated { "^" } else { "" }))
    }
}

/// Java's names of Unicode properties, scripts and categories, as the engines know them.
fn property_name(name: &str) -> Option<&str> {
    Some(match name {
        "Lower" | "javaLowerCase" => "Lowercase",
        "Upper" | "javaUpperCase" => "Uppercase",
        "Alpha" | "javaAlphabetic" => "Alphabetic",
        "Digit" | "IsDigit" | "javaDigit" => "Nd",
        "Punct" | "IsPunctuation" => "P",
        "Space" | "IsWhite_Space" | "IsWhiteSpace" => "White_Space",
        "Cntrl" | "IsControl" => "Cc",
        "IsLetter" | "javaLetter" => "L",
        "IsTitlecase" | "javaTitleCase" => "Lt",
        "XDigit" => "Hex_Digit",
        other if other.starts_with("In") || other.starts_with("java") || other.is_empty() => {
            return None;
        }
        other => other.strip_prefix("Is").unwrap_or(other),
    })
}
