//! Messages about an expression: what is wrong, the text, a caret under the place, the mend.

use std::fmt;

/// A place in an expression's text: byte offsets, end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The span from the start of this one to the end of another.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end,
        }
    }
}

/// Why an expression is refused. Prints as one line; where the place is known, two more lines show the text and a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong, and the mend.
    pub message: String,
    /// The text and the place in it.
    pub place: Option<(String, Span)>,
}

impl SyntaxError {
    /// An error at a place of a text.
    pub fn at(text: &str, span: Span, message: impl Into<String>) -> Self {
        SyntaxError {
            message: message.into(),
            place: Some((text.to_owned(), span)),
        }
    }

    /// An error without a place.
    pub fn plain(message: impl Into<String>) -> Self {
        SyntaxError {
            message: message.into(),
            place: None,
        }
    }
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let Some((text, span)) = &self.place else {
            return Ok(());
        };
        // Only the line with the place: expressions may span several.
        let at = span.start.min(text.len());
        let from = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let to = text[at..].find('\n').map_or(text.len(), |i| at + i);
        let before = text[from..at]
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect::<String>();
        let place = text[at..to].char_indices();
        let width = place.filter(|(i, _)| at + i < span.end).count().max(1);
        write!(
            f,
            "\n  {}\n  {before}{}",
            &text[from..to],
            "^".repeat(width)
        )
    }
}
