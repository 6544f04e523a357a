//! Functions that take a lambda: `transform`, `filter`, `aggregate` and their kin.

use super::{Op, Scope};
use crate::compare::{same, total};
use crate::{Type, Value};

/// Which function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Transform,
    Filter,
    Exists,
    ForAll,
    Aggregate,
    ZipWith,
    ArraySort,
    MapFilter,
    MapZipWith,
    TransformKeys,
    TransformValues,
}

/// A call with a lambda.
pub struct Higher {
    /// Which function.
    pub kind: Kind,
    /// The arguments that are no lambdas: array or map, a second array, an initial value.
    pub args: Vec<Op>,
    /// The lambda.
    pub body: Op,
    /// How many parameters it has.
    pub params: usize,
    /// `aggregate`'s last step.
    pub finish: Option<Op>,
    /// How many variables are in scope around the call.
    pub depth: usize,
}

impl Higher {
    /// Calls a lambda with these values.
    fn call<'r>(
        &'r self,
        body: &'r Op,
        scope: &Scope<'_, 'r>,
        values: impl IntoIterator<Item = Value<'r>>,
    ) -> Value<'r> {
        {
            let mut variables = scope.variables.borrow_mut();
            variables.truncate(self.depth);
            variables.extend(values);
        }
        let result = body.eval(scope);
        scope.variables.borrow_mut().truncate(self.depth);
        result
    }

    /// Calls the lambda with an element and, if it wants it, its index.
    fn on<'r>(&'r self, scope: &Scope<'_, 'r>, value: Value<'r>, index: usize) -> Value<'r> {
        let index = (self.params == 2).then_some(Value::Integer(index as i64));
        self.call(&self.body, scope, std::iter::once(value).chain(index))
    }

    pub(super) fn eval<'r>(&'r self, scope: &Scope<'_, 'r>) -> Value<'r> {
        let Some(first) = self.args.first() else {
            return Value::Null;
        };
        match first.eval(scope) {
            Value::Array(elements) => self.array(scope, elements),
            Value::Map(entries) => self.map(scope, entries),
            _ => Value::Null,
        }
    }

    fn array<'r>(&'r self, scope: &Scope<'_, 'r>, elements: Vec<Value<'r>>) -> Value<'r> {
        let indexed = elements.iter().cloned().enumerate();
        match self.kind {
            Kind::Transform => Value::Array(indexed.map(|(i, x)| self.on(scope, x, i)).collect()),
            Kind::Filter => {
                let kept = indexed
                    .filter(|(i, x)| self.on(scope, x.clone(), *i).is_true())
                    .map(|(_, x)| x);
                Value::Array(kept.collect())
            }
            // Three-valued: an unknown element matters only if no other one decides.
            Kind::Exists | Kind::ForAll => {
                let decisive = self.kind == Kind::Exists;
                let mut unknown = false;
                for (i, x) in indexed {
                    match self.on(scope, x, i) {
                        Value::Boolean(x) if x == decisive => return Value::Boolean(decisive),
                        Value::Boolean(_) => {}
                        _ => unknown = true,
                    }
                }
                if unknown {
                    Value::Null
                } else {
                    Value::Boolean(!decisive)
                }
            }
            Kind::Aggregate => {
                let mut sum = self.args.get(1).map_or(Value::Null, |x| x.eval(scope));
                for x in elements {
                    sum = self.call(&self.body, scope, [sum, x]);
                }
                match &self.finish {
                    Some(finish) => self.call(finish, scope, [sum]),
                    None => sum,
                }
            }
            Kind::ZipWith => match self.args.get(1).map(|x| x.eval(scope)) {
                Some(Value::Array(others)) => {
                    let length = elements.len().max(others.len());
                    let at =
                        |all: &[Value<'r>], i: usize| all.get(i).cloned().unwrap_or(Value::Null);
                    let zipped = (0..length)
                        .map(|i| self.call(&self.body, scope, [at(&elements, i), at(&others, i)]));
                    Value::Array(zipped.collect())
                }
                _ => Value::Null,
            },
            Kind::ArraySort => Value::Array(merge_sort(elements, &mut |a, b| {
                let order = self.call(&self.body, scope, [a.clone(), b.clone()]);
                total(&order, &Value::Integer(0)).is_le()
            })),
            _ => Value::Null,
        }
    }

    fn map<'r>(&'r self, scope: &Scope<'_, 'r>, entries: Vec<(Value<'r>, Value<'r>)>) -> Value<'r> {
        let call =
            |k: &Value<'r>, v: &Value<'r>| self.call(&self.body, scope, [k.clone(), v.clone()]);
        match self.kind {
            Kind::MapFilter => Value::Map(
                entries
                    .into_iter()
                    .filter(|(k, v)| call(k, v).is_true())
                    .collect(),
            ),
            Kind::TransformValues => Value::Map(
                entries
                    .into_iter()
                    .map(|(k, v)| (call(&k, &v), k))
                    .map(|(v, k)| (k, v))
                    .collect(),
            ),
            Kind::TransformKeys => {
                let mut all: Vec<(Value<'r>, Value<'r>)> = Vec::new();
                for (k, v) in entries {
                    let key = call(&k, &v);
                    match all.iter_mut().find(|(known, _)| same(known, &key)) {
                        Some((_, known)) => *known = v,
                        None => all.push((key, v)),
                    }
                }
                Value::Map(all)
            }
            Kind::MapZipWith => match self.args.get(1).map(|x| x.eval(scope)) {
                Some(Value::Map(others)) => {
                    let at = |all: &[(Value<'r>, Value<'r>)], key: &Value<'r>| {
                        let found = all.iter().find(|(known, _)| same(known, key));
                        found.map_or(Value::Null, |(_, value)| value.clone())
                    };
                    let mut keys: Vec<Value<'r>> =
                        entries.iter().map(|(key, _)| key.clone()).collect();
                    let more = others
                        .iter()
                        .filter(|(key, _)| !keys.iter().any(|known| same(known, key)));
                    let more: Vec<Value<'r>> = more.map(|(key, _)| key.clone()).collect();
                    keys.extend(more);
                    let entry = |key: Value<'r>| {
                        let values = [key.clone(), at(&entries, &key), at(&others, &key)];
                        (key, self.call(&self.body, scope, values))
                    };
                    Value::Map(keys.into_iter().map(entry).collect())
                }
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }
}

/// Sorts by a user's lambda. The standard library's sort may panic where an order contradicts itself.
fn merge_sort<'r>(
    mut all: Vec<Value<'r>>,
    in_order: &mut impl FnMut(&Value<'r>, &Value<'r>) -> bool,
) -> Vec<Value<'r>> {
    if all.len() < 2 {
        return all;
    }
    let right = all.split_off(all.len() / 2);
    let mut left = merge_sort(all, in_order).into_iter().peekable();
    let mut right = merge_sort(right, in_order).into_iter().peekable();
    let mut merged = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if in_order(a, b) {
            left.next()
        } else {
            right.next()
        };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    merged
}

/// Which function a name is, how many parameters its lambda may have, how many other arguments come before it.
pub fn find(name: &str) -> Option<(Kind, std::ops::RangeInclusive<usize>, usize, &'static str)> {
    Some(match name {
        "transform" => (Kind::Transform, 1..=2, 1, "transform(array, x -> …)"),
        "filter" => (Kind::Filter, 1..=2, 1, "filter(array, x -> …)"),
        "exists" => (Kind::Exists, 1..=1, 1, "exists(array, x -> …)"),
        "forall" => (Kind::ForAll, 1..=1, 1, "forall(array, x -> …)"),
        "aggregate" | "reduce" => (
            Kind::Aggregate,
            2..=2,
            2,
            "aggregate(array, start, (sum, x) -> …[, sum -> …])",
        ),
        "zip_with" => (
            Kind::ZipWith,
            2..=2,
            2,
            "zip_with(array, other, (x, y) -> …)",
        ),
        "array_sort" => (Kind::ArraySort, 2..=2, 1, "array_sort(array, (a, b) -> …)"),
        "map_filter" => (
            Kind::MapFilter,
            2..=2,
            1,
            "map_filter(map, (key, value) -> …)",
        ),
        "map_zip_with" => (
            Kind::MapZipWith,
            3..=3,
            2,
            "map_zip_with(map, other, (key, x, y) -> …)",
        ),
        "transform_keys" => (
            Kind::TransformKeys,
            2..=2,
            1,
            "transform_keys(map, (key, value) -> …)",
        ),
        "transform_values" => (
            Kind::TransformValues,
            2..=2,
            1,
            "transform_values(map, (key, value) -> …)",
        ),
        _ => return None,
    })
}

/// The types of the lambda's parameters and the type of the call, given the arguments' types and a way to type the body.
pub fn parameter_types(kind: Kind, args: &[Type]) -> Vec<Type> {
    let element = |i: usize| args.get(i).map_or(Type::Any, |x| x.element().clone());
    match (kind, args.first()) {
        (Kind::Aggregate, _) => vec![args.get(1).cloned().unwrap_or(Type::Any), element(0)],
        (Kind::ZipWith, _) => vec![element(0), element(1)],
        (Kind::ArraySort, _) => vec![element(0), element(0)],
        (
            Kind::MapFilter | Kind::TransformKeys | Kind::TransformValues,
            Some(Type::Map(key, value)),
        ) => {
            vec![(**key).clone(), (**value).clone()]
        }
        (Kind::MapFilter | Kind::TransformKeys | Kind::TransformValues, _) => {
            vec![Type::Any, Type::Any]
        }
        (Kind::MapZipWith, _) => {
            let parts = |i: usize| match args.get(i) {
                Some(Type::Map(key, value)) => ((**key).clone(), (**value).clone()),
                _ => (Type::Any, Type::Any),
            };
            let ((key, x), (_, y)) = (parts(0), parts(1));
            vec![key, x, y]
        }
        _ => vec![element(0), Type::Int],
    }
}
