//! `interval '5 minutes'`, `interval 5 minutes`, `interval '1' day '2' hours`, `interval '1 02:03:04' day to second`.

use super::Parser;
use super::lexer::Kind;
use crate::ast::{IntervalUnit, Node};
use crate::error::SyntaxError;
use crate::{Interval, Type, Value};

impl IntervalUnit {
    /// Reads a unit, singular or plural, or as people shorten it.
    fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Some(
            match word
                .strip_suffix('s')
                .filter(|w| !w.is_empty())
                .unwrap_or(&word)
            {
                "year" => IntervalUnit::Year,
                "quarter" => IntervalUnit::Quarter,
                "month" => IntervalUnit::Month,
                "week" => IntervalUnit::Week,
                "day" => IntervalUnit::Day,
                "hour" => IntervalUnit::Hour,
                "minute" => IntervalUnit::Minute,
                "second" => IntervalUnit::Second,
                "millisecond" => IntervalUnit::Millisecond,
                "microsecond" => IntervalUnit::Microsecond,
                _ => return None,
            },
        )
    }

    /// How many microseconds one unit has; `None` for months and what is made of them.
    fn micros(self) -> Option<i64> {
        Some(match self {
            IntervalUnit::Year | IntervalUnit::Quarter | IntervalUnit::Month => return None,
            IntervalUnit::Week => 7 * 86_400_000_000,
            IntervalUnit::Day => 86_400_000_000,
            IntervalUnit::Hour => 3_600_000_000,
            IntervalUnit::Minute => 60_000_000,
            IntervalUnit::Second => 1_000_000,
            IntervalUnit::Millisecond => 1_000,
            IntervalUnit::Microsecond => 1,
        })
    }

    /// So many of this unit; the amount is in millionths. `None` if it does not fit, or is a fraction of months.
    pub(crate) fn times(self, millionths: i128) -> Option<Interval> {
        let whole = (millionths % 1_000_000 == 0).then_some(millionths / 1_000_000);
        let months = |each: i128| {
            let months = i32::try_from(whole?.checked_mul(each)?).ok()?;
            Some(Interval {
                months,
                ..Interval::default()
            })
        };
        match self {
            IntervalUnit::Year => months(12),
            IntervalUnit::Quarter => months(3),
            IntervalUnit::Month => months(1),
            IntervalUnit::Week | IntervalUnit::Day if whole.is_some() => {
                let days = whole?.checked_mul(if self == IntervalUnit::Week { 7 } else { 1 })?;
                Some(Interval {
                    days: i32::try_from(days).ok()?,
                    ..Interval::default()
                })
            }
            _ => {
                let micros = millionths.checked_mul(i128::from(self.micros()?))? / 1_000_000;
                Some(Interval {
                    micros: i64::try_from(micros).ok()?,
                    ..Interval::default()
                })
            }
        }
    }
}

/// A plain number with up to six decimals, in millionths.
fn millionths(text: &str) -> Option<i128> {
    let (negated, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || whole.len() > 18
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let value = format!("0{whole}").parse::<i128>().ok()? * 1_000_000 + fraction;
    Some(if negated { -value } else { value })
}

/// `1-2` (years and months) or `1 02:03:04.5`, read from the first unit down to the last.
fn ranged(text: &str, from: IntervalUnit, to: IntervalUnit) -> Option<Interval> {
    let (sign, text) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    if from == IntervalUnit::Year && to == IntervalUnit::Month {
        let (years, months) = text.split_once('-')?;
        let months = years
            .parse::<i32>()
            .ok()?
            .checked_mul(12)?
            .checked_add(months.parse().ok()?)?;
        return Some(Interval {
            months: sign * months,
            ..Interval::default()
        });
    }
    let order = [
        IntervalUnit::Day,
        IntervalUnit::Hour,
        IntervalUnit::Minute,
        IntervalUnit::Second,
    ];
    let first = order.iter().position(|unit| *unit == from)?;
    let last = order.iter().position(|unit| *unit == to)?;
    let parts: Vec<&str> = text.split([' ', ':']).collect();
    if last <= first || parts.len() != last - first + 1 {
        return None;
    }
    let mut sum = Interval::default();
    for (unit, part) in order[first..].iter().zip(parts) {
        sum = sum.checked_add(unit.times(i128::from(sign) * millionths(part)?)?)?;
    }
    Some(sum)
}

impl Parser<'_> {
    /// What follows the word `interval`, which is still ahead; `None` if it is a name after all.
    pub(super) fn interval(&mut self) -> Result<Option<Node>, SyntaxError> {
        let starts = match self.ahead(1) {
            Kind::Text(_) | Kind::Number(_) => true,
            Kind::Symbol("-" | "+") => {
                matches!(self.ahead(2), Kind::Number(_) | Kind::Text(_)) && self.unit_ahead(3)
            }
            Kind::Word(_) | Kind::Quoted(_) => self.unit_ahead(2),
            Kind::Symbol("(") => true,
            _ => false,
        };
        if !starts {
            return Ok(None);
        }
        self.step();
        let literal = |sum: Interval| Ok(Some(Node::Literal(Value::Interval(sum), Type::Interval)));
        let mut sum = Interval::default();
        let mut any = false;
        loop {
            let span = self.span();
            let sign = match self.peek() {
                Kind::Symbol("-") => -1,
                Kind::Symbol("+") => 1,
                _ => 0,
            };
            let amount = match self.ahead(usize::from(sign != 0)).clone() {
                Kind::Text(text) | Kind::Number(text)
                    if !any || self.unit_ahead(1 + usize::from(sign != 0)) =>
                {
                    text
                }
                _ if any => return literal(sum),
                _ => {
                    let value = self.primary()?;
                    let unit = self.unit()?;
                    return Ok(Some(Node::Interval(Box::new(value), unit)));
                }
            };
            self.step();
            if sign != 0 {
                self.step();
            }
            let wrong = |parser: &Self| {
                parser.error(
                    span.to(parser.behind()),
                    "this is no interval: write interval '5 minutes' or interval 5 minutes",
                )
            };
            if !any && !self.unit_ahead(0) {
                let duration = amount
                    .parse::<st_time::Duration>()
                    .map_err(|_| wrong(self))?;
                return literal(duration.into());
            }
            let unit = self.unit()?;
            let part = match self.take_word("to") {
                true => {
                    let last = self.unit()?;
                    ranged(&amount, unit, last)
                }
                false => millionths(amount.trim())
                    .and_then(|n| unit.times(if sign < 0 { -n } else { n })),
            };
            sum = part
                .and_then(|part| sum.checked_add(part))
                .ok_or_else(|| wrong(self))?;
            any = true;
        }
    }

    fn unit_ahead(&self, n: usize) -> bool {
        matches!(self.ahead(n), Kind::Word(word) if IntervalUnit::parse(word).is_some())
    }

    fn unit(&mut self) -> Result<IntervalUnit, SyntaxError> {
        let unit = match self.peek() {
            Kind::Word(word) => IntervalUnit::parse(word),
            _ => None,
        };
        match unit {
            Some(unit) => {
                self.step();
                Ok(unit)
            }
            None => Err(self.expected("a unit, such as `minutes`")),
        }
    }
}
