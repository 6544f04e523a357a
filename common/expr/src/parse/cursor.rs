//! Stepping through the tokens, and saying what was expected.

use super::Parser;
use super::lexer::{Kind, Token};
use crate::error::{Span, SyntaxError};

impl Parser<'_> {
    pub(crate) fn at_end(&self) -> bool {
        self.peek() == &Kind::End
    }

    /// Refuses what is left over.
    pub(crate) fn finish(&self) -> Result<(), SyntaxError> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.expected("an operator, `,` or the end"))
        }
    }

    pub(super) fn peek(&self) -> &Kind {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, n: usize) -> &Kind {
        &self.tokens[(self.at + n).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at.min(self.tokens.len() - 1)].span
    }

    /// The place of the token just read.
    pub(super) fn behind(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    pub(super) fn step(&mut self) -> Token {
        let token = self.tokens[self.at.min(self.tokens.len() - 1)].clone();
        self.at += usize::from(self.at + 1 < self.tokens.len());
        token
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> SyntaxError {
        SyntaxError::at(self.text, span, message)
    }

    pub(super) fn expected(&self, what: &str) -> SyntaxError {
        let found = match self.peek() {
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", &self.text[self.span().start..self.span().end]),
        };
        self.error(self.span(), format!("expected {what}, found {found}"))
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Kind::Symbol(s) if *s == symbol)
    }

    pub(super) fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn need(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.take(symbol) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{symbol}`")))
        }
    }

    pub(super) fn word_ahead(&self, n: usize, word: &str) -> bool {
        matches!(self.ahead(n), Kind::Word(w) if w.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word_ahead(0, word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.step();
        }
        found
    }

    /// Takes several words in a row, or none of them.
    pub(super) fn take_words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(n, word)| self.word_ahead(n, word));
        if found {
            words.iter().for_each(|_| drop(self.step()));
        }
        found
    }

    pub(super) fn need_word(&mut self, word: &str) -> Result<(), SyntaxError> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{word}`")))
        }
    }

    pub(super) fn name(&mut self, what: &str) -> Result<String, SyntaxError> {
        match self.peek().clone() {
            Kind::Word(name) | Kind::Quoted(name) => {
                self.step();
                Ok(name)
            }
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn separated<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        let mut all = vec![one(self)?];
        while self.take(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }
}
