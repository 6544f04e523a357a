//! Functions that take a regular expression of Java's.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::arguments::{Answer, failure, integer, piece, string, text};
use super::{INT, TEXT, bound};
use crate::function::{Call, Failure, Function, Prepared, prepared};
use crate::regex::{Pattern, Replacement};
use crate::{Field, Type, Value};

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["rlike", "regexp_like", "regexp"],
        (2, 2),
        "rlike(text, regex)",
        &[TEXT],
        |call| {
            let ready = Ready::of(call)?;
            Ok((
                Type::Boolean,
                prepared(move |_, a| {
                    ready.with(a, |p| Ok(Value::Boolean(p.is_match(text(&a[0])?)?)))
                }),
            ))
        },
    ),
    bound(
        &["split"],
        (2, 3),
        "split(text, regex[, limit])",
        &[TEXT, TEXT, INT],
        bind_split,
    ),
    bound(
        &["regexp_extract"],
        (2, 3),
        "regexp_extract(text, regex[, group])",
        &[TEXT, TEXT, INT],
        regexp_extract,
    ),
    bound(
        &["regexp_extract_all"],
        (2, 3),
        "regexp_extract_all(text, regex[, group])",
        &[TEXT, TEXT, INT],
        regexp_extract_all,
    ),
    bound(
        &["regexp_extract_named"],
        (2, 2),
        "regexp_extract_named(text, regex)",
        &[TEXT],
        regexp_extract_named,
    ),
    bound(
        &["regexp_replace"],
        (3, 4),
        "regexp_replace(text, regex, replacement[, start])",
        &[TEXT, TEXT, TEXT, INT],
        regexp_replace,
    ),
    bound(
        &["regexp_count"],
        (2, 2),
        "regexp_count(text, regex)",
        &[TEXT],
        |call| {
            let ready = Ready::of(call)?;
            let body = prepared(move |_, a| {
                ready.with(a, |pattern| {
                    let mut count = 0;
                    pattern.each_match(text(&a[0])?, |_| {
                        count += 1;
                        true
                    })?;
                    Ok(Value::Integer(count))
                })
            });
            Ok((Type::Int, body))
        },
    ),
    bound(
        &["regexp_substr"],
        (2, 2),
        "regexp_substr(text, regex)",
        &[TEXT],
        |call| {
            let ready = Ready::of(call)?;
            let body = prepared(move |_, a| {
                ready.with(a, |pattern| match pattern.find_at(text(&a[0])?, 0)? {
                    Some(found) if !found.is_empty() => piece(&a[0], found),
                    _ => Ok(Value::Null),
                })
            });
            Ok((Type::String, body))
        },
    ),
    bound(
        &["regexp_instr"],
        (2, 3),
        "regexp_instr(text, regex)",
        &[TEXT, TEXT, INT],
        |call| {
            let ready = Ready::of(call)?;
            let body = prepared(move |_, a| {
                ready.with(a, |pattern| {
                    let text = text(&a[0])?;
                    let place = pattern.find_at(text, 0)?.map_or(0, |found| {
                        super::pieces::characters(&text[..found.start]) as i64 + 1
                    });
                    Ok(Value::Integer(place))
                })
            });
            Ok((Type::Int, body))
        },
    ),
];

/// The pattern of a call: compiled at the start if it is a constant, else kept from row to row.
struct Ready(Option<Pattern>);

impl Ready {
    fn of(call: &Call<'_>) -> Result<Ready, String> {
        match &call.constants[1] {
            Some(Value::String(pattern)) => Ok(Ready(Some(Pattern::new(pattern)?))),
            _ => Ok(Ready(None)),
        }
    }

    fn with<'a>(&self, a: &[Value<'a>], then: impl FnOnce(&Pattern) -> Answer<'a>) -> Answer<'a> {
        match &self.0 {
            Some(pattern) => then(pattern),
            None => then(&*recent(text(&a[1])?)?),
        }
    }
}

/// Patterns that come from the rows, the last used first.
fn recent(java: &str) -> Result<Rc<Pattern>, Failure> {
    const KEPT: usize = 32;
    thread_local! {
        static RECENT: RefCell<Vec<(String, Rc<Pattern>)>> = const { RefCell::new(Vec::new()) };
    }
    RECENT.with_borrow_mut(|kept| {
        if let Some(place) = kept.iter().position(|(known, _)| known == java) {
            kept[..=place].rotate_right(1);
        } else {
            let pattern = Rc::new(Pattern::new(java).map_err(Failure)?);
            kept.truncate(KEPT - 1);
            kept.insert(0, (java.to_owned(), pattern));
        }
        Ok(Rc::clone(&kept[0].1))
    })
}

/// The parts of a text between the matches, as `Pattern.split` cuts them; at most `limit`, if that is above zero.
/// Each is made into what `part` makes of its place.
pub fn split<T>(
    pattern: &Pattern,
    text: &str,
    limit: i64,
    part: impl Fn(Range<usize>) -> T,
) -> Result<Vec<T>, Failure> {
    let mut parts = vec![];
    let mut start = 0;
    pattern.each_match(text, |found| {
        if limit > 0 && parts.len() as i64 >= limit - 1 {
            return false;
        }
        // Java leaves out an empty part before an empty match at the very start.
        if found.end > 0 {
            parts.push(part(start..found.start));
            start = found.end;
        }
        true
    })?;
    parts.push(part(start..text.len()));
    Ok(parts)
}

fn bind_split(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = Ready::of(call)?;
    let body = prepared(move |_, a| {
        let all = text(&a[0])?;
        let limit = a.get(2).map_or(Ok(-1), integer)?;
        if text(&a[1])?.is_empty() && !all.is_empty() {
            return characters(&a[0], limit);
        }
        ready.with(a, |pattern| {
            if let Value::String(Cow::Borrowed(all)) = a[0] {
                let part = |part| Value::String(Cow::Borrowed(&all[part]));
                return Ok(Value::Array(split(pattern, all, limit, part)?));
            }
            let part = |part: Range<usize>| Value::String(Cow::Owned(all[part].to_owned()));
            Ok(Value::Array(split(pattern, all, limit, part)?))
        })
    });
    Ok((Type::Array(Box::new(Type::String)), body))
}

/// Split by nothing: into characters, the last part taking what the limit leaves.
fn characters<'a>(value: &Value<'a>, limit: i64) -> Answer<'a> {
    let text = text(value)?;
    let mut parts = vec![];
    for (place, character) in text.char_indices() {
        if limit > 0 && parts.len() as i64 == limit - 1 {
            parts.push(piece(value, place..text.len())?);
            break;
        }
        parts.push(piece(value, place..place + character.len_utf8())?);
    }
    Ok(Value::Array(parts))
}

/// The group a call asks for, checked against the pattern.
fn group(a: &[Value<'_>], pattern: &Pattern) -> Result<usize, Failure> {
    let group = a.get(2).map_or(Ok(1), integer)?;
    match usize::try_from(group) {
        Ok(group) if group <= pattern.groups() => Ok(group),
        _ => Err(Failure(format!(
            "no group {group}: the regular expression has {}",
            pattern.groups()
        ))),
    }
}

/// Refuses at the start a constant group that a constant pattern does not have.
fn check_group(ready: &Ready, call: &Call<'_>) -> Result<(), String> {
    let constant = match call.constants.get(2) {
        None => Some(1),
        Some(Some(Value::Integer(group))) => Some(*group),
        _ => None,
    };
    match (&ready.0, constant) {
        (Some(pattern), Some(wanted)) => {
            group(&[Value::Null, Value::Null, Value::Integer(wanted)], pattern)
                .map(|_| ())
                .map_err(|Failure(message)| message)
        }
        _ => Ok(()),
    }
}

fn regexp_extract(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = Ready::of(call)?;
    check_group(&ready, call)?;
    let body = prepared(move |_, a| {
        ready.with(a, |pattern| {
            let group = group(a, pattern)?;
            let text = text(&a[0])?;
            let found = if group == 0 {
                pattern.find_at(text, 0)?
            } else {
                let mut groups = crate::regex::Groups::default();
                pattern.groups_at(text, 0, &mut groups)?;
                groups.get(group)
            };
            piece(&a[0], found.unwrap_or(0..0))
        })
    });
    Ok((Type::String, body))
}

fn regexp_extract_all(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = Ready::of(call)?;
    check_group(&ready, call)?;
    let body = prepared(move |_, a| {
        ready.with(a, |pattern| {
            let group = group(a, pattern)?;
            let mut found = vec![];
            pattern.each_groups(text(&a[0])?, |groups| {
                found.push(groups.get(group).unwrap_or(0..0))
            })?;
            let parts = found.into_iter().map(|range| piece(&a[0], range));
            Ok(Value::Array(parts.collect::<Result<_, _>>()?))
        })
    });
    Ok((Type::Array(Box::new(Type::String)), body))
}

/// Ours, not Spark's: a struct of the named groups of the first match. Null without a match; null is also the member of a
/// group that took no part in it.
fn regexp_extract_named(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let Ready(Some(pattern)) = Ready::of(call)? else {
        return Err("the regular expression must be a constant: its groups are the columns".into());
    };
    let names = pattern.names().to_vec();
    if names.is_empty() {
        return Err("the regular expression has no named group, such as (?<ip>[0-9.]+)".into());
    }
    let members = names.iter().map(|(name, _)| Field {
        name: name.clone(),
        kind: Type::String,
    });
    let kind = Type::Struct(members.collect());
    let body = prepared(move |_, a| {
        let mut groups = crate::regex::Groups::default();
        if !pattern.groups_at(text(&a[0])?, 0, &mut groups)? {
            return Ok(Value::Null);
        }
        let members = names.iter().map(|(name, group)| {
            let value = match groups.get(*group) {
                Some(found) => piece(&a[0], found)?,
                None => Value::Null,
            };
            Ok((Cow::Owned(name.clone()), value))
        });
        Ok(Value::Struct(members.collect::<Result<_, Failure>>()?))
    });
    Ok((kind, body))
}

/// Matches before `start` are left alone; `^` stands at `start`.
fn regexp_replace(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = Ready::of(call)?;
    if matches!(call.constants.get(3), Some(Some(Value::Integer(start))) if *start < 1) {
        return Err("the start is counted from 1".to_owned());
    }
    let replacement = match (&ready.0, &call.constants[2]) {
        (Some(pattern), Some(Value::String(text))) => Some(Replacement::new(text, pattern)?),
        _ => None,
    };
    let body = prepared(move |_, a| {
        ready.with(a, |pattern| {
            let start = a.get(3).map_or(Ok(1), integer)?;
            if start < 1 {
                return failure("the start is counted from 1");
            }
            let made;
            let replacement = match &replacement {
                Some(replacement) => replacement,
                None => {
                    made = Replacement::new(text(&a[2])?, pattern).map_err(Failure)?;
                    &made
                }
            };
            let all = text(&a[0])?;
            let (head, tail) = all.split_at(super::pieces::range(all, start - 1, i64::MAX).start);
            if start > 1 && tail.is_empty() || !pattern.is_match(tail)? {
                return Ok(a[0].clone());
            }
            let mut out = head.to_owned();
            let mut done = 0;
            pattern.each_groups(tail, |groups| {
                if let Some(found) = groups.get(0) {
                    out.push_str(&tail[done..found.start]);
                    replacement.push(&mut out, tail, groups);
                    done = found.end;
                }
            })?;
            out.push_str(&tail[done..]);
            Ok(string(out))
        })
    });
    Ok((Type::String, body))
}
