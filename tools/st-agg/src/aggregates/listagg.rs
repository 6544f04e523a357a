//! `listagg(x[, separator])` = `string_agg`: the texts that are not null, joined in order of arrival or `within group
//! (order by …)`; nothing gives null.

use std::sync::Arc;

use st_expr::compare::by_key;
use st_expr::{Failure, Order, Type, Value};

use super::{Accumulator, Bound, Call, Function};
use crate::saved;
use crate::scalar::Scalar;

/// The texts so far.
#[derive(Clone)]
pub struct Listagg {
    texts: Texts,
    separator: Arc<str>,
    order: Arc<[Order]>,
}

#[derive(Clone)]
enum Texts {
    /// Joined already, as the order of arrival is final.
    Joined(Option<String>),
    /// Each with the values it is sorted by.
    Sorted(Vec<(String, Box<[Scalar]>)>),
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[Function {
    names: &["listagg", "string_agg"],
    arity: (1, 2),
    usage: "listagg(text[, separator])",
    bind,
}];

fn bind(call: &Call<'_>) -> Result<Bound, String> {
    let separator = match call.constant(1, "the separator")? {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.as_ref(),
        Some(_) => return Err("the separator must be text".to_string()),
    };
    let texts = if call.order.is_empty() {
        Texts::Joined(None)
    } else {
        Texts::Sorted(Vec::new())
    };
    let empty = Listagg {
        texts,
        separator: separator.into(),
        order: call.order.into(),
    };
    Ok(Bound::new(call, Type::String, Box::new(empty)).cast(1, &Type::String))
}

impl Accumulator for Listagg {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let Some((Value::String(text), keys)) = args.split_first() else {
            return Ok(());
        };
        match &mut self.texts {
            Texts::Joined(Some(joined)) => {
                joined.push_str(&self.separator);
                joined.push_str(text);
            }
            Texts::Joined(none) => *none = Some(text.to_string()),
            Texts::Sorted(texts) => {
                texts.push((text.to_string(), keys.iter().map(Scalar::of).collect()))
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Listagg) {
        match (&mut self.texts, other.texts) {
            (Texts::Joined(Some(joined)), Texts::Joined(Some(more))) => {
                joined.push_str(&self.separator);
                joined.push_str(&more);
            }
            (Texts::Joined(none), Texts::Joined(more)) if none.is_none() => *none = more,
            (Texts::Sorted(texts), Texts::Sorted(more)) => texts.extend(more),
            _ => {}
        }
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(match &self.texts {
            Texts::Joined(joined) => joined.as_deref().map_or(Value::Null, Value::text),
            Texts::Sorted(texts) if texts.is_empty() => Value::Null,
            Texts::Sorted(texts) => {
                let mut sorted: Vec<_> = texts.iter().collect();
                sorted.sort_by(|(_, a), (_, b)| {
                    let keys = self.order.iter().zip(a.iter().zip(b));
                    keys.map(|(key, (a, b))| by_key(key, &a.value(), &b.value()))
                        .find(|order| order.is_ne())
                        .unwrap_or(std::cmp::Ordering::Equal)
                });
                let texts: Vec<&str> = sorted.iter().map(|(text, _)| text.as_str()).collect();
                Value::String(texts.join(&self.separator).into())
            }
        })
    }

    fn save(&self, out: &mut Vec<u8>) {
        match &self.texts {
            Texts::Joined(None) => out.extend_from_slice(b"null"),
            Texts::Joined(Some(joined)) => st_row::write_string(out, joined),
            Texts::Sorted(texts) => saved::list(out, texts, |out, (text, keys)| {
                let values =
                    std::iter::once(Value::text(text)).chain(keys.iter().map(Scalar::value));
                saved::list(out, values, |out, value| saved::write(out, &value));
            }),
        }
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        match &mut self.texts {
            Texts::Joined(joined) => {
                *joined = match saved::read(saved)? {
                    Value::String(text) => Some(text.into_owned()),
                    _ => None,
                }
            }
            Texts::Sorted(texts) => {
                *texts = saved::items(saved, |raw| {
                    let mut values = saved::items(raw, saved::read)?.into_iter();
                    let Value::String(text) = values.next()? else {
                        return None;
                    };
                    Some((
                        text.into_owned(),
                        values.map(|value| Scalar::of(&value)).collect(),
                    ))
                })?;
            }
        }
        Some(())
    }

    fn heap(&self) -> usize {
        match &self.texts {
            Texts::Joined(joined) => joined.as_ref().map_or(0, String::capacity),
            Texts::Sorted(texts) => texts
                .iter()
                .map(|(text, keys)| {
                    40 + text.len() + keys.iter().map(|key| 24 + key.heap()).sum::<usize>()
                })
                .sum(),
        }
    }
}
