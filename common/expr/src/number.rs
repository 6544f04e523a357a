//! Doubles and floats as Java prints them.

/// A FLOAT is kept as the double whose shortest text is that of the float, so that it prints right without knowing its
/// type. This rounds a double to a FLOAT so kept.
pub fn float(value: f64) -> f64 {
    widen(value as f32)
}

/// A 32-bit float as it is kept.
pub fn widen(value: f32) -> f64 {
    if !value.is_finite() {
        return f64::from(value);
    }
    ryu::Buffer::new()
        .format_finite(value)
        .parse()
        .unwrap_or(f64::from(value))
}

/// Appends Java's `Double.toString`: `1.0`, `1.0E7`, `1.0E-4`, `NaN`, `Infinity`. The digits are the shortest that read
/// back as the same double.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        // ryu has an exponent below 1e-5 and from 1e16 on, so this one is plain, with at least one decimal.
        return st_row::write_f64(out, value);
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    let text = match text {
        [b'-', rest @ ..] => {
            out.push(b'-');
            rest
        }
        all => all,
    };
    let split = text.iter().position(|b| *b == b'e');
    let (mantissa, exponent) = text.split_at(split.unwrap_or(text.len()));
    let exponent: i32 = std::str::from_utf8(exponent.get(1..).unwrap_or(b""))
        .ok()
        .and_then(|e| e.parse().ok())
        .unwrap_or(0);
    let point = mantissa
        .iter()
        .position(|b| *b == b'.')
        .unwrap_or(mantissa.len());
    let digits: Vec<u8> = mantissa.iter().copied().filter(|b| *b != b'.').collect();
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    let significant = &digits[zeros..];
    let last = significant.iter().rposition(|b| *b != b'0').unwrap_or(0);
    out.push(significant[0]);
    out.push(b'.');
    match &significant[1..=last] {
        [] => out.push(b'0'),
        rest => out.extend_from_slice(rest),
    }
    out.push(b'E');
    let exponent = exponent + point as i32 - zeros as i32 - 1;
    out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn prints_as_java_does() {
        let text = |value| {
            let mut out = Vec::new();
            write_double(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        for (value, java) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (12345678.9, "1.23456789E7"),
            (1e-4, "1.0E-4"),
            (0.001, "0.001"),
            (0.00012345, "1.2345E-4"),
            (-1.5e300, "-1.5E300"),
            (123456789012345680.0, "1.2345678901234568E17"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (float(1.1), "1.1"),
            (float(16777217.0), "1.6777216E7"),
        ] {
            assert_eq!(text(value), java);
        }
    }
}
