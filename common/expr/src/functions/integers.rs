//! Integers: signs, bits, bases.

use super::arguments::{Answer, failure, fitting, integer, kind, string, text, whole};
use super::{ANY, BIGINT, INT, NUMBER, TEXT, bound, plain};
use crate::function::{Call, Env, Function, Prepared, prepared};
use crate::{Decimal, Type, Value};

pub static FUNCTIONS: &[Function] = &[
    bound(&["abs"], (1, 1), "abs(x)", &[NUMBER], |call| {
        signed(call, |x| x.checked_abs(), f64::abs)
    }),
    bound(&["negative"], (1, 1), "negative(x)", &[NUMBER], |call| {
        signed(call, |x| x.checked_neg(), |x| -x)
    }),
    bound(&["positive"], (1, 1), "positive(x)", &[NUMBER], |call| {
        signed(call, Some, |x| x)
    }),
    plain(
        &["bin"],
        (1, 1),
        "bin(n)",
        &[BIGINT],
        |_| Type::String,
        |_, a| Ok(string(format!("{:b}", integer(&a[0])?))),
    ),
    plain(
        &["conv"],
        (3, 3),
        "conv(digits, from_base, to_base)",
        &[TEXT, INT, INT],
        |_| Type::String,
        conv,
    ),
    bound(
        &["shiftleft"],
        (2, 2),
        "shiftleft(n, bits)",
        &[NUMBER, INT],
        |call| shift(call, |x, n| x << n, |x, n| x << n),
    ),
    bound(
        &["shiftright"],
        (2, 2),
        "shiftright(n, bits)",
        &[NUMBER, INT],
        |call| shift(call, |x, n| x >> n, |x, n| x >> n),
    ),
    bound(
        &["shiftrightunsigned"],
        (2, 2),
        "shiftrightunsigned(n, bits)",
        &[NUMBER, INT],
        |call| {
            shift(
                call,
                |x, n| (x as u32 >> n) as i32,
                |x, n| (x as u64 >> n) as i64,
            )
        },
    ),
    plain(
        &["bit_count"],
        (1, 1),
        "bit_count(n)",
        &[ANY],
        |_| Type::Int,
        |_, a| {
            Ok(Value::Integer(match &a[0] {
                Value::Boolean(bit) => i64::from(*bit),
                other => i64::from(integer(other)?.count_ones()),
            }))
        },
    ),
    bound(
        &["bit_get", "getbit"],
        (2, 2),
        "bit_get(n, position)",
        &[ANY, INT],
        bit_get,
    ),
];

/// A change of sign; integers that do not fit their type fail.
fn signed(
    call: &Call<'_>,
    whole: fn(i128) -> Option<i128>,
    double: fn(f64) -> f64,
) -> Result<(Type, Prepared), String> {
    let result = match &call.types[0] {
        Type::Null => Type::Double,
        other => other.clone(),
    };
    let target = result.clone();
    let body = prepared(move |_, a| match &a[0] {
        Value::Integer(number) => match whole(i128::from(*number)) {
            Some(number) => fitting(number, &target),
            None => failure("out of range"),
        },
        Value::Double(number) => Ok(Value::Double(double(*number))),
        Value::Decimal(Decimal { unscaled, scale }) => match whole(*unscaled) {
            Some(unscaled) => Ok(Value::Decimal(Decimal {
                unscaled,
                scale: *scale,
            })),
            None => failure("out of range"),
        },
        other => failure(format!("wants a number, not {}", kind(other))),
    });
    Ok((result, body))
}

/// Java's shifts: of an INT by the lowest five bits of the count, of a BIGINT by the lowest six.
fn shift(
    call: &Call<'_>,
    int: fn(i32, u32) -> i32,
    bigint: fn(i64, u32) -> i64,
) -> Result<(Type, Prepared), String> {
    if matches!(call.types[0], Type::BigInt | Type::Any) {
        let body = prepared(move |_, a| {
            Ok(Value::Integer(bigint(
                whole(&a[0])?,
                integer(&a[1])? as u32 & 63,
            )))
        });
        return Ok((Type::BigInt, body));
    }
    let body = prepared(move |_, a| match i32::try_from(whole(&a[0])?) {
        Ok(number) => Ok(Value::Integer(
            int(number, integer(&a[1])? as u32 & 31).into(),
        )),
        Err(_) => failure("the number does not fit INT"),
    });
    Ok((Type::Int, body))
}

fn bit_get(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let size = match call.types[0] {
        Type::TinyInt => 8,
        Type::SmallInt => 16,
        Type::Int => 32,
        _ => 64,
    };
    let body = prepared(move |_, a| match integer(&a[1])? {
        place if (0..size).contains(&place) => Ok(Value::Integer(integer(&a[0])? >> place & 1)),
        place => failure(format!("no bit {place}: there are {size}")),
    });
    Ok((Type::TinyInt, body))
}

/// Hive's `conv`: 64 bits without a sign, the largest if there are more; with a target base below zero the result is signed.
fn conv<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (digits, from, to) = (
        text(&a[0])?.trim_matches(' '),
        integer(&a[1])?,
        integer(&a[2])?,
    );
    if digits.is_empty() || !(2..=36).contains(&from) || !(2..=36).contains(&to.abs()) {
        return Ok(Value::Null);
    }
    let (mut negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits),
    };
    let read = digits.chars().map_while(|c| c.to_digit(from as u32));
    let value = read.map(u64::from).try_fold(0u64, |value, digit| {
        value.checked_mul(from as u64)?.checked_add(digit)
    });
    let mut value = value.unwrap_or(u64::MAX) as i64;
    if negative && to > 0 {
        value = if value < 0 { -1 } else { -value };
    }
    if to < 0 && value < 0 {
        value = value.wrapping_neg();
        negative = true;
    }
    let (mut rest, base) = (value as u64, to.unsigned_abs());
    let mut out = vec![];
    while rest > 0 || out.is_empty() {
        out.push(
            char::from_digit((rest % base) as u32, 36).map_or('0', |c| c.to_ascii_uppercase()),
        );
        rest /= base;
    }
    if negative && to < 0 {
        out.push('-');
    }
    Ok(string(out.into_iter().rev().collect::<String>()))
}
