//! `like` and `ilike`: `%` is any text, `_` one character, the whole text has to match.

use super::{Op, Scope};
use crate::cast::cast;
use crate::function::Failure;
use crate::{Type, Value};
use std::borrow::Cow;

/// A match of a value with one or several patterns.
pub struct Like {
    /// What is matched.
    pub value: Op,
    /// The patterns, cut if they are constant.
    pub patterns: Vec<(Op, Option<Pattern>)>,
    /// Case aside.
    pub insensitive: bool,
    /// Every pattern has to match, rather than one of them.
    pub all: bool,
    /// The escape character.
    pub escape: char,
}

/// A pattern cut into its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    One,
    Any,
}

impl Pattern {
    /// Reads a pattern. An escape may stand before `%`, `_` and itself only, as in Spark.
    pub fn new(text: &str, escape: char) -> Result<Pattern, Failure> {
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let literal = match c {
                c if c == escape => match chars.next() {
                    Some(next) if next == '%' || next == '_' || next == escape => next,
                    Some(next) => {
                        let mend = format!("write {escape}{escape} for the character itself");
                        return Err(Failure(format!(
                            "in pattern '{text}' {escape} stands before {next}: {mend}"
                        )));
                    }
                    None => {
                        return Err(Failure(format!(
                            "pattern '{text}' ends with its escape {escape}"
                        )));
                    }
                },
                '%' => {
                    if parts.last() != Some(&Part::Any) {
                        parts.push(Part::Any);
                    }
                    continue;
                }
                '_' => {
                    parts.push(Part::One);
                    continue;
                }
                c => c,
            };
            match parts.last_mut() {
                Some(Part::Text(text)) => text.push(literal),
                _ => parts.push(Part::Text(literal.to_string())),
            }
        }
        Ok(Pattern(parts))
    }

    /// True if the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        // After a mismatch only the last `%` needs to take one character more.
        let (mut part, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let next = match self.0.get(part) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Part::Any) if part + 1 == self.0.len() => return true,
                Some(Part::Any) => {
                    part += 1;
                    retry = Some((part, rest));
                    continue;
                }
                Some(Part::One) => rest.chars().next().map(|c| &rest[c.len_utf8()..]),
                Some(Part::Text(text)) => rest.strip_prefix(text.as_str()),
            };
            if let Some(next) = next {
                (part, rest) = (part + 1, next);
                continue;
            }
            let Some((from, start)) = retry else {
                return false;
            };
            let start = match self.0.get(from) {
                Some(Part::Text(text)) => match start
                    .char_indices()
                    .nth(1)
                    .and_then(|(i, _)| start[i..].find(text.as_str()).map(|j| i + j))
                {
                    Some(i) => &start[i..],
                    None => return false,
                },
                _ => match start.chars().next() {
                    Some(c) => &start[c.len_utf8()..],
                    None => return false,
                },
            };
            retry = Some((from, start));
            (part, rest) = (from, start);
        }
    }
}

impl Like {
    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let text = match scope.settle(cast(
            scope.env,
            self.value.eval(scope),
            &Type::Any,
            &Type::String,
        )) {
            Value::String(text) => text,
            _ => return Value::Null,
        };
        let text = if self.insensitive {
            Cow::Owned(text.to_lowercase())
        } else {
            text
        };
        let mut unknown = false;
        for (op, pattern) in &self.patterns {
            let matched = match pattern {
                Some(pattern) => Some(pattern.matches(&text)),
                None => self.dynamic(op, &text, scope),
            };
            match matched {
                Some(matched) if matched != self.all => return Value::Boolean(matched),
                Some(_) => {}
                None => unknown = true,
            }
        }
        if unknown {
            Value::Null
        } else {
            Value::Boolean(self.all)
        }
    }

    /// Matches a pattern that the row brings along.
    fn dynamic<'r>(&'r self, op: &'r Op, text: &str, scope: &Scope<'_, 'r>) -> Option<bool> {
        let value = cast(scope.env, op.eval(scope), &Type::Any, &Type::String);
        let Value::String(pattern) = scope.settle(value) else {
            return None;
        };
        let pattern = if self.insensitive {
            Cow::Owned(pattern.to_lowercase())
        } else {
            pattern
        };
        match Pattern::new(&pattern, self.escape) {
            Ok(pattern) => Some(pattern.matches(text)),
            Err(failure) => {
                scope.env.failures.add(failure);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Pattern;

    #[test]
    fn whole_text_has_to_match() {
        let like = |text: &str, pattern: &str| Pattern::new(pattern, '\\').unwrap().matches(text);
        assert!(like("hello", "hello") && !like("hello", "hell") && !like("hello", "ello"));
        assert!(like("hello", "h%o") && like("hello", "%") && like("", "%") && !like("", "_"));
        assert!(like("hello", "%l%o") && like("hello", "%_o") && !like("hello", "%lx%"));
        assert!(like("aab", "%ab") && like("aXbXc", "a%b%c") && like("mississippi", "%iss%ppi"));
        assert!(like("100%", "100\\%") && !like("1000", "100\\%") && like("a_b", "a\\_b"));
        assert!(like("größe", "gr_ße") && like("größe", "%ße") && !like("ab", "a_b%"));
        assert!(Pattern::new("a\\b", '\\').is_err() && Pattern::new("a\\", '\\').is_err());
    }
}
