//! Text to tokens, as Spark's lexer cuts them: `"…"` and `'…'` are both strings, backticks quote names.

use crate::error::{Span, SyntaxError};

/// One token and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of token.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A bare word: a name or a keyword, as written.
    Word(String),
    /// A name in backticks.
    Quoted(String),
    /// A string, unescaped.
    Text(String),
    /// A number with its suffix, as written.
    Number(String),
    /// An operator or a bracket. `>>` comes as two tokens, so that types may nest.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

const SYMBOLS: [&str; 29] = [
    "<=>", "->", "=>", "::", "||", "<=", ">=", "<>", "!=", "==", "<<", "<", ">", "=", "+", "-",
    "*", "/", "%", "(", ")", "[", "]", ",", ".", ":", "~", "&", "|",
];

/// Cuts a text into tokens; the last one is [`Kind::End`].
pub fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip()?;
        let start = lexer.at;
        let kind = lexer.token()?;
        let done = kind == Kind::End;
        tokens.push(Token {
            kind,
            span: Span {
                start,
                end: lexer.at,
            },
        });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, start: usize, message: &str) -> SyntaxError {
        SyntaxError::at(
            self.text,
            Span {
                start,
                end: start + 1,
            },
            message,
        )
    }

    /// Steps over white space and comments: `-- …` and `/* … */`.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.find("*/") else {
                    return Err(self.error(self.at, "this comment has no end: close it with */"));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let Some(c) = rest.chars().next() else {
            return Ok(Kind::End);
        };
        let digit_follows = rest[c.len_utf8()..].starts_with(|d: char| d.is_ascii_digit());
        if matches!(c, 'r' | 'R') && rest[1..].starts_with(['\'', '"']) {
            self.at += 1;
            return self.raw_text(start);
        }
        match c {
            '\'' | '"' => self.string(start, c),
            '`' => self.backticks(start),
            '0'..='9' => Ok(self.number()),
            '.' if digit_follows => Ok(self.number()),
            c if c.is_alphabetic() || c == '_' || c == '$' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(rest.len());
                self.at += end;
                Ok(Kind::Word(self.text[start..self.at].to_owned()))
            }
            '^' => {
                self.at += 1;
                Ok(Kind::Symbol("^"))
            }
            '!' if !rest.starts_with("!=") => {
                self.at += 1;
                Ok(Kind::Symbol("!"))
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Ok(Kind::Symbol(symbol))
                }
                None if c == ';' => {
                    Err(self.error(start, "an expression ends without `;`: leave it out"))
                }
                None => Err(self.error(
                    start,
                    &format!("`{c}` means nothing here; a name with it stands in backticks"),
                )),
            },
        }
    }

    fn backticks(&mut self, start: usize) -> Result<Kind, SyntaxError> {
        let mut name = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if c != '`' {
                name.push(c);
            } else if self.peek() == Some('`') {
                self.at += 1;
                name.push('`');
            } else if name.is_empty() {
                return Err(self.error(start, "a name in backticks cannot be empty"));
            } else {
                return Ok(Kind::Quoted(name));
            }
        }
        Err(self.error(start, "this name has no closing backtick"))
    }

    fn raw_text(&mut self, start: usize) -> Result<Kind, SyntaxError> {
        let quote = self.peek().unwrap_or('\'');
        let from = self.at + 1;
        match self.text[from..].find(quote) {
            Some(length) => {
                self.at = from + length + 1;
                Ok(Kind::Text(self.text[from..from + length].to_owned()))
            }
            None => Err(self.error(start, "this string has no closing quote")),
        }
    }

    fn string(&mut self, start: usize, quote: char) -> Result<Kind, SyntaxError> {
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if c == '\\' {
                self.escape(&mut text);
            } else if c != quote {
                text.push(c);
            } else if self.peek() == Some(quote) {
                self.at += quote.len_utf8();
                text.push(quote);
            } else {
                return Ok(Kind::Text(text));
            }
        }
        Err(self.error(start, "this string has no closing quote"))
    }

    /// One escape, the backslash being read (Spark's `unescapeSQLString`).
    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.peek() else {
            text.push('\\');
            return;
        };
        let hex = |length: usize| {
            let digits = self.rest().get(1..1 + length)?;
            u32::from_str_radix(digits, 16)
                .ok()
                .and_then(char::from_u32)
        };
        if let Some(code) = match c {
            'u' => hex(4),
            'U' => hex(8),
            _ => None,
        } {
            text.push(code);
            self.at += if c == 'u' { 5 } else { 9 };
            return;
        }
        if let Some(octal) = self
            .rest()
            .get(..3)
            .filter(|o| o.bytes().all(|b| (b'0'..=b'7').contains(&b)))
            && let Some(code) = u8::from_str_radix(octal, 8).ok().filter(|code| *code < 128)
        {
            text.push(char::from(code));
            self.at += 3;
            return;
        }
        self.at += c.len_utf8();
        match c {
            '0' => text.push('\0'),
            'b' => text.push('\u{8}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'Z' => text.push('\u{1A}'),
            // Kept for LIKE, which gives them their meaning.
            '%' | '_' => text.extend(['\\', c]),
            other => text.push(other),
        }
    }

    /// Digits, a point, digits, an exponent, a suffix (`L S Y D F BD`). A point that is followed by a letter is not ours.
    fn number(&mut self) -> Kind {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let mut at = digits(start);
        if bytes.get(at) == Some(&b'.')
            && !bytes
                .get(at + 1)
                .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        {
            at = digits(at + 1);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                at = digits(at + 1 + sign);
            }
        }
        // Whatever letters follow: the parser knows the suffixes, and can show the place of a wrong one.
        while bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
        {
            at += 1;
        }
        self.at = at;
        Kind::Number(self.text[start..at].to_owned())
    }
}
