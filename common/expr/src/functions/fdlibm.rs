//! Elementary functions with the last digits of Java's `StrictMath`, which is fdlibm by definition; so a result is the same
//! on every machine, and the same as Spark's.
//!
//! The `libm` crate has most of fdlibm as it was (`exp`, `expm1`, `log1p`, `pow`, `asin`, `acos`, `atan`); where it has newer
//! formulas, which differ in the last digit, fdlibm's stand here. Names are those of fdlibm's sources.

use libm::{exp, expm1, log1p};
use std::f64::consts::{LN_2, LOG10_E};

const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const TWO_54: f64 = 18_014_398_509_481_984.0;

/// The sign, the exponent and the first twenty bits of the fraction.
fn high(x: f64) -> i32 {
    (x.to_bits() >> 32) as i32
}

fn with_high(x: f64, high: i32) -> f64 {
    f64::from_bits(x.to_bits() & 0xffff_ffff | u64::from(high as u32) << 32)
}

fn two_to(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Subnormal numbers scaled up, with their high word and the power of two taken out; or the result for what has no
/// logarithm.
fn normal(x: f64) -> Result<(f64, i32, i32), f64> {
    let high_word = high(x);
    if x == 0.0 {
        Err(f64::NEG_INFINITY)
    } else if high_word < 0 {
        Err(f64::NAN)
    } else if high_word >= 0x7ff0_0000 {
        Err(x + x)
    } else if high_word < 0x0010_0000 {
        let scaled = x * TWO_54;
        Ok((scaled, high(scaled), -54))
    } else {
        Ok((x, high_word, 0))
    }
}

/// The natural logarithm (`e_log.c`).
pub fn log(x: f64) -> f64 {
    const LG1: f64 = 6.666_666_666_666_735e-1;
    const LG2: f64 = 3.999_999_999_940_942e-1;
    const LG3: f64 = 2.857_142_874_366_239e-1;
    const LG4: f64 = 2.222_219_843_214_978_4e-1;
    const LG5: f64 = 1.818_357_216_161_805e-1;
    const LG6: f64 = 1.531_383_769_920_937_3e-1;
    const LG7: f64 = 1.479_819_860_511_658_6e-1;
    let (x, hx, mut k) = match normal(x) {
        Ok(normal) => normal,
        Err(result) => return result,
    };
    k += (hx >> 20) - 1023;
    let hx = hx & 0x000f_ffff;
    let i = (hx + 0x9_5f64) & 0x10_0000;
    let f = with_high(x, hx | (i ^ 0x3ff0_0000)) - 1.0;
    k += i >> 20;
    let dk = f64::from(k);
    if (0x000f_ffff & (2 + hx)) < 3 {
        // |f| < 2^-20
        if f == 0.0 {
            return if k == 0 {
                0.0
            } else {
                dk * LN2_HI + dk * LN2_LO
            };
        }
        let r = f * f * (0.5 - 0.333_333_333_333_333_3 * f);
        return if k == 0 {
            f - r
        } else {
            dk * LN2_HI - ((r - dk * LN2_LO) - f)
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG2 + w * (LG4 + w * LG6));
    let t2 = z * (LG1 + w * (LG3 + w * (LG5 + w * LG7)));
    let r = t2 + t1;
    if (hx - 0x6_147a) | (0x6_b851 - hx) > 0 {
        let hfsq = 0.5 * f * f;
        if k == 0 {
            f - (hfsq - s * (hfsq + r))
        } else {
            dk * LN2_HI - ((hfsq - (s * (hfsq + r) + dk * LN2_LO)) - f)
        }
    } else if k == 0 {
        f - s * (f - r)
    } else {
        dk * LN2_HI - ((s * (f - r) - dk * LN2_LO) - f)
    }
}

/// The logarithm to base 10 (`e_log10.c`).
pub fn log10(x: f64) -> f64 {
    const LOG10_2HI: f64 = 3.010_299_956_636_117_7e-1;
    const LOG10_2LO: f64 = 3.694_239_077_158_931e-13;
    let (x, hx, mut k) = match normal(x) {
        Ok(normal) => normal,
        Err(result) => return result,
    };
    k += (hx >> 20) - 1023;
    let i = i32::from(k < 0);
    let y = f64::from(k + i);
    let x = with_high(x, (hx & 0x000f_ffff) | ((0x3ff - i) << 20));
    let z = y * LOG10_2LO + LOG10_E * log(x);
    z + y * LOG10_2HI
}

/// The cube root (`s_cbrt.c`).
pub fn cbrt(x: f64) -> f64 {
    const B1: i32 = 715_094_163;
    const B2: i32 = 696_219_795;
    const C: f64 = 5.428_571_428_571_428e-1;
    const D: f64 = -7.053_061_224_489_796e-1;
    const E: f64 = 1.414_285_714_285_714_4;
    const F: f64 = 1.607_142_857_142_857_2;
    const G: f64 = 3.571_428_571_428_571_5e-1;
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (sign, x) = (x, x.abs());
    let mut t = if x < f64::MIN_POSITIVE {
        let scaled = TWO_54 * x;
        with_high(scaled, high(scaled) / 3 + B2)
    } else {
        with_high(0.0, high(x) / 3 + B1)
    };
    let mut r = t * t / x;
    let mut s = C + r * t;
    t *= G + F / (s + E + D / s);
    t = with_high(0.0, high(t) + 1);
    s = t * t;
    r = x / s;
    r = (r - t) / (t + t + r);
    (t + t * r).copysign(sign)
}

/// The hyperbolic cosine (`e_cosh.c`).
pub fn cosh(x: f64) -> f64 {
    let (ix, a) = (high(x) & 0x7fff_ffff, x.abs());
    match ix {
        0x7ff0_0000.. => x * x,
        ..0x3fd6_2e43 => {
            let t = expm1(a);
            let w = 1.0 + t;
            if ix < 0x3c80_0000 {
                w
            } else {
                1.0 + (t * t) / (w + w)
            }
        }
        0x3fd6_2e43..0x4036_0000 => {
            let t = exp(a);
            0.5 * t + 0.5 / t
        }
        0x4036_0000..0x4086_2e42 => 0.5 * exp(a),
        _ if a <= OVERFLOW => {
            let w = exp(0.5 * a);
            0.5 * w * w
        }
        _ => f64::INFINITY,
    }
}

/// Above this the hyperbolic functions are infinite.
const OVERFLOW: f64 = 710.475_860_073_944;

/// The hyperbolic sine (`e_sinh.c`).
pub fn sinh(x: f64) -> f64 {
    let (ix, a) = (high(x) & 0x7fff_ffff, x.abs());
    let h = if x < 0.0 { -0.5 } else { 0.5 };
    match ix {
        0x7ff0_0000.. => x + x,
        ..0x3e30_0000 => x,
        0x3e30_0000..0x4036_0000 => {
            let t = expm1(a);
            if ix < 0x3ff0_0000 {
                h * (2.0 * t - t * t / (t + 1.0))
            } else {
                h * (t + t / (t + 1.0))
            }
        }
        0x4036_0000..0x4086_2e42 => h * exp(a),
        _ if a <= OVERFLOW => {
            let w = exp(0.5 * a);
            h * w * w
        }
        _ => x * f64::INFINITY,
    }
}

/// The hyperbolic tangent (`s_tanh.c`).
pub fn tanh(x: f64) -> f64 {
    let (ix, a) = (high(x) & 0x7fff_ffff, x.abs());
    let z = match ix {
        0x7ff0_0000.. if x.is_nan() => return x,
        ..0x3c80_0000 => return x * (1.0 + x),
        0x3c80_0000..0x3ff0_0000 => {
            let t = expm1(-2.0 * a);
            -t / (t + 2.0)
        }
        0x3ff0_0000..0x4036_0000 => 1.0 - 2.0 / (expm1(2.0 * a) + 2.0),
        _ => 1.0,
    };
    if x < 0.0 { -z } else { z }
}

/// The inverse of the hyperbolic sine (`s_asinh.c`).
pub fn asinh(x: f64) -> f64 {
    let (ix, a) = (high(x) & 0x7fff_ffff, x.abs());
    let w = match ix {
        0x7ff0_0000.. | ..0x3e30_0000 => return x,
        0x41b0_0001.. => log(a) + LN_2,
        0x4000_0001.. => log(2.0 * a + 1.0 / ((x * x + 1.0).sqrt() + a)),
        _ => {
            let t = x * x;
            log1p(a + t / (1.0 + (1.0 + t).sqrt()))
        }
    };
    w.copysign(x)
}

/// The inverse of the hyperbolic cosine (`e_acosh.c`).
pub fn acosh(x: f64) -> f64 {
    match high(x) {
        _ if x.is_nan() || x < 1.0 => f64::NAN,
        _ if x == 1.0 => 0.0,
        0x7ff0_0000.. => x,
        0x41b0_0000.. => log(x) + LN_2,
        0x4000_0001.. => log(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())),
        _ => {
            let t = x - 1.0;
            log1p(t + (2.0 * t + t * t).sqrt())
        }
    }
}

/// The square root of the sum of squares (`e_hypot.c`).
pub fn hypot(x: f64, y: f64) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return f64::INFINITY;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let (mut a, mut b) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if b == 0.0 || high(a) - high(b) > 0x03c0_0000 {
        return a + b;
    }
    // Very large and very small ones are brought to where squares fit.
    let exponent = if high(a) > 0x5f30_0000 {
        600
    } else if b < f64::MIN_POSITIVE {
        -1022
    } else if high(b) < 0x20b0_0000 {
        -600
    } else {
        0
    };
    a *= two_to(-exponent);
    b *= two_to(-exponent);
    let (ha, hb) = (high(a), high(b));
    let difference = a - b;
    let square = if difference > b {
        let t1 = with_high(0.0, ha);
        let t2 = a - t1;
        t1 * t1 - (b * -b - t2 * (a + t1))
    } else {
        let (y1, t1) = (with_high(0.0, hb), with_high(0.0, ha + 0x0010_0000));
        let (y2, t2) = (b - y1, a + a - t1);
        t1 * y1 - (difference * -difference - (t1 * y2 + t2 * b))
    };
    two_to(exponent) * square.sqrt()
}
