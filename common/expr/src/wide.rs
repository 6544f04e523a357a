//! 256-bit steps for decimals: a product or a widened dividend of two 38-digit numbers does not fit 128 bits.

/// An unsigned number of 256 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wide {
    high: u128,
    low: u128,
}

/// `10^n` for `n` up to 38.
pub fn power(n: u32) -> u128 {
    10u128.pow(n.min(38))
}

impl Wide {
    /// The product of two numbers.
    pub fn product(a: u128, b: u128) -> Wide {
        const HALF: u128 = u64::MAX as u128;
        let (a1, a0, b1, b0) = (a >> 64, a & HALF, b >> 64, b & HALF);
        let (low, mid1, mid2, high) = (a0 * b0, a1 * b0, a0 * b1, a1 * b1);
        let mid = (low >> 64) + (mid1 & HALF) + (mid2 & HALF);
        Wide {
            high: high + (mid1 >> 64) + (mid2 >> 64) + (mid >> 64),
            low: (mid << 64) | (low & HALF),
        }
    }

    /// Quotient and remainder; `None` for a divisor of zero.
    pub fn divide(self, divisor: u128) -> Option<(Wide, u128)> {
        if divisor == 0 {
            return None;
        }
        if self.high == 0 {
            return Some((
                Wide {
                    high: 0,
                    low: self.low / divisor,
                },
                self.low % divisor,
            ));
        }
        let (mut quotient, mut rest) = (Wide { high: 0, low: 0 }, 0u128);
        for bit in (0..256).rev() {
            let next = if bit >= 128 {
                self.high >> (bit - 128)
            } else {
                self.low >> bit
            } & 1;
            let overflow = rest >> 127 == 1;
            rest = (rest << 1) | next;
            if overflow || rest >= divisor {
                rest = rest.wrapping_sub(divisor);
                if bit >= 128 {
                    quotient.high |= 1 << (bit - 128);
                } else {
                    quotient.low |= 1 << bit;
                }
            }
        }
        Some((quotient, rest))
    }

    /// Quotient, rounded half away from zero.
    pub fn divide_rounded(self, divisor: u128) -> Option<Wide> {
        let (quotient, rest) = self.divide(divisor)?;
        Some(if rest >= divisor - rest {
            quotient.plus_one()
        } else {
            quotient
        })
    }

    fn plus_one(self) -> Wide {
        let (low, carry) = self.low.overflowing_add(1);
        Wide {
            high: self.high + u128::from(carry),
            low,
        }
    }

    /// The number, if it fits 128 bits with a sign.
    pub fn narrow(self) -> Option<i128> {
        if self.high == 0 {
            i128::try_from(self.low).ok()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn multiplies_and_divides_beyond_128_bits() {
        let (a, b) = (power(38) - 1, power(38) - 7);
        let product = Wide::product(a, b);
        assert!(product.narrow().is_none());
        let (quotient, rest) = product.divide(a).unwrap();
        assert_eq!((quotient.narrow(), rest), (Some(b as i128), 0));
        assert_eq!(
            Wide::product(5, 1).divide_rounded(2).unwrap().narrow(),
            Some(3)
        );
        assert!(product.divide(0).is_none());
    }
}
