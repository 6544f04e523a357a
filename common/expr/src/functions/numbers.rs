//! `format_number`: numbers by a number of decimals or by a pattern of Java's `DecimalFormat`, in the US locale. Halves go to
//! the even neighbour, doubles by their exact value.

use super::arguments::{string, text};
use super::{ANY, bound};
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[bound(
    &["format_number"],
    (2, 2),
    "format_number(number, decimals or pattern)",
    &[ANY],
    format_number,
)];

/// A pattern, taken apart.
#[derive(Clone, Debug, Default)]
struct Pattern {
    prefix: String,
    suffix: String,
    /// Around negative numbers: a minus sign before the prefix, if the pattern does not say.
    negative: Option<(String, String)>,
    /// Digits between commas; 0 for none.
    group: usize,
    least_whole: usize,
    most_whole: usize,
    least_fraction: usize,
    most_fraction: usize,
    /// Least digits of the exponent, if there is one.
    exponent: Option<usize>,
    percent: bool,
}

impl Pattern {
    /// The pattern of a number of decimals.
    fn decimals(count: usize) -> Pattern {
        Pattern {
            group: 3,
            least_whole: 1,
            least_fraction: count,
            most_fraction: count,
            ..Pattern::default()
        }
    }

    fn parse(text: &str) -> Result<Pattern, String> {
        if text.is_empty() {
            return Ok(Pattern::decimals(0));
        }
        let wrong = |what: &str| format!("number pattern '{text}': {what}");
        let mut pattern = Pattern::default();
        let (mut hashes, mut zeros, mut later) = (0usize, 0usize, 0usize);
        let (mut point, mut comma) = (None, None);
        let mut rest = text.chars().peekable();
        let (mut seen, mut after) = (false, false);
        while let Some(character) = rest.next() {
            let number = matches!(character, '#' | '0' | ',' | '.') && !after;
            match character {
                '\'' => {
                    let mut quoted: String = rest.by_ref().take_while(|c| *c != '\'').collect();
                    if quoted.is_empty() {
                        quoted.push('\'');
                    }
                    if seen {
                        pattern.suffix.push_str(&quoted)
                    } else {
                        pattern.prefix.push_str(&quoted)
                    }
                    after |= seen;
                }
                ';' => {
                    let negative: String = rest.collect();
                    let is_digit = |c: char| matches!(c, '#' | '0' | ',' | '.');
                    let start = negative
                        .find(is_digit)
                        .ok_or_else(|| wrong("the negative part has no digits"))?;
                    let end = negative.rfind(is_digit).map_or(start, |end| end + 1);
                    pattern.negative = Some((
                        negative[..start].replace('\'', ""),
                        negative[end..].replace('\'', ""),
                    ));
                    break;
                }
                '#' if number => {
                    seen = true;
                    if zeros > 0 {
                        later += 1
                    } else {
                        hashes += 1
                    }
                    if later > 0 && point.is_none() {
                        return Err(wrong("'#' after '0'"));
                    }
                    comma =
                        comma.map(|count: usize| if point.is_none() { count + 1 } else { count });
                }
                '0' if number => {
                    seen = true;
                    if later > 0 {
                        return Err(wrong("'0' after '#'"));
                    }
                    zeros += 1;
                    comma = comma.map(|count| if point.is_none() { count + 1 } else { count });
                }
                ',' if number => comma = Some(0),
                '.' if number => {
                    if point.replace(hashes + zeros + later).is_some() {
                        return Err(wrong("a second point"));
                    }
                    seen = true;
                }
                'E' if seen && !after => {
                    let mut digits = 0;
                    while rest.next_if_eq(&'0').is_some() {
                        digits += 1;
                    }
                    if digits == 0 {
                        return Err(wrong("an exponent needs a '0'"));
                    }
                    pattern.exponent = Some(digits);
                    after = true;
                }
                '%' => {
                    pattern.percent = true;
                    if seen {
                        pattern.suffix.push('%')
                    } else {
                        pattern.prefix.push('%')
                    }
                    after |= seen;
                }
                '#' | '0' | ',' | '.' => return Err(wrong("a digit after the end of the number")),
                other => {
                    if seen {
                        pattern.suffix.push(other)
                    } else {
                        pattern.prefix.push(other)
                    }
                    after |= seen;
                }
            }
        }
        if !seen {
            return Err(wrong("it has no digits"));
        }
        // Without a zero, the place before the point (or after it, if there is none) counts as one.
        if let (Some(place), 0) = (point, zeros) {
            let place = place.max(1);
            (later, hashes, zeros) = (hashes.saturating_sub(place), place - 1, 1);
        }
        let total = hashes + zeros + later;
        let whole = point.unwrap_or(total);
        pattern.least_whole = whole.saturating_sub(hashes);
        pattern.most_whole = whole;
        pattern.most_fraction = point.map_or(0, |place| total - place);
        pattern.least_fraction = point.map_or(0, |place| (hashes + zeros).saturating_sub(place));
        pattern.group = comma.unwrap_or(0);
        Ok(pattern)
    }

    fn format(&self, value: &Value<'_>) -> Option<String> {
        let (negative, body) = match value {
            Value::Double(number) if number.is_nan() => return Some("NaN".to_owned()),
            Value::Double(number) => {
                let number = if self.percent {
                    number * 100.0
                } else {
                    *number
                };
                let body = match self.exponent {
                    _ if number.is_infinite() => "∞".to_owned(),
                    Some(digits) => self.scientific(&number.abs(), number == 0.0, digits),
                    None => self.plain(&format!("{:.*}", self.most_fraction, number.abs())),
                };
                (number.is_sign_negative(), body)
            }
            Value::Integer(_) | Value::Decimal(_) => {
                let number = match value {
                    Value::Decimal(number) => *number,
                    Value::Integer(number) => crate::Decimal::from_integer(*number),
                    _ => return None,
                };
                let unscaled = number
                    .unscaled
                    .checked_mul(if self.percent { 100 } else { 1 })?;
                let body = match self.exponent {
                    Some(digits) => {
                        let exact = crate::Decimal {
                            unscaled: unscaled.abs(),
                            scale: number.scale,
                        };
                        self.scientific(&exact.to_double(), unscaled == 0, digits)
                    }
                    None => self.plain(&rounded(
                        unscaled.unsigned_abs(),
                        number.scale.into(),
                        self.most_fraction,
                    )),
                };
                (unscaled < 0, body)
            }
            _ => return None,
        };
        Some(match (&self.negative, negative) {
            (_, false) => format!("{}{body}{}", self.prefix, self.suffix),
            (None, true) => format!("-{}{body}{}", self.prefix, self.suffix),
            (Some((prefix, suffix)), true) => format!("{prefix}{body}{suffix}"),
        })
    }

    /// Digits with a point, to the pattern's widths.
    fn plain(&self, digits: &str) -> String {
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let cut = fraction.len() - fraction.bytes().rev().take_while(|b| *b == b'0').count();
        let fraction = &fraction[..cut.max(self.least_fraction.min(fraction.len()))];
        let whole = whole.trim_start_matches('0');
        let mut out = format!("{whole:0>width$}", width = self.least_whole);
        if out.is_empty() && fraction.is_empty() {
            out.push('0');
        }
        if self.group > 0 {
            out = grouped(&out, self.group);
        }
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        out
    }

    fn scientific(&self, number: &f64, zero: bool, exponent_digits: usize) -> String {
        let significant = (self.most_whole + self.most_fraction).max(1);
        let text = format!("{number:.*e}", significant - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.truncate(digits.trim_end_matches('0').len());
        let place = if zero {
            0
        } else {
            exponent.parse::<i64>().unwrap_or(0) + 1
        };
        let (most, mut least) = (self.most_whole as i64, self.least_whole as i64);
        let exponent = if most > 1 && most > least {
            least = 1;
            (place - 1).div_euclid(most) * most
        } else {
            place - least
        };
        let exponent = if zero { 0 } else { exponent };
        let whole = if zero { least } else { place - exponent }.max(0) as usize;
        let total = digits
            .len()
            .max(self.least_whole + self.least_fraction)
            .max(whole);
        let digits = format!("{digits:0<total$}");
        let point = if total > whole { "." } else { "" };
        let sign = if exponent < 0 { "-" } else { "" };
        format!(
            "{}{point}{}E{sign}{:0>exponent_digits$}",
            &digits[..whole],
            &digits[whole..],
            exponent.abs()
        )
    }
}

/// `digits / 10^scale` with `decimals` after the point, halves to the even neighbour.
fn rounded(digits: u128, scale: usize, decimals: usize) -> String {
    let kept = scale.min(decimals);
    let divisor = 10u128.pow((scale - kept) as u32);
    let (quotient, rest) = (digits / divisor, digits % divisor);
    let up = rest > divisor - rest || rest == divisor - rest && rest > 0 && quotient % 2 == 1;
    let digits = format!("{:0>width$}", quotient + u128::from(up), width = kept + 1);
    let (whole, fraction) = digits.split_at(digits.len() - kept);
    format!("{whole}.{fraction:0<decimals$}")
}

/// Commas between groups of digits.
pub fn grouped(digits: &str, size: usize) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(size) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn format_number(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    if !call.types[0].is_numeric() && !call.types[0].is_open() {
        return Err(format!("a number is wanted, not {}", call.types[0]));
    }
    let ready = match &call.constants[1] {
        Some(Value::Null) | None => None,
        Some(value) => pattern(value)?,
    };
    let constant = call.constants[1].is_some();
    let body = prepared(move |_: &Env, a: &[Value<'_>]| {
        let made;
        let pattern = if constant {
            &ready
        } else {
            made = pattern(&a[1]).map_err(Failure)?;
            &made
        };
        let shown = pattern.as_ref().map(|pattern| pattern.format(&a[0]));
        match shown {
            None => Ok(Value::Null),
            Some(Some(shown)) => Ok(string(shown)),
            Some(None) => super::arguments::failure(format!(
                "wants a number, not {}",
                super::arguments::kind(&a[0])
            )),
        }
    });
    Ok((Type::String, body))
}

/// The pattern an argument asks for; `None` for less than no decimals, which gives null.
fn pattern(value: &Value<'_>) -> Result<Option<Pattern>, String> {
    match value {
        Value::Integer(count) if *count < 0 => Ok(None),
        Value::Integer(count) => Ok(Some(Pattern::decimals((*count).min(340) as usize))),
        other => Pattern::parse(text(other).map_err(|Failure(message)| message)?).map(Some),
    }
}
