//! Functions that make several rows of one: `explode` and its kin. They stand alone at the top of an item.

use super::{Compiled, Compiler, Cut};
use crate::ast::{Ast, Item};
use crate::error::SyntaxError;
use crate::function::Env;
use crate::{Field, Slots, Type, Value};

/// A call that gives any number of rows, each with the same columns.
pub struct Generator {
    kind: Kind,
    outer: bool,
    args: Vec<Compiled>,
    columns: Vec<Field>,
    cut: Option<Cut>,
}

/// The rows made of one row: each has one value per column of the generator.
pub enum Made<'r> {
    /// Each is one value.
    Elements(std::vec::IntoIter<Value<'r>>),
    /// Each is a list of values.
    Rows(std::vec::IntoIter<Vec<Value<'r>>>),
}

impl<'r> Made<'r> {
    /// Appends the values of the next row; false if there is none.
    #[inline]
    pub fn next_into(&mut self, values: &mut Vec<Value<'r>>) -> bool {
        match self {
            Made::Elements(elements) => elements.next().map(|value| values.push(value)),
            Made::Rows(rows) => rows.next().map(|row| values.extend(row)),
        }
        .is_some()
    }
}

type Rows<'r> = Vec<Vec<Value<'r>>>;

/// `explode` of an array.
const ELEMENTS: Kind = Kind::Explode {
    position: false,
    map: false,
};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Explode { position: bool, map: bool },
    Inline,
    Stack(usize),
}

impl Generator {
    /// The columns it makes, with their names: the aliases, or Spark's (`col`, `pos`, `key`, `value`).
    pub fn columns(&self) -> &[Field] {
        &self.columns
    }

    /// What it cuts, if each of its rows is a piece of a column's text.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// The rows it makes of one row; none for null or empty input, unless it is an `_outer` one.
    pub fn made<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>) -> Made<'r> {
        let mut rows = match self.args.as_slice() {
            [arg] if self.kind == ELEMENTS && !self.outer => match arg.eval(env, slots) {
                Value::Array(elements) => return Made::Elements(elements.into_iter()),
                other => self.of(env, other),
            },
            _ => self.inner(env, slots),
        };
        if rows.is_empty() && self.outer {
            rows.push(vec![Value::Null; self.columns.len()]);
        }
        Made::Rows(rows.into_iter())
    }

    fn inner<'r>(&'r self, env: &Env, slots: &Slots<'_, 'r>) -> Rows<'r> {
        if let Kind::Stack(count) = self.kind {
            let mut values = self.args.iter().map(|arg| arg.eval(env, slots));
            let row = |_| {
                (0..self.columns.len())
                    .map(|_| values.next().unwrap_or(Value::Null))
                    .collect()
            };
            return (0..count).map(row).collect();
        }
        let value = self
            .args
            .first()
            .map_or(Value::Null, |arg| arg.eval(env, slots));
        self.of(env, value)
    }

    /// The rows made of the value of the argument.
    fn of<'r>(&self, env: &Env, value: Value<'r>) -> Rows<'r> {
        let fail = |found: &Value<'_>, wanted: &str| {
            env.failures.add(crate::Failure(format!(
                "{wanted} is wanted, not {}",
                found.kind()
            )));
            Vec::new()
        };
        let numbered = |position: bool, i: usize| position.then_some(Value::Integer(i as i64));
        match (self.kind, value) {
            (_, Value::Null) => Vec::new(),
            (
                Kind::Explode {
                    position,
                    map: false,
                },
                Value::Array(elements),
            ) => {
                let row = |(i, x)| numbered(position, i).into_iter().chain([x]).collect();
                elements.into_iter().enumerate().map(row).collect()
            }
            (
                Kind::Explode {
                    position,
                    map: true,
                },
                Value::Map(entries),
            ) => {
                let row = |(i, (k, v))| numbered(position, i).into_iter().chain([k, v]).collect();
                entries.into_iter().enumerate().map(row).collect()
            }
            (
                Kind::Explode {
                    position,
                    map: true,
                },
                Value::Struct(members),
            ) => {
                let row = |(i, (k, v))| {
                    numbered(position, i)
                        .into_iter()
                        .chain([Value::String(k), v])
                        .collect()
                };
                members.into_iter().enumerate().map(row).collect()
            }
            (Kind::Inline, Value::Array(elements)) => {
                let width = self.columns.len();
                let row = |x| match x {
                    Value::Struct(members) => members
                        .into_iter()
                        .map(|(_, x)| x)
                        .chain(std::iter::repeat(Value::Null))
                        .take(width)
                        .collect(),
                    _ => vec![Value::Null; width],
                };
                elements.into_iter().map(row).collect()
            }
            (Kind::Explode { map: true, .. }, other) => fail(&other, "a map"),
            (_, other) => fail(&other, "an array"),
        }
    }
}

impl Compiler {
    /// Compiles an item that is a generator; `None` if it is an ordinary expression.
    pub fn generator(&mut self, item: &Item) -> Result<Option<Generator>, SyntaxError> {
        self.generator_of(&item.expr, &item.aliases, &item.text)
    }

    /// The same for an expression and the names its columns get.
    pub fn generator_of(
        &mut self,
        ast: &Ast,
        aliases: &[String],
        text: &str,
    ) -> Result<Option<Generator>, SyntaxError> {
        let Some(call) = ast.call() else {
            return Ok(None);
        };
        let outer = call.name.ends_with("_outer");
        let name = call.name.strip_suffix("_outer").unwrap_or(&call.name);
        let usage = match name {
            "explode" | "posexplode" => "explode(array or map)",
            "inline" => "inline(array of structs)",
            "stack" if !outer => "stack(rows, value, …)",
            _ => return Ok(None),
        };
        self.start(text);
        let most = if name == "stack" { usize::MAX } else { 1 };
        self.count(
            call.args.len(),
            (if name == "stack" { 2 } else { 1 }, most),
            usage,
            call.name_span,
        )?;
        let mut args = Vec::new();
        for arg in &call.args {
            let part = self.part(arg)?;
            args.push(Compiled {
                op: part.op,
                kind: part.kind,
            });
        }
        let field = |name: &str, kind: &Type| Field {
            name: name.to_owned(),
            kind: kind.clone(),
        };
        let wrong = |wanted: &str| {
            let message = format!("{wanted} is wanted here, not {}: {usage}", args[0].kind);
            Err(self.error(call.args[0].span, message))
        };
        let position = name == "posexplode";
        let mut columns = Vec::new();
        if position {
            columns.push(field("pos", &Type::Int));
        }
        let kind = match (name, &args[0].kind) {
            ("inline", Type::Array(element)) => match &**element {
                Type::Struct(fields) => {
                    columns = fields.clone();
                    Kind::Inline
                }
                _ => return wrong("an array of structs"),
            },
            ("inline", Type::Any) => {
                return wrong(
                    "an array whose members are known, as in cast(x as ARRAY<STRUCT<a: INT>>),",
                );
            }
            ("inline", _) => return wrong("an array of structs"),
            ("stack", _) => {
                let Some(Value::Integer(count @ 1..=100_000)) = args[0].constant() else {
                    return Err(self.error(
                        call.args[0].span,
                        "the number of rows is a constant, at least 1: stack(rows, value, …)",
                    ));
                };
                let count = *count as usize;
                args.remove(0);
                let width = args.len().div_ceil(count);
                for i in 0..width {
                    let kind = crate::coercion::common_of(
                        args.iter().skip(i).step_by(width).map(Compiled::kind),
                    );
                    let kind = kind.unwrap_or(Type::Any);
                    columns.push(field(&format!("col{i}"), &kind));
                }
                Kind::Stack(count)
            }
            (_, Type::Array(element)) => {
                columns.push(field("col", element));
                Kind::Explode {
                    position,
                    map: false,
                }
            }
            (_, Type::Map(key, value)) => {
                columns.extend([field("key", key), field("value", value)]);
                Kind::Explode {
                    position,
                    map: true,
                }
            }
            // The names given say what an undeclared column holds.
            (_, Type::Any) if aliases.len() == columns.len() + 2 => {
                columns.extend([field("key", &Type::String), field("value", &Type::Any)]);
                Kind::Explode {
                    position,
                    map: true,
                }
            }
            (_, Type::Any) => {
                columns.push(field("col", &Type::Any));
                Kind::Explode {
                    position,
                    map: false,
                }
            }
            _ => return wrong("an array or a map"),
        };
        // One name for `posexplode` would be Spark's error too; one for `explode` of an array is the usual case.
        if !aliases.is_empty() && aliases.len() != columns.len() {
            let names = columns
                .iter()
                .map(|field| field.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(self.error(
                call.name_span,
                format!("it makes {} columns: write `as ({names})`", columns.len()),
            ));
        }
        for (column, alias) in columns.iter_mut().zip(aliases) {
            column.name.clone_from(alias);
        }
        // A text has one piece at least, so that `explode_outer` has nothing to add.
        let cut = match args.as_slice() {
            [arg] if kind == ELEMENTS => Cut::of(&arg.op),
            _ => None,
        };
        Ok(Some(Generator {
            kind,
            outer,
            args,
            columns,
            cut,
        }))
    }
}
