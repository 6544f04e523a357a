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
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// Appends `value` in digits.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest text that reads back as `value`. NaN and infinities have no form in JSON: `null`.
#[inline]
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}
