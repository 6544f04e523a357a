//! A compiled pattern, on whichever engine it needs.

use std::ops::Range;
use std::sync::OnceLock;

use super::translate::{Found, translate};
use crate::function::Failure;

/// Bytes a compiled pattern may take; enough for large counted repetitions.
const SIZE_LIMIT: usize = 64 << 20;

/// A pattern of Java's, compiled.
pub struct Pattern {
    java: String,
    quick: Engine,
    /// With the long forms of the anchors, if the pattern has such; compiled when a text asks for them.
    exact: OnceLock<Result<Engine, String>>,
    found: Found,
    /// See [`Pattern::byte`].
    byte: Option<u8>,
}

enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Where the groups of a match stand; group 0 is all of it.
#[derive(Default)]
pub struct Groups(Vec<Option<(usize, usize)>>);

impl Groups {
    /// The bytes of a group, if it took part in the match.
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        let (start, end) = (*self.0.get(group)?)?;
        Some(start..end)
    }
}

impl Engine {
    fn new(pattern: &str, backtracks: bool) -> Result<Engine, String> {
        if backtracks {
            let built = fancy_regex::RegexBuilder::new(pattern)
                .delegate_size_limit(SIZE_LIMIT)
                .build();
            built
                .map(|regex| Engine::Backtracking(Box::new(regex)))
                .map_err(|error| error.to_string())
        } else {
            let built = regex::RegexBuilder::new(pattern)
                .size_limit(SIZE_LIMIT)
                .build();
            built.map(Engine::Linear).map_err(|error| error.to_string())
        }
    }
}

fn gave_up<T>(error: fancy_regex::Error) -> Result<T, Failure> {
    Err(Failure(format!("the regular expression gave up: {error}")))
}

impl Pattern {
    /// Compiles a pattern; an error is a message for the user.
    pub fn new(java: &str) -> Result<Pattern, String> {
        let (pattern, found) = translate(java, false)?;
        let quick = Engine::new(&pattern, found.backtracks).map_err(|error| {
            format!(
                "regular expression {java:?}: {}",
                error.lines().last().unwrap_or_default()
            )
        })?;
        Ok(Pattern {
            java: java.to_owned(),
            quick,
            exact: OnceLock::new(),
            found,
            byte: match java.as_bytes() {
                [byte] if byte.is_ascii_alphanumeric() || b" ,;:/-_=&@\t".contains(byte) => {
                    Some(*byte)
                }
                _ => None,
            },
        })
    }

    /// The one character that is all of the pattern, if it is ASCII and stands for itself.
    pub fn byte(&self) -> Option<u8> {
        self.byte
    }

    /// Number of capturing groups.
    pub fn groups(&self) -> usize {
        self.found.groups
    }

    /// The number of a named group.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.found
            .names
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, group)| *group)
    }

    /// The names of the named groups and their numbers, in the order of the pattern.
    pub fn names(&self) -> &[(String, usize)] {
        &self.found.names
    }

    /// The engine that is right for a text. The short forms of `$` and `^` are wrong only near odd line ends.
    fn engine(&self, text: &str) -> Result<&Engine, Failure> {
        const TERMINATORS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        let odd = (self.found.ends || self.found.lines) && text.ends_with(TERMINATORS)
            || self.found.lines && (text.is_empty() || text.contains(&TERMINATORS[1..]));
        if !odd {
            return Ok(&self.quick);
        }
        let exact = self.exact.get_or_init(|| {
            let (pattern, found) = translate(&self.java, true)?;
            Engine::new(&pattern, found.backtracks)
        });
        exact.as_ref().map_err(|error| Failure(error.clone()))
    }

    /// True if the pattern is found anywhere.
    pub fn is_match(&self, text: &str) -> Result<bool, Failure> {
        match self.engine(text)? {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex.is_match(text).or_else(gave_up),
        }
    }

    /// The first match that begins at byte `start` or later.
    pub fn find_at(&self, text: &str, start: usize) -> Result<Option<Range<usize>>, Failure> {
        match self.engine(text)? {
            Engine::Linear(regex) => Ok(regex.find_at(text, start).map(|found| found.range())),
            Engine::Backtracking(regex) => regex
                .find_from_pos(text, start)
                .map(|found| found.map(|found| found.start()..found.end()))
                .or_else(gave_up),
        }
    }

    /// The same with its groups, which are put into `groups`.
    pub fn groups_at(
        &self,
        text: &str,
        start: usize,
        groups: &mut Groups,
    ) -> Result<bool, Failure> {
        groups.0.clear();
        match self.engine(text)? {
            Engine::Linear(regex) => {
                let mut places = regex.capture_locations();
                let found = regex.captures_read_at(&mut places, text, start).is_some();
                groups
                    .0
                    .extend((0..places.len()).map(|group| places.get(group)));
                Ok(found)
            }
            Engine::Backtracking(regex) => {
                match regex.captures_from_pos(text, start).or_else(gave_up)? {
                    Some(found) => {
                        groups.0.extend(
                            found
                                .iter()
                                .map(|group| group.map(|group| (group.start(), group.end()))),
                        );
                        Ok(true)
                    }
                    None => Ok(false),
                }
            }
        }
    }

    /// Calls `each` with every match from left to right, as `Matcher.find` goes on: after an empty match one character on.
    /// Stops when `each` gives false.
    pub fn each_match(
        &self,
        text: &str,
        mut each: impl FnMut(Range<usize>) -> bool,
    ) -> Result<(), Failure> {
        if let Some(byte) = self.byte {
            for at in memchr::memchr_iter(byte, text.as_bytes()) {
                if !each(at..at + 1) {
                    break;
                }
            }
            return Ok(());
        }
        let mut start = 0;
        while start <= text.len() {
            let Some(found) = self.find_at(text, start)? else {
                break;
            };
            start = after(text, &found);
            if !each(found) {
                break;
            }
        }
        Ok(())
    }

    /// The same with groups.
    pub fn each_groups(&self, text: &str, mut each: impl FnMut(&Groups)) -> Result<(), Failure> {
        let mut start = 0;
        let mut groups = Groups::default();
        while start <= text.len() && self.groups_at(text, start, &mut groups)? {
            start = groups
                .get(0)
                .map_or(text.len() + 1, |found| after(text, &found));
            each(&groups);
        }
        Ok(())
    }
}

/// Where the search goes on after a match.
fn after(text: &str, found: &Range<usize>) -> usize {
    if found.is_empty() {
        found.end + text[found.end..].chars().next().map_or(1, char::len_utf8)
    } else {
        found.end
    }
}
