//! A sum of numbers of any kind: integers and decimals exactly, doubles as they come.

use st_checkpoint::exact;
use st_expr::Decimal;
use st_row::Kind;

use super::number::Number;

/// A [`Total`] as a group holds it, in 16 bytes: what does not fit stands elsewhere.
#[derive(Clone)]
pub struct Held(Small);

#[derive(Clone)]
enum Small {
    Empty,
    Integer(i64),
    Decimal(i64, u8),
    Double(f64),
    Large(Box<Total>),
}

impl Held {
    /// No number yet.
    pub const EMPTY: Held = Held(Small::Empty);

    /// The sum.
    #[inline]
    pub fn total(&self) -> Total {
        match &self.0 {
            Small::Empty => Total::Empty,
            Small::Integer(number) => Total::Integer((*number).into()),
            Small::Decimal(number, scale) => Total::Decimal((*number).into(), *scale),
            Small::Double(number) => Total::Double(*number),
            Small::Large(total) => **total,
        }
    }

    /// Adds another sum to this one.
    #[inline]
    pub fn add(&mut self, other: Total) {
        match (&mut self.0, other) {
            (Small::Double(sum), Total::Double(more)) => *sum += more,
            // Not by way of memory: of a new group, none of what was just written there may have arrived.
            (Small::Empty, first) => *self = first.into(),
            (_, more) => *self = self.total().plus(more).into(),
        }
    }

    /// Bytes held elsewhere.
    pub fn heap(&self) -> usize {
        match &self.0 {
            Small::Large(_) => size_of::<Total>() + 16,
            _ => 0,
        }
    }
}

impl From<Total> for Held {
    #[inline]
    fn from(total: Total) -> Held {
        let narrow = |number: i128| i64::try_from(number).ok();
        let small = match total {
            Total::Empty => Some(Small::Empty),
            Total::Double(number) => Some(Small::Double(number)),
            Total::Integer(number) => narrow(number).map(Small::Integer),
            Total::Decimal(number, scale) => {
                narrow(number).map(|number| Small::Decimal(number, scale))
            }
            Total::TooLarge => None,
        };
        Held(small.unwrap_or_else(|| Small::Large(Box::new(total))))
    }
}

/// The sum so far. Its kind is that of its numbers; the first double makes it a double.
#[derive(Clone, Copy)]
pub enum Total {
    /// No number yet.
    Empty,
    /// Integers only.
    Integer(i128),
    /// Decimals, perhaps integers among them: digits and scale.
    Decimal(i128, u8),
    /// Doubles, perhaps others among them.
    Double(f64),
    /// More digits than can be kept.
    TooLarge,
}

impl From<Number> for Total {
    #[inline]
    fn from(number: Number) -> Total {
        match number {
            Number::Integer(number) => Total::Integer(number.into()),
            Number::Double(number) => Total::Double(number),
            Number::Decimal(number) => Total::Decimal(number.unscaled, number.scale),
        }
    }
}

impl Total {
    /// The sum of both.
    fn plus(self, other: Total) -> Total {
        use Total::*;
        match (self, other) {
            (Empty, more) => more,
            (total, Empty) => total,
            (Double(a), b) => Double(a + b.as_double()),
            (a, Double(b)) => Double(a.as_double() + b),
            (TooLarge, _) | (_, TooLarge) => TooLarge,
            (Integer(a), Integer(b)) => a.checked_add(b).map_or(TooLarge, Integer),
            (a, b) => {
                let (a, b) = (a.decimal(), b.decimal());
                let scale = a.scale.max(b.scale);
                let sum = a
                    .rescale(scale)
                    .zip(b.rescale(scale))
                    .and_then(|(a, b)| a.unscaled.checked_add(b.unscaled));
                sum.map_or(TooLarge, |sum| Decimal(sum, scale))
            }
        }
    }

    fn decimal(self) -> Decimal {
        match self {
            Total::Integer(number) => Decimal {
                unscaled: number,
                scale: 0,
            },
            Total::Decimal(number, scale) => Decimal {
                unscaled: number,
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
            Total::Integer(number) => exact::push_i128(out, number),
            // In a list of one, as a large integer is text too.
            Total::Decimal(number, scale) => {
                out.push(b'[');
                exact::push_decimal(out, number, scale);
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
                Total::Decimal(unscaled, scale)
            }
            Kind::Object => {
                Total::Double(exact::parse_f64(st_row::fields_of(saved).next()?.ok()?.1).ok()?)
            }
            _ => Total::Integer(exact::parse_i128(saved).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(totals: &[Total]) -> Held {
        totals.iter().fold(Held::EMPTY, |mut sum, more| {
            sum.add(*more);
            sum
        })
    }

    #[test]
    fn a_sum_is_exact_whether_it_fits_or_not() {
        let most = i128::from(i64::MAX);
        let (large, one) = (Total::Integer(most), Total::Integer(1));
        for (totals, sum, apart) in [
            (vec![large], most, false),
            (vec![large, one], most + 1, true),
            (vec![large, one, Total::Integer(-2)], most - 1, false),
            (
                vec![Total::Integer(-most), Total::Integer(-2)],
                -most - 2,
                true,
            ),
        ] {
            let held = held(&totals);
            assert!(matches!(held.total(), Total::Integer(number) if number == sum));
            assert_eq!(held.heap() > 0, apart);
        }
        let held = held(&[Total::Decimal(most, 2), Total::Decimal(5, 1)]);
        assert!(matches!(held.total(), Total::Decimal(number, 2) if number == most + 50));
    }

    #[test]
    fn the_first_double_makes_it_one_and_too_much_stays_too_much() {
        let sum = held(&[Total::Integer(1), Total::Double(0.5), Total::Double(0.25)]);
        assert!(matches!(sum.total(), Total::Double(number) if number == 1.75));
        let most = Total::Integer(i128::MAX);
        let sum = held(&[most, most, Total::Integer(-5)]);
        assert!(matches!(sum.total(), Total::TooLarge));
        assert_eq!(size_of::<Held>(), 16);
    }
}
