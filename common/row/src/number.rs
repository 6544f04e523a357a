//! Numbers: read from raw values, written as JSON.

/// The value of an integer text; `None` for a fraction, an exponent, or what does not fit 64 bits.
#[inline]
pub fn parse_i64(raw: &[u8]) -> Option<i64> {
    let (negative, digits) = match raw {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, raw),
    };
    if digits.is_empty() {
        return None;
    }
    // Eighteen digits cannot overflow.
    if digits.len() <= 18 {
        let mut value = 0i64;
        for &b in digits {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + digit as i64;
        }
        return Some(if negative { -value } else { value });
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// The value of a number text, correctly rounded; beyond the range of a double it is infinite, as Java reads it.
/// `None` if `raw` is no JSON number.
#[inline]
pub fn parse_f64(raw: &[u8]) -> Option<f64> {
    // Rust would take "inf" and "nan" too.
    if !matches!(raw.first()?, b'-' | b'0'..=b'9') || !raw.last()?.is_ascii_digit() {
        return None;
    }
    match short_number(raw) {
        Some(Short::Fraction(value)) => return Some(value),
        Some(Short::Integer(value)) if value != 0 && value.unsigned_abs() < 1 << 53 => {
            return Some(value as f64);
        }
        _ => {}
    }
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// A number of few digits, as most are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Short {
    /// Without fraction and exponent.
    Integer(i64),
    /// With a fraction.
    Fraction(f64),
}

/// Reads a number of few digits without exponent, in one pass: what [`parse_i64`] and [`parse_f64`] give. `None` for all else,
/// which they have to be asked for.
#[inline]
pub fn short_number(raw: &[u8]) -> Option<Short> {
    let (negative, digits) = match raw {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, raw),
    };
    if digits.len() > TENS.len() || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut value, mut point) = (0u64, None);
    for (at, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() {
            point = Some(at + 1);
        } else {
            return None;
        }
    }
    let Some(point) = point else {
        let value = value as i64;
        return Some(Short::Integer(if negative { -value } else { value }));
    };
    // Sixteen digits may be more than a double holds.
    if point == digits.len() || value >= 1 << 53 {
        return None;
    }
    // Both are doubles, so that their quotient is rounded but once (Clinger's fast path).
    let value = value as f64 / TENS[digits.len() - point];
    Some(Short::Fraction(if negative { -value } else { value }))
}

const TENS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Appends `value` in digits.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest text that reads back as `value`. NaN and infinities have no form in JSON: `null`.
#[inline]
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if (1e-2..1e7).contains(&value.abs()) && write_cents(out, value) {
        return;
    }
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends a value that is a whole number of hundredths, as most money is; false if it is none. Of numbers with at most fifteen
/// digits no two are the same double, so the one found here is the shortest.
#[inline]
fn write_cents(out: &mut Vec<u8>, value: f64) -> bool {
    let cents = (value.abs() * 100.0 + 0.5) as u64;
    if cents as f64 / 100.0 != value.abs() {
        return false;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(cents / 100).as_bytes());
    let (tenth, hundredth) = ((cents / 10 % 10) as u8, (cents % 10) as u8);
    out.extend_from_slice(&[b'.', b'0' + tenth]);
    if hundredth > 0 {
        out.push(b'0' + hundredth);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_are_the_shortest_digits() {
        let mut hundredths = 0;
        for i in 1..200_000u64 {
            let cents = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000_000;
            let near = (cents as f64 / 100.0).to_bits() + i % 3;
            for value in [f64::from_bits(near), -(cents as f64) / 100.0] {
                let mut out = Vec::new();
                write_f64(&mut out, value);
                let shortest = ryu::Buffer::new().format_finite(value).to_owned();
                assert_eq!(out, shortest.as_bytes());
                hundredths += u32::from(write_cents(&mut out, value));
            }
        }
        assert!(hundredths > 200_000);
    }

    #[test]
    fn short_numbers_are_read_as_the_standard_library_reads_them() {
        let mut texts: Vec<String> = ["0", "-0", "0.0", "-0.0", "1.", ".5", "-", "1.2.3", "1e5"]
            .map(String::from)
            .to_vec();
        for i in 0..200_000u64 {
            let digits = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 60);
            let places = i as usize % 17;
            let text = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = text.split_at(text.len() - places);
            let point = if places > 0 { "." } else { "" };
            texts.push(format!(
                "{}{whole}{point}{fraction}",
                if i % 3 == 0 { "-" } else { "" }
            ));
        }
        for text in texts {
            match short_number(text.as_bytes()) {
                Some(Short::Fraction(value)) => {
                    let expected: Result<f64, _> = text.parse();
                    assert_eq!(Ok(value.to_bits()), expected.map(f64::to_bits), "{text}");
                }
                Some(Short::Integer(value)) => assert_eq!(Ok(value), text.parse(), "{text}"),
                None => {}
            }
            if let Some(value) = parse_f64(text.as_bytes()) {
                let expected: Result<f64, _> = text.parse();
                assert_eq!(Ok(value.to_bits()), expected.map(f64::to_bits), "{text}");
            }
        }
        for text in [
            "", "-", ".5", "1.", "-.5", "1.2.3", "1e5", "1E-3", "+1", "--1", "1-", "null",
        ] {
            assert_eq!(short_number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(short_number(b"-0"), Some(Short::Integer(0)));
    }
}
