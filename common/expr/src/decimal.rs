//! Exact decimals of up to 38 digits: text, rounding, arithmetic with Spark's result types
//! (`DecimalPrecisionTypeCoercion`, with loss of precision allowed).

use crate::wide::{Wide, power};
use crate::{Decimal, Type};
use std::cmp::Ordering;
use std::fmt;

/// The operations whose result type depends on their operands' precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Precision and scale of an operation's result.
pub fn result_type(operation: Operation, (p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let (precision, scale) = match operation {
        Operation::Add | Operation::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Operation::Multiply => (p1 + p2 + 1, s1 + s2),
        Operation::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        Operation::Remainder => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
    };
    // Spark keeps the digits before the point and gives up digits after it, down to six.
    let (precision, scale) = match precision > 38 {
        true => (38, (38 - (precision - scale)).max(scale.min(6))),
        false => (precision, scale),
    };
    (precision as u8, scale as u8)
}

/// The type that holds every value of both (`DecimalPrecision.widerDecimalType`).
pub fn wider_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let scale = s1.max(s2);
    let precision = (p1 - s1).max(p2 - s2) + scale;
    (precision.min(38), scale.min(38))
}

impl Decimal {
    /// An integer as a decimal.
    pub fn from_integer(value: i64) -> Decimal {
        Decimal {
            unscaled: i128::from(value),
            scale: 0,
        }
    }

    /// Its digits, the scale's at least.
    pub fn precision(&self) -> u8 {
        let digits = self
            .unscaled
            .unsigned_abs()
            .checked_ilog10()
            .map_or(1, |n| n as u8 + 1);
        digits.max(self.scale)
    }

    /// The type that just holds it.
    pub fn kind(&self) -> Type {
        Type::Decimal {
            precision: self.precision(),
            scale: self.scale,
        }
    }

    /// Reads digits with an optional sign, point and exponent, exactly; `None` if it is no number or has too many digits.
    pub fn parse(text: &str) -> Option<Decimal> {
        let number = Number::read(text)?;
        let scale = u8::try_from(number.scale.max(0))
            .ok()
            .filter(|scale| *scale <= 38)?;
        number.round(scale)
    }

    /// The same, rounded half away from zero to a scale. `None` too if it does not fit the precision.
    pub fn parse_as(text: &str, precision: u8, scale: u8) -> Option<Decimal> {
        Number::read(text)?.round(scale)?.within(precision)
    }

    /// The nearest decimal of this scale to the shortest text of a double.
    pub fn from_double(value: f64, precision: u8, scale: u8) -> Option<Decimal> {
        if !value.is_finite() {
            return None;
        }
        Decimal::parse_as(ryu::Buffer::new().format_finite(value), precision, scale)
    }

    /// The same number at another scale, rounded half away from zero. `None` if it does not fit.
    pub fn rescale(self, scale: u8) -> Option<Decimal> {
        let unscaled = match scale.cmp(&self.scale) {
            Ordering::Equal => self.unscaled,
            Ordering::Greater => self
                .unscaled
                .checked_mul(power(u32::from(scale - self.scale)) as i128)?,
            Ordering::Less => {
                let divisor = power(u32::from(self.scale - scale)) as i128;
                let (quotient, rest) = (self.unscaled / divisor, self.unscaled % divisor);
                let up = rest.unsigned_abs() >= divisor as u128 - rest.unsigned_abs();
                quotient + if up { self.unscaled.signum() } else { 0 }
            }
        };
        Decimal { unscaled, scale }.within(38)
    }

    /// The number, if it has at most this many digits.
    pub fn within(self, precision: u8) -> Option<Decimal> {
        (self.unscaled.unsigned_abs() < power(u32::from(precision))).then_some(self)
    }

    /// The same number cast to a type.
    pub fn fit(self, precision: u8, scale: u8) -> Option<Decimal> {
        self.rescale(scale)?.within(precision)
    }

    /// The nearest double.
    pub fn to_double(self) -> f64 {
        // Both are exact below 2^53, and so their quotient is the nearest double; above, go through the text.
        if self.scale <= 22 && self.unscaled.unsigned_abs() < 1 << 53 {
            return self.unscaled as f64 / 10f64.powi(i32::from(self.scale));
        }
        format!("{}e-{}", self.unscaled, self.scale)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// The part before the point.
    pub fn trunc(self) -> i128 {
        self.unscaled / power(u32::from(self.scale)) as i128
    }

    /// Computes with the scale and precision of the result. `None` for a division by zero or what does not fit.
    pub fn compute(
        operation: Operation,
        a: Decimal,
        b: Decimal,
        (precision, scale): (u8, u8),
    ) -> Option<Decimal> {
        let exact = match operation {
            Operation::Add | Operation::Subtract | Operation::Remainder => {
                let common = a.scale.max(b.scale);
                let (x, y) = (a.widen(common)?, b.widen(common)?);
                let unscaled = match operation {
                    Operation::Add => x.checked_add(y)?,
                    Operation::Subtract => x.checked_sub(y)?,
                    _ => x.checked_rem(y)?,
                };
                return Decimal {
                    unscaled,
                    scale: common,
                }
                .fit(precision, scale);
            }
            Operation::Multiply => {
                let product = Wide::product(a.unscaled.unsigned_abs(), b.unscaled.unsigned_abs());
                let have = a.scale + b.scale;
                match scale.cmp(&have) {
                    Ordering::Less => product
                        .divide_rounded(power(u32::from(have - scale)))?
                        .narrow()?,
                    _ => product
                        .narrow()?
                        .checked_mul(power(u32::from(scale - have)) as i128)?,
                }
            }
            Operation::Divide => {
                // a / 10^s1 / (b / 10^s2) = (a * 10^(scale + s2 - s1) / b) / 10^scale
                let shift = i32::from(scale) + i32::from(b.scale) - i32::from(a.scale);
                let (x, y) = (a.unscaled.unsigned_abs(), b.unscaled.unsigned_abs());
                if shift >= 0 {
                    let (first, rest) = (shift.min(38) as u32, (shift - 38).max(0) as u32);
                    let x = x.checked_mul(power(rest))?;
                    Wide::product(x, power(first)).divide_rounded(y)?.narrow()?
                } else {
                    Wide::product(x, 1)
                        .divide_rounded(y.checked_mul(power(shift.unsigned_abs()))?)?
                        .narrow()?
                }
            }
        };
        let unscaled = if (a.unscaled < 0) == (b.unscaled < 0) {
            exact
        } else {
            -exact
        };
        Decimal { unscaled, scale }.within(precision)
    }

    fn widen(self, scale: u8) -> Option<i128> {
        self.unscaled
            .checked_mul(power(u32::from(scale - self.scale)) as i128)
    }

    /// Compares the numbers, whatever their scales.
    pub fn order(&self, other: &Decimal) -> Ordering {
        let common = self.scale.max(other.scale);
        match (self.widen(common), other.widen(common)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => match self.trunc().cmp(&other.trunc()) {
                // The one that cannot be widened has so few decimals that it is compared whole.
                Ordering::Equal => self.to_double().total_cmp(&other.to_double()),
                different => different,
            },
        }
    }

    /// The same number without trailing zeros after the point.
    pub fn normal(mut self) -> Decimal {
        while self.scale > 0 && self.unscaled % 10 == 0 {
            self.unscaled /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Java's `BigDecimal.toString`, which is Spark's cast to STRING: `1E-7` where there are more than six leading zeros.
    pub fn java_text(&self) -> String {
        let digits = self.unscaled.unsigned_abs().to_string();
        let exponent = digits.len() as i32 - 1 - i32::from(self.scale);
        if self.scale == 0 || exponent >= -6 {
            return self.to_string();
        }
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}E{exponent}")
    }
}

/// All digits, a point among them if the scale is not zero.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let (digits, one) = (self.unscaled.unsigned_abs(), power(u32::from(self.scale)));
        match self.scale {
            0 => write!(f, "{sign}{digits}"),
            scale => write!(
                f,
                "{sign}{}.{:0width$}",
                digits / one,
                digits % one,
                width = usize::from(scale)
            ),
        }
    }
}

/// A number as text: its significant digits and where the point stands. Of digits beyond the 76th only their being there
/// matters, for rounding.
struct Number {
    negative: bool,
    digits: Vec<u8>,
    scale: i64,
}

impl Number {
    fn read(text: &str) -> Option<Number> {
        let text = text.trim();
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(i) => (&text[..i], text[i + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty())
            || !whole
                .bytes()
                .chain(fraction.bytes())
                .all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|b| b - b'0')
            .skip_while(|digit| *digit == 0)
            .collect();
        Some(Number {
            negative,
            digits,
            scale: fraction.len() as i64 - i64::from(exponent),
        })
    }

    fn round(&self, scale: u8) -> Option<Decimal> {
        // How many of the digits stand at or before the last decimal that is kept.
        let kept = self.digits.len() as i64 - (self.scale - i64::from(scale));
        let mut unscaled: u128 = 0;
        for i in 0..kept.clamp(0, 80) {
            unscaled = unscaled.checked_mul(10)?
                + u128::from(self.digits.get(i as usize).copied().unwrap_or(0));
        }
        if kept > 80 && !self.digits.is_empty() {
            return None;
        }
        if kept >= 0
            && self
                .digits
                .get(kept as usize)
                .is_some_and(|digit| *digit >= 5)
        {
            unscaled += 1;
        }
        let unscaled = i128::try_from(unscaled).ok()?;
        Decimal {
            unscaled: if self.negative { -unscaled } else { unscaled },
            scale,
        }
        .within(38)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn reads_and_prints() {
        for text in [
            "0",
            "1.50",
            "-0.05",
            "12345678901234567890123456789012345678",
        ] {
            assert_eq!(d(text).to_string(), text);
        }
        assert_eq!(d("1.5e3").to_string(), "1500");
        assert_eq!(d("15e-1").to_string(), "1.5");
        assert_eq!(
            Decimal::parse("123456789012345678901234567890123456789"),
            None
        );
        assert_eq!(Decimal::parse("1.2.3"), None);
        assert_eq!(
            Decimal::parse_as("1.005", 10, 2),
            Some(Decimal {
                unscaled: 101,
                scale: 2
            })
        );
        assert_eq!(
            Decimal::parse_as("-0.005", 10, 2),
            Some(Decimal {
                unscaled: -1,
                scale: 2
            })
        );
        assert_eq!(Decimal::parse_as("123.4", 2, 0), None);
        assert_eq!(
            Decimal {
                unscaled: 1,
                scale: 7
            }
            .java_text(),
            "1E-7"
        );
        assert_eq!(
            Decimal {
                unscaled: -15,
                scale: 9
            }
            .java_text(),
            "-1.5E-8"
        );
        assert_eq!(
            Decimal {
                unscaled: 1,
                scale: 6
            }
            .java_text(),
            "0.000001"
        );
    }

    #[test]
    fn result_types_are_sparks() {
        // PySpark 4.3.0: typeof(cast(1 as decimal(10,2)) / cast(1 as decimal(10,2))) and so on.
        assert_eq!(result_type(Operation::Divide, (10, 2), (10, 2)), (23, 13));
        assert_eq!(
            result_type(Operation::Multiply, (38, 10), (38, 10)),
            (38, 6)
        );
        assert_eq!(result_type(Operation::Add, (10, 2), (20, 5)), (21, 5));
    }

    #[test]
    fn computes_exactly() {
        let compute =
            |op, a, b, kind| Decimal::compute(op, d(a), d(b), kind).map(|d| d.to_string());
        assert_eq!(
            compute(Operation::Divide, "1", "3", (10, 6)).unwrap(),
            "0.333333"
        );
        assert_eq!(
            compute(Operation::Divide, "-2", "3", (10, 6)).unwrap(),
            "-0.666667"
        );
        assert_eq!(compute(Operation::Divide, "1", "0", (10, 6)), None);
        assert_eq!(
            compute(Operation::Multiply, "1.25", "-1.5", (6, 3)).unwrap(),
            "-1.875"
        );
        assert_eq!(compute(Operation::Add, "99", "1", (2, 0)), None);
        assert_eq!(
            compute(Operation::Remainder, "-7.5", "2", (4, 1)).unwrap(),
            "-1.5"
        );
        let big = "99999999999999999999.999999999999999999";
        assert_eq!(compute(Operation::Multiply, big, big, (38, 6)), None);
        assert_eq!(
            compute(Operation::Divide, big, "3", (38, 17)).unwrap(),
            "33333333333333333333.33333333333333333"
        );
    }
}
