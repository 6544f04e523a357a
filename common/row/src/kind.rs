//! What a raw value is, by its first byte.

/// The JSON kinds; numbers are told apart by whether they have a fraction or an exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number without fraction and exponent, of any size.
    Integer,
    /// A number with a fraction or an exponent.
    Fraction,
    /// A string, in quotes.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind of a raw value as the scanners return it; `None` if it cannot be JSON.
    #[inline]
    pub fn of(raw: &[u8]) -> Option<Kind> {
        Some(match raw.first()? {
            b'"' => Kind::String,
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'-' | b'0'..=b'9' => {
                if raw.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) {
                    Kind::Fraction
                } else {
                    Kind::Integer
                }
            }
            _ => return None,
        })
    }
}
