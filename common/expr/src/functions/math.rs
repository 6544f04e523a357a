//! Functions of doubles. Java's corner cases hold: a logarithm out of its domain is null, not NaN.

use super::arguments::{Answer, double, integer};
use super::fdlibm;
use super::{DOUBLE, INT, Param, plain, with_nulls};
use crate::function::{Env, Function};
use crate::{Type, Value};

/// A function of one double.
macro_rules! of_double {
    ($names:expr, $usage:literal, $code:expr) => {
        plain(
            $names,
            (1, 1),
            $usage,
            &[DOUBLE],
            |_| Type::Double,
            |_, a| {
                let code: fn(f64) -> f64 = $code;
                Ok(Value::Double(code(double(&a[0])?)))
            },
        )
    };
}

/// A logarithm: null up to `$floor`.
macro_rules! logarithm {
    ($names:expr, $usage:literal, $floor:literal, $code:expr) => {
        plain(
            $names,
            (1, 1),
            $usage,
            &[DOUBLE],
            |_| Type::Double,
            |_, a| {
                let (x, code): (f64, fn(f64) -> f64) = (double(&a[0])?, $code);
                Ok(if x <= $floor {
                    Value::Null
                } else {
                    Value::Double(code(x))
                })
            },
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    of_double!(&["sqrt"], "sqrt(x)", f64::sqrt),
    of_double!(&["cbrt"], "cbrt(x)", fdlibm::cbrt),
    of_double!(&["exp"], "exp(x)", libm::exp),
    of_double!(&["expm1"], "expm1(x)", libm::expm1),
    of_double!(&["sin"], "sin(x)", f64::sin),
    of_double!(&["cos"], "cos(x)", f64::cos),
    of_double!(&["tan"], "tan(x)", f64::tan),
    of_double!(&["cot"], "cot(x)", |x| 1.0 / x.tan()),
    of_double!(&["sec"], "sec(x)", |x| 1.0 / x.cos()),
    of_double!(&["csc"], "csc(x)", |x| 1.0 / x.sin()),
    of_double!(&["asin"], "asin(x)", libm::asin),
    of_double!(&["acos"], "acos(x)", libm::acos),
    of_double!(&["atan"], "atan(x)", libm::atan),
    of_double!(&["sinh"], "sinh(x)", fdlibm::sinh),
    of_double!(&["cosh"], "cosh(x)", fdlibm::cosh),
    of_double!(&["tanh"], "tanh(x)", fdlibm::tanh),
    of_double!(&["asinh"], "asinh(x)", fdlibm::asinh),
    of_double!(&["acosh"], "acosh(x)", fdlibm::acosh),
    of_double!(&["atanh"], "atanh(x)", |x| 0.5
        * (libm::log1p(x) - libm::log1p(-x))),
    of_double!(&["degrees"], "degrees(x)", f64::to_degrees),
    of_double!(&["radians"], "radians(x)", f64::to_radians),
    of_double!(&["rint"], "rint(x)", f64::round_ties_even),
    of_double!(&["sign", "signum"], "sign(x)", |x| if x == 0.0 {
        x
    } else {
        x.signum()
    }),
    logarithm!(&["ln"], "ln(x)", 0.0, fdlibm::log),
    logarithm!(&["log10"], "log10(x)", 0.0, fdlibm::log10),
    logarithm!(&["log2"], "log2(x)", 0.0, |x| fdlibm::log(x)
        / std::f64::consts::LN_2),
    logarithm!(&["log1p"], "log1p(x)", -1.0, libm::log1p),
    plain(
        &["log"],
        (1, 2),
        "log([base, ]x)",
        &[DOUBLE],
        |_| Type::Double,
        log,
    ),
    plain(
        &["pow", "power"],
        (2, 2),
        "pow(x, y)",
        &[DOUBLE],
        |_| Type::Double,
        |_, a| Ok(Value::Double(pow(double(&a[0])?, double(&a[1])?))),
    ),
    plain(
        &["hypot"],
        (2, 2),
        "hypot(x, y)",
        &[DOUBLE],
        |_| Type::Double,
        |_, a| Ok(Value::Double(fdlibm::hypot(double(&a[0])?, double(&a[1])?))),
    ),
    // Zeros are made positive first, as Spark does.
    plain(
        &["atan2"],
        (2, 2),
        "atan2(y, x)",
        &[DOUBLE],
        |_| Type::Double,
        |_, a| {
            Ok(Value::Double(libm::atan2(
                double(&a[0])? + 0.0,
                double(&a[1])? + 0.0,
            )))
        },
    ),
    plain(
        &["pi"],
        (0, 0),
        "pi()",
        &[],
        |_| Type::Double,
        |_, _| Ok(Value::Double(std::f64::consts::PI)),
    ),
    plain(
        &["e"],
        (0, 0),
        "e()",
        &[],
        |_| Type::Double,
        |_, _| Ok(Value::Double(std::f64::consts::E)),
    ),
    plain(
        &["width_bucket"],
        (4, 4),
        "width_bucket(x, low, high, buckets)",
        &[DOUBLE, DOUBLE, DOUBLE, Param::To(&Type::BigInt)],
        |_| Type::BigInt,
        width_bucket,
    ),
    plain(
        &["factorial"],
        (1, 1),
        "factorial(n)",
        &[INT],
        |_| Type::BigInt,
        |_, a| {
            let n = integer(&a[0])?;
            Ok(if (0..=20).contains(&n) {
                Value::Integer((1..=n).product())
            } else {
                Value::Null
            })
        },
    ),
    with_nulls(plain(
        &["isnan"],
        (1, 1),
        "isnan(x)",
        &[DOUBLE],
        |_| Type::Boolean,
        |_, a| {
            Ok(Value::Boolean(
                matches!(a[0], Value::Double(x) if x.is_nan()),
            ))
        },
    )),
    with_nulls(plain(
        &["nanvl"],
        (2, 2),
        "nanvl(x, otherwise)",
        &[DOUBLE],
        |_| Type::Double,
        |_, a| {
            Ok(if matches!(a[0], Value::Double(x) if x.is_nan()) {
                a[1].clone()
            } else {
                a[0].clone()
            })
        },
    )),
];

fn log<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (base, x) = match a {
        [base, x] => (Some(double(base)?), double(x)?),
        _ => (None, double(&a[0])?),
    };
    Ok(match base {
        _ if x <= 0.0 => Value::Null,
        Some(base) if base <= 0.0 => Value::Null,
        Some(base) => Value::Double(fdlibm::log(x) / fdlibm::log(base)),
        None => Value::Double(fdlibm::log(x)),
    })
}

/// Java's `pow`: unlike C's, one to the power of NaN or infinity is NaN.
fn pow(x: f64, y: f64) -> f64 {
    if y.is_nan() || y.is_infinite() && x.abs() == 1.0 {
        f64::NAN
    } else {
        libm::pow(x, y)
    }
}

fn width_bucket<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let (x, first, last, buckets) = (
        double(&a[0])?,
        double(&a[1])?,
        double(&a[2])?,
        integer(&a[3])?,
    );
    let bounds = first.is_finite() && last.is_finite() && first != last;
    if buckets <= 0 || buckets == i64::MAX || x.is_nan() || !bounds {
        return Ok(Value::Null);
    }
    // Of a falling range, the mirror image.
    let (before, after) = if first < last {
        (x < first, x >= last)
    } else {
        (x > first, x <= last)
    };
    Ok(Value::Integer(match (before, after) {
        (true, _) => 0,
        (_, true) => buckets + 1,
        _ => ((buckets as f64 * (x - first).abs() / (last - first).abs()) as i64).saturating_add(1),
    }))
}
