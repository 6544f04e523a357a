//! A sum of numbers of any kind: integers and decimals exactly, doubles as they come.

use st_checkpoint::exact;
use st_expr::Decimal;
use st_row::Kind;

use super::number::{Number, Wide};

/// The sum so far. Its kind is that of its numbers; the first double makes it a double.
#[derive(Clone, Copy)]
pub enum Total {
    /// No number yet.
    Empty,
    /// Integers only.
    Integer(Wide),
    /// Decimals, perhaps integers among them: digits and scale.
    Decimal(Wide, u8),
    /// Doubles, perhaps others among them.
    Double(f64),
    /// More digits than can be kept.
    TooLarge,
}

impl From<Number> for Total {
    #[inline]
    fn from(number: Number) -> Total {
        match number {
            Number::Integer(number) => Total::Integer(Wide(number.into())),
            Number::Double(number) => Total::Double(number),
            Number::Decimal(number) => Total::Decimal(Wide(number.unscaled), number.scale),
        }
    }
}

impl Total {
    /// Adds another sum to this one.
    #[inline]
    pub fn add(&mut self, other: Total) {
        use Total::*;
        *self = match (*self, other) {
            (Empty, more) => more,
            (total, Empty) => total,
            (Double(a), b) => Double(a + b.as_double()),
            (a, Double(b)) => Double(a.as_double() + b),
            (TooLarge, _) | (_, TooLarge) => TooLarge,
            (Integer(a), Integer(b)) => {
                let (a, b) = (a.0, b.0);
                a.checked_add(b).map_or(TooLarge, |sum| Integer(Wide(sum)))
            }
            (a, b) => {
                let (a, b) = (a.decimal(), b.decimal());
                let scale = a.scale.max(b.scale);
                let sum = a
                    .rescale(scale)
                    .zip(b.rescale(scale))
                    .and_then(|(a, b)| a.unscaled.checked_add(b.unscaled));
                sum.map_or(TooLarge, |sum| Decimal(Wide(sum), scale))
            }
        };
    }

    fn decimal(self) -> Decimal {
        match self {
            Total::Integer(number) => Decimal {
                unscaled: number.0,
                scale: 0,
            },
            Total::Decimal(number, scale) => Decimal {
                unscaled: number.0,
                scale,
            },
            _ => Decimal {
                unscaled: 0,
                scale: 0,
            },
        }
    }

    /// The sum as a double.
    pub fn as_double(self) -> f64 {
        match self {
            Total::Double(number) => number,
            Total::TooLarge => f64::NAN,
            other => other.decimal().to_double(),
        }
    }

    /// Appends the sum as JSON.
    pub fn save(self, out: &mut Vec<u8>) {
        match self {
            Total::Empty => out.extend_from_slice(b"null"),
            Total::Integer(number) => exact::push_i128(out, number.0),
            // In a list of one, as a large integer is text too.
            Total::Decimal(number, scale) => {
                out.push(b'[');
                exact::push_decimal(out, number.0, scale);
                out.push(b']');
            }
            Total::Double(number) => {
                out.extend_from_slice(b"{\"double\":");
                exact::push_f64(out, number);
                out.push(b'}');
            }
            Total::TooLarge => out.extend_from_slice(b"false"),
        }
    }

    /// Reads what was saved.
    pub fn load(saved: &[u8]) -> Option<Total> {
        Some(match Kind::of(saved)? {
            Kind::Null => Total::Empty,
            Kind::Bool => Total::TooLarge,
            Kind::Array => {
                let (unscaled, scale) =
                    exact::parse_decimal(st_row::elements_of(saved).next()?.ok()?).ok()?;
                Total::Decimal(Wide(unscaled), scale)
            }
            Kind::Object => {
                Total::Double(exact::parse_f64(st_row::fields_of(saved).next()?.ok()?.1).ok()?)
            }
            _ => Total::Integer(Wide(exact::parse_i128(saved).ok()?)),
        })
    }
}
