//! Order and equality, as Spark sees them: NaN is equal to itself and greater than all, -0.0 is 0.0, strings and binary go
//! by bytes, structs and arrays by their members.

use crate::ast::Order;
use crate::cast::cast;
use crate::function::{Env, Failure};
use crate::{Type, Value};
use std::cmp::Ordering;

/// Compares doubles: NaN is greatest and equal to itself, -0.0 equals 0.0.
pub fn doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Compares a whole number with a double, exactly, so that an order over both is transitive.
fn whole_and_double(a: i128, b: f64) -> Ordering {
    if b.is_nan() {
        return Ordering::Less;
    }
    if a.unsigned_abs() < 1 << 53 {
        return doubles(a as f64, b);
    }
    // A float cast to an integer stops at its range, where the comparison comes out right too.
    a.cmp(&(b.trunc() as i128)).then(doubles(0.0, b.fract()))
}

/// Compares two values of any kinds, for sorting: total, nulls first, numbers by value whatever their kind. Kinds that have
/// nothing in common are ordered by kind.
pub fn total(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    use Value::*;
    match (a, b) {
        (Null, Null) => Ordering::Equal,
        (Boolean(a), Boolean(b)) => a.cmp(b),
        (Integer(a), Integer(b)) => a.cmp(b),
        (Double(a), Double(b)) => doubles(*a, *b),
        (Integer(a), Double(b)) => whole_and_double(i128::from(*a), *b),
        (Double(a), Integer(b)) => whole_and_double(i128::from(*b), *a).reverse(),
        (Decimal(a), Decimal(b)) => a.order(b),
        (Decimal(a), Integer(b)) => a.order(&crate::Decimal::from_integer(*b)),
        (Integer(a), Decimal(b)) => crate::Decimal::from_integer(*a).order(b),
        (Decimal(a), Double(b)) if a.scale == 0 => whole_and_double(a.unscaled, *b),
        (Double(a), Decimal(b)) if b.scale == 0 => whole_and_double(b.unscaled, *a).reverse(),
        (Decimal(a), Double(b)) => doubles(a.to_double(), *b),
        (Double(a), Decimal(b)) => doubles(*a, b.to_double()),
        (String(a), String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Binary(a), Binary(b)) => a.cmp(b),
        (Date(a), Date(b)) => a.cmp(b),
        (Timestamp(a), Timestamp(b)) => a.cmp(b),
        (Interval(a), Interval(b)) => a
            .months
            .cmp(&b.months)
            .then(a.day_micros().cmp(&b.day_micros())),
        (Array(a), Array(b)) => {
            let members = a.iter().zip(b).map(|(a, b)| total(a, b));
            members
                .fold(Ordering::Equal, Ordering::then)
                .then(a.len().cmp(&b.len()))
        }
        (Struct(a), Struct(b)) => {
            let members = a.iter().zip(b).map(|((_, a), (_, b))| total(a, b));
            members
                .fold(Ordering::Equal, Ordering::then)
                .then(a.len().cmp(&b.len()))
        }
        (Map(a), Map(b)) => {
            let sorted = |entries: &[(Value<'_>, Value<'_>)]| {
                let mut order: Vec<usize> = (0..entries.len()).collect();
                order.sort_by(|x, y| total(&entries[*x].0, &entries[*y].0));
                order
            };
            let members = sorted(a)
                .into_iter()
                .zip(sorted(b))
                .map(|(x, y)| total(&a[x].0, &b[y].0).then(total(&a[x].1, &b[y].1)));
            members
                .fold(Ordering::Equal, Ordering::then)
                .then(a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value<'_>) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) | Value::Decimal(_) => 2,
        Value::Date(_) => 3,
        Value::Timestamp(_) => 4,
        Value::Interval(_) => 5,
        Value::String(_) => 6,
        Value::Binary(_) => 7,
        Value::Array(_) => 8,
        Value::Map(_) => 9,
        Value::Struct(_) => 10,
    }
}

/// Compares two values by one key of a sort order.
pub fn by_key(key: &Order, a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if key.nulls_first => Ordering::Less,
        (false, true) if !key.nulls_first => Ordering::Less,
        (true, false) | (false, true) => Ordering::Greater,
        (false, false) if key.descending => total(b, a),
        (false, false) => total(a, b),
    }
}

/// True if two values are one group or one element of a set: nulls are equal.
pub fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    total(a, b) == Ordering::Equal
}

/// Compares two values that are not null by the rules of `=` and `<`: where the kinds differ, Spark casts text to the
/// other side's type (to DOUBLE if that is a decimal), and a date to the timestamp it begins at.
pub fn compare(env: &Env, a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, Failure> {
    use Value::*;
    match (a, b) {
        (String(_), String(_)) => Ok(total(a, b)),
        (String(_), _) => compare_text(env, a, b),
        (_, String(_)) => compare_text(env, b, a).map(Ordering::reverse),
        (Date(_), Timestamp(_)) => Ok(total(
            &cast(env, a.borrowed(), &Type::Date, &Type::Timestamp)?,
            b,
        )),
        (Timestamp(_), Date(_)) => Ok(total(
            a,
            &cast(env, b.borrowed(), &Type::Date, &Type::Timestamp)?,
        )),
        (Boolean(x), Integer(_) | Double(_) | Decimal(_)) => Ok(total(&Integer(i64::from(*x)), b)),
        (Integer(_) | Double(_) | Decimal(_), Boolean(x)) => Ok(total(a, &Integer(i64::from(*x)))),
        _ if rank(a) == rank(b) => Ok(total(a, b)),
        _ => Err(Failure(format!(
            "cannot compare {} with {}",
            a.kind(),
            b.kind()
        ))),
    }
}

fn compare_text(env: &Env, text: &Value<'_>, other: &Value<'_>) -> Result<Ordering, Failure> {
    let kind = match other {
        Value::Decimal(_) => Type::Double,
        _ => other.kind(),
    };
    if kind.is_nested() {
        return Err(Failure(format!("cannot compare STRING with {kind}")));
    }
    Ok(total(
        &cast(env, text.borrowed(), &Type::String, &kind)?,
        other,
    ))
}

/// Appends bytes that are equal exactly if the values are one group. A number that is whole has one form whatever its kind,
/// so that `1` and `1.0` of an undeclared column are one group.
pub fn write_key(out: &mut Vec<u8>, value: &Value<'_>) {
    let sized = |out: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Null => out.push(0),
        Value::Boolean(x) => out.extend_from_slice(&[1, u8::from(*x)]),
        Value::Integer(x) => {
            out.push(2);
            out.extend_from_slice(&x.to_le_bytes());
        }
        Value::Double(x) if x.trunc() == *x && x.abs() < 9e15 => {
            write_key(out, &Value::Integer(*x as i64))
        }
        Value::Double(x) => {
            out.push(3);
            let x = if x.is_nan() { f64::NAN } else { *x };
            out.extend_from_slice(&x.to_bits().to_le_bytes());
        }
        Value::Decimal(x) => {
            let x = x.normal();
            match i64::try_from(x.unscaled) {
                Ok(whole) if x.scale == 0 => write_key(out, &Value::Integer(whole)),
                _ => {
                    out.extend_from_slice(&[4, x.scale]);
                    out.extend_from_slice(&x.unscaled.to_le_bytes());
                }
            }
        }
        Value::String(x) => sized(out, 5, x.as_bytes()),
        Value::Binary(x) => sized(out, 6, x),
        Value::Date(x) => {
            out.push(7);
            out.extend_from_slice(&x.to_le_bytes());
        }
        Value::Timestamp(x) => {
            out.push(8);
            out.extend_from_slice(&x.to_le_bytes());
        }
        Value::Interval(x) => {
            out.push(9);
            out.extend_from_slice(&x.months.to_le_bytes());
            out.extend_from_slice(&x.day_micros().to_le_bytes());
        }
        Value::Array(x) => {
            out.push(10);
            out.extend_from_slice(&(x.len() as u64).to_le_bytes());
            x.iter().for_each(|x| write_key(out, x));
        }
        Value::Struct(x) => {
            out.push(11);
            out.extend_from_slice(&(x.len() as u64).to_le_bytes());
            x.iter().for_each(|(_, x)| write_key(out, x));
        }
        Value::Map(x) => {
            out.push(12);
            out.extend_from_slice(&(x.len() as u64).to_le_bytes());
            let mut entries: Vec<_> = x.iter().collect();
            entries.sort_by(|a, b| total(&a.0, &b.0));
            for (key, value) in entries {
                write_key(out, key);
                write_key(out, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn decimal(unscaled: i128, scale: u8) -> Value<'static> {
        Value::Decimal(crate::Decimal { unscaled, scale })
    }

    fn structure(members: &[i64]) -> Value<'static> {
        Value::Struct(
            members
                .iter()
                .map(|x| (Cow::Borrowed("m"), Value::Integer(*x)))
                .collect(),
        )
    }

    #[test]
    fn order_is_sparks() {
        use Value::{Double, Integer, Null};
        let ascending = [
            Null,
            Double(f64::NEG_INFINITY),
            Integer(-1),
            Double(0.0),
            decimal(5, 1),
            Integer(1 << 53),
            Integer((1 << 53) + 1),
            Double(9.3e18),
            decimal(10_000_000_000_000_000_000, 0),
            Double(f64::INFINITY),
            Double(f64::NAN),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(total(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
        assert!(total(&Value::text("B"), &Value::text("a")).is_lt());
        assert!(total(&structure(&[1, 2]), &structure(&[1, 3])).is_lt());
        assert!(same(&Double(-0.0), &Double(0.0)) && same(&Double(f64::NAN), &Double(f64::NAN)));
        assert!(same(&decimal(150, 2), &decimal(15, 1)) && same(&Integer(2), &Double(2.0)));
    }

    #[test]
    fn keys_are_equal_where_values_are() {
        let key = |value: &Value<'_>| {
            let mut out = Vec::new();
            write_key(&mut out, value);
            out
        };
        let map = |keys: [&'static str; 2]| {
            Value::Map(keys.iter().map(|k| (Value::text(k), Value::Null)).collect())
        };
        let values = [
            Value::Null,
            Value::Boolean(true),
            Value::Integer(1),
            Value::Double(1.0),
            Value::Double(1.5),
            Value::Double(0.0),
            Value::Double(-0.0),
            Value::Double(f64::NAN),
            Value::Double(-f64::NAN),
            decimal(100, 2),
            decimal(150, 2),
            decimal(15, 1),
            Value::text("1"),
            Value::text(""),
            Value::Binary(Cow::Borrowed(b"1")),
            Value::Date(1),
            Value::Timestamp(1),
            Value::Array(vec![Value::Integer(1)]),
            Value::Array(vec![Value::Integer(1), Value::Null]),
            structure(&[1]),
            map(["a", "b"]),
            map(["b", "a"]),
        ];
        for a in &values {
            for b in &values {
                // A decimal with a fraction and a double are never in one column.
                let mixed = matches!(
                    (a, b),
                    (Value::Decimal(_), Value::Double(_)) | (Value::Double(_), Value::Decimal(_))
                );
                if !mixed {
                    assert_eq!(key(a) == key(b), same(a, b), "{a:?} {b:?}");
                }
            }
        }
    }
}
