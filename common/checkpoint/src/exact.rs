//! Numbers in state as JSON text that gives back the same bits.
//!
//! JSON has no NaN and no infinities, most readers lose the sign of −0.0, and many lose digits
//! of large integers; a state must lose nothing, or a restart would change an answer.
//!
//! | value | text |
//! | --- | --- |
//! | a finite double | its shortest decimal that reads back the same |
//! | NaN, ±infinity, −0.0 | `"NaN"`, `"Infinity"`, `"-Infinity"`, `"-0.0"` |
//! | an integer within 64 bits | a number |
//! | a larger integer | its digits as a string |
//! | a decimal | `"-12.30"`: all digits of its scale, as a string |

use anyhow::{Result, anyhow};

/// Appends a double.
pub fn push_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value == f64::INFINITY {
        out.extend_from_slice(b"\"Infinity\"");
    } else if value == f64::NEG_INFINITY {
        out.extend_from_slice(b"\"-Infinity\"");
    } else if value == 0.0 && value.is_sign_negative() {
        out.extend_from_slice(b"\"-0.0\"");
    } else {
        st_row::write_f64(out, value);
    }
}

/// Reads what [`push_f64`] wrote. Every NaN is the same NaN.
///
/// # Errors
/// Any other text.
pub fn parse_f64(text: &[u8]) -> Result<f64> {
    match text {
        b"\"NaN\"" => Ok(f64::NAN),
        b"\"Infinity\"" => Ok(f64::INFINITY),
        b"\"-Infinity\"" => Ok(f64::NEG_INFINITY),
        b"\"-0.0\"" => Ok(-0.0),
        _ => number(text)
            .filter(|text| {
                text.bytes()
                    .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
            })
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| not("a double", text)),
    }
}

/// Appends an integer.
pub fn push_i128(out: &mut Vec<u8>, value: i128) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    if i64::try_from(value).is_ok() {
        out.extend_from_slice(digits);
    } else {
        out.push(b'"');
        out.extend_from_slice(digits);
        out.push(b'"');
    }
}

/// Reads what [`push_i128`] wrote.
///
/// # Errors
/// Any other text.
pub fn parse_i128(text: &[u8]) -> Result<i128> {
    number(unquoted(text).unwrap_or(text))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| not("an integer", text))
}

/// Appends the decimal `unscaled` × 10^−`scale`.
pub fn push_decimal(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    out.push(b'"');
    if unscaled < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    let scale = usize::from(scale);
    for _ in digits.len()..=scale {
        out.push(b'0');
    }
    out.extend_from_slice(digits.as_bytes());
    if scale > 0 {
        out.insert(out.len() - scale, b'.');
    }
    out.push(b'"');
}

/// Reads what [`push_decimal`] wrote: the unscaled integer and the scale.
///
/// # Errors
/// Any other text, or more digits than an `i128` holds.
pub fn parse_decimal(text: &[u8]) -> Result<(i128, u8)> {
    let parse = || {
        let digits = number(unquoted(text)?)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if fraction.starts_with(['-', '+']) {
            return None;
        }
        let unscaled = format!("{whole}{fraction}").parse().ok()?;
        Some((unscaled, u8::try_from(fraction.len()).ok()?))
    };
    parse().ok_or_else(|| not("a decimal", text))
}

fn number(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

fn unquoted(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

fn not(what: &str, text: &[u8]) -> anyhow::Error {
    anyhow!(
        "'{}' is not {what} as state files write it",
        String::from_utf8_lossy(text)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn doubles_keep_their_bits() {
        let hard = [
            0.1,
            -0.0,
            0.0,
            1e300,
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE,
            1.0 / 3.0,
            -7.0,
        ];
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for value in hard.into_iter().chain(special) {
            let mut text = Vec::new();
            push_f64(&mut text, value);
            let back = parse_f64(&text).unwrap();
            assert_eq!(
                back.to_bits(),
                value.to_bits(),
                "{}",
                String::from_utf8_lossy(&text)
            );
            assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn integers_keep_all_digits() {
        for (value, expected) in [
            (0, "0"),
            (i128::from(i64::MIN), "-9223372036854775808"),
            (i128::from(i64::MAX) + 1, "\"9223372036854775808\""),
            (i128::MIN, "\"-170141183460469231731687303715884105728\""),
        ] {
            let mut text = Vec::new();
            push_i128(&mut text, value);
            assert_eq!(String::from_utf8_lossy(&text), expected);
            assert_eq!(parse_i128(&text).unwrap(), value);
        }
    }

    #[test]
    fn decimals_keep_digits_and_scale() {
        for (unscaled, scale, expected) in [
            (1230, 2, "\"12.30\""),
            (-5, 2, "\"-0.05\""),
            (0, 0, "\"0\""),
            (0, 3, "\"0.000\""),
            (-123, 0, "\"-123\""),
            (
                i128::MIN,
                38,
                "\"-1.70141183460469231731687303715884105728\"",
            ),
        ] {
            let mut text = Vec::new();
            push_decimal(&mut text, unscaled, scale);
            assert_eq!(String::from_utf8_lossy(&text), expected);
            assert_eq!(parse_decimal(&text).unwrap(), (unscaled, scale));
        }
    }

    #[test]
    fn foreign_text_is_refused() {
        for bad in ["", "nan", "inf", "\"1.0\"", "0x1", "infinity"] {
            assert!(parse_f64(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "1.0", "\"", "\"1", "ten"] {
            assert!(parse_i128(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "1.0", "\"\"", "\"1.-5\"", "\"1.2.3\""] {
            assert!(parse_decimal(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
