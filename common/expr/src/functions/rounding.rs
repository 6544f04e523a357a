//! Rounding: `round` takes halves away from zero, `bround` to the even neighbour, both by the shortest decimal text of a
//! double; `ceil` and `floor` go up and down.

use super::arguments::{failure, fitting, whole};
use super::{INT, NUMBER, bound};
use crate::function::{Call, Function, Prepared, prepared};
use crate::number::float;
use crate::{Decimal, Type, Value};

pub static FUNCTIONS: &[Function] = &[
    bound(
        &["round"],
        (1, 2),
        "round(x[, decimals])",
        &[NUMBER, INT],
        |call| round(call, Mode::HalfUp),
    ),
    bound(
        &["bround"],
        (1, 2),
        "bround(x[, decimals])",
        &[NUMBER, INT],
        |call| round(call, Mode::HalfEven),
    ),
    bound(
        &["ceil", "ceiling"],
        (1, 2),
        "ceil(x[, decimals])",
        &[NUMBER, INT],
        |call| whole_or_decimal(call, Mode::Up),
    ),
    bound(
        &["floor"],
        (1, 2),
        "floor(x[, decimals])",
        &[NUMBER, INT],
        |call| whole_or_decimal(call, Mode::Down),
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    HalfUp,
    HalfEven,
    Up,
    Down,
}

/// `number / 10^digits`, rounded to an integer.
fn divided(number: i128, digits: u32, mode: Mode) -> i128 {
    let Some(divisor) = 10i128.checked_pow(digits) else {
        return match mode {
            Mode::Up if number > 0 => 1,
            Mode::Down if number < 0 => -1,
            _ => 0,
        };
    };
    let (quotient, rest) = (number / divisor, (number % divisor).abs());
    let away = match mode {
        Mode::HalfUp => rest >= divisor - rest,
        Mode::HalfEven => rest > divisor - rest || rest == divisor - rest && quotient % 2 != 0,
        Mode::Up => rest > 0 && number > 0,
        Mode::Down => rest > 0 && number < 0,
    };
    quotient + if away { number.signum() } else { 0 }
}

/// An integer at `decimals`, which does something only below zero.
fn integer(number: i128, decimals: i32, mode: Mode) -> Option<i128> {
    if decimals >= 0 {
        return Some(number);
    }
    match divided(number, decimals.unsigned_abs(), mode) {
        0 => Some(0),
        quotient => 10i128
            .checked_pow(decimals.unsigned_abs())?
            .checked_mul(quotient),
    }
}

/// A decimal at `decimals`: its scale is never more than it was, nor less than zero.
fn decimal(number: Decimal, decimals: i32, mode: Mode) -> Option<Decimal> {
    if decimals >= i32::from(number.scale) {
        return Some(number);
    }
    let dropped = (i32::from(number.scale)).saturating_sub(decimals);
    let unscaled = divided(number.unscaled, dropped.unsigned_abs(), mode);
    let scale = decimals.max(0) as u8;
    let factor = if unscaled == 0 {
        1
    } else {
        10i128.checked_pow(decimals.min(0).unsigned_abs())?
    };
    Decimal {
        unscaled: unscaled.checked_mul(factor)?,
        scale,
    }
    .within(38)
}

/// A double at `decimals`, through its shortest text.
fn double(number: f64, decimals: i32, mode: Mode) -> f64 {
    let mut buffer = ryu::Buffer::new();
    if !number.is_finite() {
        return number;
    }
    let text = buffer.format_finite(number);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let (Ok(digits), Ok(exponent)) = (digits.parse::<i128>(), exponent.parse::<i32>()) else {
        return number;
    };
    // The number is digits * 10^exponent.
    let exponent = exponent - fraction.len() as i32;
    let dropped = (-exponent).saturating_sub(decimals);
    if dropped <= 0 {
        return number + 0.0;
    }
    format!(
        "{}e{}",
        divided(digits, dropped.unsigned_abs(), mode),
        exponent.saturating_add(dropped)
    )
    .parse()
    .unwrap_or(number)
}

/// The constant second argument, 0 if there is none; `None` for null.
fn decimals(call: &Call<'_>) -> Result<Option<i32>, String> {
    match call.constants.get(1) {
        None => Ok(Some(0)),
        Some(Some(Value::Integer(decimals))) => Ok(Some(*decimals as i32)),
        Some(Some(_)) => Ok(None),
        Some(None) => Err("the number of decimals must be a constant".to_owned()),
    }
}

/// The type of a decimal rounded to `decimals` (`RoundBase.dataType`).
fn decimal_type(precision: u8, scale: u8, decimals: i32) -> Type {
    let whole = i32::from(precision) - i32::from(scale) + 1;
    let (precision, scale) = if decimals < 0 {
        (whole.max(decimals.saturating_neg().saturating_add(1)), 0)
    } else {
        let scale = i32::from(scale).min(decimals);
        (whole + scale, scale)
    };
    Type::Decimal {
        precision: precision.min(38) as u8,
        scale: scale as u8,
    }
}

fn fit<'a>(number: Option<Decimal>, kind: &Type) -> super::arguments::Answer<'a> {
    let fitting = number.and_then(|number| match kind {
        Type::Decimal { precision, scale } => number.fit(*precision, *scale),
        _ => Some(number),
    });
    fitting.map_or_else(
        || failure(format!("the rounded number does not fit {kind}")),
        |number| Ok(Value::Decimal(number)),
    )
}

fn round(call: &Call<'_>, mode: Mode) -> Result<(Type, Prepared), String> {
    let places = decimals(call)?;
    let kind = match &call.types[0] {
        Type::Null => Type::Double,
        Type::Decimal { precision, scale } => decimal_type(*precision, *scale, places.unwrap_or(0)),
        other => other.clone(),
    };
    let places = places.unwrap_or(0);
    let result = kind.clone();
    let body = prepared(move |_, a| match &a[0] {
        Value::Integer(number) => match integer(i128::from(*number), places, mode) {
            Some(number) => fitting(number, &kind),
            None => failure(format!("the rounded number does not fit {kind}")),
        },
        Value::Double(number) => {
            let rounded = double(*number, places, mode);
            Ok(Value::Double(if kind == Type::Float {
                float(rounded)
            } else {
                rounded
            }))
        }
        Value::Decimal(number) => fit(decimal(*number, places, mode), &kind),
        other => failure(format!(
            "wants a number, not {}",
            super::arguments::kind(other)
        )),
    });
    Ok((result, body))
}

/// Without decimals a whole number; with them a decimal.
fn whole_or_decimal(call: &Call<'_>, mode: Mode) -> Result<(Type, Prepared), String> {
    if call.types.len() == 1 {
        let kind = match &call.types[0] {
            Type::Decimal { scale: 0, .. } => call.types[0].clone(),
            Type::Decimal { precision, scale } => decimal_type(*precision, *scale, 0),
            _ => Type::BigInt,
        };
        let result = kind.clone();
        let body = prepared(move |_, a| match &a[0] {
            Value::Decimal(number) if kind != Type::BigInt => fit(decimal(*number, 0, mode), &kind),
            Value::Decimal(number) => {
                fitting(divided(number.unscaled, number.scale.into(), mode), &kind)
            }
            // Java's conversion: NaN is 0, what is too large the largest.
            Value::Double(number) => Ok(Value::Integer(if mode == Mode::Up {
                number.ceil()
            } else {
                number.floor()
            } as i64)),
            other => Ok(Value::Integer(whole(other)?)),
        });
        return Ok((result, body));
    }
    let places = decimals(call)?.unwrap_or(0);
    let kind = match (&call.types[0], call.types[0].as_decimal()) {
        (_, Some((precision, scale))) => decimal_type(precision, scale, places),
        (Type::Float, _) => decimal_type(14, 7, places),
        (Type::Any, _) => Type::Any,
        _ => decimal_type(30, 15, places),
    };
    let result = kind.clone();
    let body = prepared(move |_, a| {
        let number = match &a[0] {
            Value::Integer(number) => Some(Decimal::from_integer(*number)),
            Value::Decimal(number) => Some(*number),
            Value::Double(number) => Decimal::from_double(*number, 30, 15),
            _ => None,
        };
        fit(
            number.and_then(|number| decimal(number, places, mode)),
            &kind,
        )
    });
    Ok((result, body))
}
