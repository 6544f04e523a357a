//! The type that two types have in common, as Spark finds it (`TypeCoercion`, `spark.sql.ansi.enabled=false`).

use crate::decimal::wider_type;
use crate::{Field, Type};

/// The common type of values that become one column or one array: `case`, `coalesce`, `in`, `union`. `Any` with anything is
/// `Any`. Text with what has no members is text. `None` if there is none.
pub fn common(a: &Type, b: &Type) -> Option<Type> {
    use Type::*;
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (Null, x) | (x, Null) => x.clone(),
        (Any, _) | (_, Any) => Any,
        (a, b) if a.is_numeric() && b.is_numeric() => numeric(a, b),
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (String, x) | (x, String) if !x.is_nested() && *x != Binary => String,
        (Array(a), Array(b)) => Array(Box::new(common(a, b)?)),
        (Map(a, x), Map(b, y)) => Map(Box::new(common(a, b)?), Box::new(common(x, y)?)),
        (Struct(a), Struct(b)) if a.len() == b.len() => {
            let field = |(a, b): (&Field, &Field)| {
                Some(Field {
                    name: a.name.clone(),
                    kind: common(&a.kind, &b.kind)?,
                })
            };
            Struct(a.iter().zip(b).map(field).collect::<Option<Vec<_>>>()?)
        }
        _ => return None,
    })
}

/// The common type of any number of types.
pub fn common_of<'t>(types: impl IntoIterator<Item = &'t Type>) -> Option<Type> {
    types
        .into_iter()
        .try_fold(Type::Null, |all, next| common(&all, next))
}

/// The wider of two numeric types.
pub fn numeric(a: &Type, b: &Type) -> Type {
    use Type::*;
    match (a, b) {
        (Double, _) | (_, Double) => Double,
        (Float, Decimal { .. }) | (Decimal { .. }, Float) => Double,
        (Float, _) | (_, Float) => Float,
        (Decimal { .. }, _) | (_, Decimal { .. }) => match (a.as_decimal(), b.as_decimal()) {
            (Some(a), Some(b)) => {
                let (precision, scale) = wider_type(a, b);
                Decimal { precision, scale }
            }
            _ => Double,
        },
        (BigInt, _) | (_, BigInt) => BigInt,
        (Int, _) | (_, Int) => Int,
        (SmallInt, _) | (_, SmallInt) => SmallInt,
        _ => TinyInt,
    }
}

/// The type both sides of a comparison are cast to; `Any` if the values decide. `None` if they cannot be compared.
pub fn comparison(a: &Type, b: &Type) -> Option<Type> {
    use Type::*;
    Some(match (a, b) {
        (Any, _) | (_, Any) => Any,
        (String, Decimal { .. }) | (Decimal { .. }, String) => Double,
        // Text meets a number, a date, a boolean: as that.
        (String, x) | (x, String) if !x.is_nested() && *x != Null => x.clone(),
        (Boolean, x) | (x, Boolean) if x.is_numeric() => Any,
        (a, b) => return common(a, b),
    })
}
