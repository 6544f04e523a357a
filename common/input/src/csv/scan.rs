//! Finds the fields of one record in a block.

use std::borrow::Cow;

use super::{Dialect, Escape};

/// One field of a record, as offsets into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    start: usize,
    end: usize,
    /// It holds escapes that are to be taken out.
    escaped: bool,
    /// It stood in quotes.
    quoted: bool,
}

impl Field {
    /// True if it stood in quotes.
    pub(crate) fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// Without the spaces at its ends, as far as they are not in quotes.
    pub(crate) fn trim(&mut self, record: &[u8], leading: bool, trailing: bool) {
        if self.quoted {
            return;
        }
        let is_space = |at: usize| matches!(record.get(at), Some(b' ' | b'\t'));
        while leading && self.start < self.end && is_space(self.start) {
            self.start += 1;
        }
        while trailing && self.start < self.end && is_space(self.end - 1) {
            self.end -= 1;
        }
    }

    /// No text: an empty field is null, quoted or not, as Spark reads it.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// What [`Scanner::record`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole record: where it ends, and where the next one begins.
    Record(usize, usize),
    /// The block ends before the record does.
    More,
    /// The input ends inside a quoted field.
    Unclosed,
}

/// A dialect, ready to scan.
pub(crate) struct Scanner {
    separator: u8,
    quote: Option<u8>,
    escape: Escape,
}

/// Where a field ended.
enum Stop {
    Separator(usize),
    /// The end of the record, and the beginning of the next.
    Newline(usize, usize),
    More,
    Unclosed,
}

impl Scanner {
    pub(crate) fn new(dialect: &Dialect, separator: u8) -> Scanner {
        Scanner {
            separator: dialect.separator.unwrap_or(separator),
            quote: if dialect.unquoted {
                None
            } else {
                Some(dialect.quote.unwrap_or(b'"'))
            },
            escape: dialect.escape,
        }
    }

    /// Finds the fields of the record at the front of `block`. `last`: nothing follows the block.
    pub(crate) fn record(&self, block: &[u8], last: bool, fields: &mut Vec<Field>) -> Found {
        fields.clear();
        let mut at = 0;
        loop {
            let quoted = self.quote.is_some() && block.get(at) == self.quote.as_ref();
            let (field, stop) = if quoted {
                self.quoted(block, at, last)
            } else {
                self.bare(block, at, at, last)
            };
            fields.push(field);
            match stop {
                Stop::Separator(next) => at = next,
                Stop::Newline(end, next) => return Found::Record(end, next),
                Stop::More => return Found::More,
                Stop::Unclosed => return Found::Unclosed,
            }
        }
    }

    /// A field that began at `start` and from `at` on goes to the next separator or newline.
    fn bare(&self, block: &[u8], start: usize, at: usize, last: bool) -> (Field, Stop) {
        let end = memchr::memchr3(self.separator, b'\n', b'\r', &block[at..])
            .map_or(block.len(), |length| at + length);
        let field = Field {
            start,
            end,
            escaped: false,
            quoted: false,
        };
        let stop = match block.get(end) {
            Some(byte) if *byte == self.separator => Stop::Separator(end + 1),
            Some(_) => newline(block, end, last),
            None if last => Stop::Newline(end, end),
            None => Stop::More,
        };
        (field, stop)
    }

    /// A field in quotes. Text behind the closing quote makes the whole of it plain text, quotes included, as Spark reads it.
    fn quoted(&self, block: &[u8], start: usize, last: bool) -> (Field, Stop) {
        let quote = block[start];
        let mut field = Field {
            start: start + 1,
            end: start + 1,
            escaped: false,
            quoted: true,
        };
        let mut at = start + 1;
        loop {
            let found = match self.escape {
                Escape::Double => memchr::memchr(quote, &block[at..]),
                Escape::Backslash => memchr::memchr2(quote, b'\\', &block[at..]),
            };
            let Some(length) = found else {
                field.end = block.len();
                return (field, if last { Stop::Unclosed } else { Stop::More });
            };
            at += length;
            if block[at] != quote {
                // What follows a backslash cannot close the field.
                field.escaped = true;
                at = (at + 2).min(block.len());
                continue;
            }
            field.end = at;
            return match block.get(at + 1) {
                Some(next) if *next == quote => {
                    field.escaped = true;
                    at += 2;
                    continue;
                }
                Some(next) if *next == self.separator => (field, Stop::Separator(at + 2)),
                Some(b'\n' | b'\r') => (field, newline(block, at + 1, last)),
                Some(_) => self.bare(block, start, at + 1, last),
                None if last => (field, Stop::Newline(at + 1, at + 1)),
                None => (field, Stop::More),
            };
        }
    }

    /// The text of a field of `record`.
    pub(crate) fn value<'r>(&self, record: &'r str, field: &Field) -> Cow<'r, str> {
        // The offsets are those of ASCII bytes, so they lie between characters.
        let raw = record.get(field.start..field.end).unwrap_or_default();
        if !field.escaped {
            return Cow::Borrowed(raw);
        }
        let quote = self.quote.unwrap_or(b'"') as char;
        let mut text = String::with_capacity(raw.len());
        let mut characters = raw.chars().peekable();
        while let Some(c) = characters.next() {
            let follower = characters.peek().copied();
            let escape = c == quote && follower == Some(quote)
                || self.escape == Escape::Backslash
                    && c == '\\'
                    && (follower == Some(quote) || follower == Some('\\'));
            text.push(if escape {
                characters.next().unwrap_or(c)
            } else {
                c
            });
        }
        Cow::Owned(text)
    }
}

/// A newline at `at`: `\n`, `\r\n`, or `\r` alone.
fn newline(block: &[u8], at: usize, last: bool) -> Stop {
    if block[at] == b'\n' {
        return Stop::Newline(at, at + 1);
    }
    match block.get(at + 1) {
        Some(b'\n') => Stop::Newline(at, at + 2),
        Some(_) => Stop::Newline(at, at + 1),
        None if last => Stop::Newline(at, at + 1),
        None => Stop::More,
    }
}
