//! `format_string`: text by a format of Java's `Formatter`, in the US locale.

use super::arguments::string;
use super::numbers::grouped;
use super::{ANY, MANY, as_text, bound, with_nulls};
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[with_nulls(bound(
    &["format_string", "printf"],
    (1, MANY),
    "format_string(format, value, …)",
    &[ANY],
    bind,
))];

/// A piece of a format.
enum Piece {
    Text(String),
    Item(Item),
}

/// `%[argument$][flags][width][.precision]conversion`
#[derive(Default)]
struct Item {
    /// Which argument, counted from zero.
    argument: usize,
    flags: String,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl Item {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

/// Widest item, and most digits after a point.
const WIDEST: usize = 1 << 16;

fn parse(format: &str) -> Result<Vec<Piece>, String> {
    let wrong = |what: &str| Err(format!("format {format:?}: {what}"));
    let mut pieces = vec![];
    let mut rest = format;
    let (mut next, mut last) = (0, None);
    while let Some((before, after)) = rest.split_once('%') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let mut item = Item::default();
        let mut spec = after;
        let digits =
            |spec: &str| spec.len() - spec.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count = digits(spec);
        let mut place = None;
        if count > 0 && spec[count..].starts_with('$') {
            place = spec[..count]
                .parse::<usize>()
                .ok()
                .and_then(|place| place.checked_sub(1));
            spec = &spec[count + 1..];
        } else if let Some(after) = spec.strip_prefix('<') {
            let Some(last) = last else {
                return wrong("'%<' follows no other item");
            };
            place = Some(last);
            spec = after;
        }
        let flags = spec.len()
            - spec
                .trim_start_matches(['-', '#', '+', ' ', '0', ',', '('])
                .len();
        item.flags = spec[..flags].to_owned();
        spec = &spec[flags..];
        let count = digits(spec);
        item.width = spec[..count].parse().unwrap_or(0);
        spec = &spec[count..];
        if let Some(after) = spec.strip_prefix('.') {
            let count = digits(after);
            item.precision = after[..count].parse().ok();
            if item.precision.is_none() {
                return wrong("a '.' without a precision");
            }
            spec = &after[count..];
        }
        let Some(conversion) = spec.chars().next() else {
            return wrong("it ends in the middle of an item");
        };
        rest = &spec[conversion.len_utf8()..];
        item.conversion = conversion;
        if !"bBhHsScCdoxXeEfgGn%".contains(conversion) {
            return match conversion {
                't' | 'T' => wrong("'%t' is not supported: use date_format"),
                _ => wrong(&format!("there is no '%{conversion}'")),
            };
        }
        if item.width.max(item.precision.unwrap_or(0)) > WIDEST {
            return wrong("an item is too wide");
        }
        if (item.has('-') || item.has('0')) && item.width == 0 || item.has('-') && item.has('0') {
            return wrong("the flags '-' and '0' need a width, and exclude each other");
        }
        if !matches!(conversion, 'n' | '%') {
            item.argument = place.unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            last = Some(item.argument);
        }
        pieces.push(Piece::Item(item));
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

fn bind(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let ready = match &call.constants[0] {
        Some(Value::String(format)) => Some(parse(format)?),
        _ => None,
    };
    if let Some(pieces) = &ready {
        let needed = pieces.iter().filter_map(|piece| match piece {
            Piece::Item(item) if !matches!(item.conversion, 'n' | '%') => Some(item.argument + 1),
            _ => None,
        });
        let needed = needed.max().unwrap_or(0);
        if needed >= call.types.len() {
            return Err(format!(
                "the format wants {needed} values, there are {}",
                call.types.len() - 1
            ));
        }
    }
    let kinds = call.types[1..].to_vec();
    let body = prepared(move |env, a| {
        if a[0].is_null() {
            return Ok(Value::Null);
        }
        let made;
        let pieces = match &ready {
            Some(pieces) => pieces,
            None => {
                made = parse(super::arguments::text(&a[0])?).map_err(Failure)?;
                &made
            }
        };
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Item(item) => {
                    let value = a.get(item.argument + 1).unwrap_or(&Value::Null);
                    let kind = kinds.get(item.argument).unwrap_or(&Type::Null);
                    let shown = show(env, item, value, kind)?;
                    out.push_str(&if item.conversion.is_ascii_uppercase() {
                        shown.to_uppercase()
                    } else {
                        shown
                    });
                }
            }
        }
        Ok(string(out))
    });
    Ok((Type::String, body))
}

fn show(env: &Env, item: &Item, value: &Value<'_>, kind: &Type) -> Result<String, Failure> {
    let text = match (item.conversion.to_ascii_lowercase(), value) {
        ('n', _) => return Ok("\n".to_owned()),
        ('%', _) => "%".to_owned(),
        ('b', Value::Boolean(bit)) => bit.to_string(),
        ('b', value) => (!value.is_null()).to_string(),
        (_, Value::Null) => "null".to_owned(),
        ('s', value) => as_text(env, value).into_owned(),
        ('h', value) => format!("{:x}", hash(value).ok_or_else(|| unfit(item, value))?),
        ('c', Value::Integer(code)) => {
            let character = u32::try_from(*code).ok().and_then(char::from_u32);
            character
                .ok_or_else(|| Failure(format!("there is no character {code}")))?
                .to_string()
        }
        ('d', Value::Integer(number)) => {
            let digits = number.unsigned_abs().to_string();
            return Ok(signed(
                item,
                *number < 0,
                if item.has(',') {
                    grouped(&digits, 3)
                } else {
                    digits
                },
            ));
        }
        ('o' | 'x', Value::Integer(number)) => {
            // A negative number is its two's complement, as wide as its type.
            let bits = match kind {
                Type::TinyInt => u64::from(*number as u8),
                Type::SmallInt => u64::from(*number as u16),
                Type::Int => u64::from(*number as u32),
                _ => *number as u64,
            };
            let (prefix, digits) = match item.conversion {
                'o' => ("0", format!("{bits:o}")),
                _ => ("0x", format!("{bits:x}")),
            };
            let prefix = if item.has('#') { prefix } else { "" };
            let width = if item.has('0') {
                item.width.saturating_sub(prefix.len())
            } else {
                0
            };
            return Ok(padded(item, format!("{prefix}{digits:0>width$}")));
        }
        ('e' | 'f' | 'g', Value::Double(number)) => return Ok(double(item, *number)),
        (_, value) => return Err(unfit(item, value)),
    };
    let cut = item.precision.filter(|_| {
        matches!(item.conversion, 's' | 'S' | 'b' | 'B' | 'd' | 'h' | 'H') || value.is_null()
    });
    Ok(padded(
        item,
        cut.map_or(text.clone(), |length| text.chars().take(length).collect()),
    ))
}

fn unfit(item: &Item, value: &Value<'_>) -> Failure {
    Failure(format!(
        "%{} does not take {}",
        item.conversion,
        super::arguments::kind(value)
    ))
}

/// The `hashCode` of Java's and Spark's objects.
fn hash(value: &Value<'_>) -> Option<u32> {
    Some(match value {
        Value::Boolean(bit) => {
            if *bit {
                1231
            } else {
                1237
            }
        }
        Value::Integer(number) => (*number ^ (*number >> 32)) as u32,
        Value::Double(number) => (number.to_bits() ^ number.to_bits() >> 32) as u32,
        Value::String(text) => super::hashes::of_text(text),
        _ => return None,
    })
}

/// Blanks up to the width, which counts UTF-16 units as Java does.
fn padded(item: &Item, text: String) -> String {
    let blanks = " ".repeat(item.width.saturating_sub(text.encode_utf16().count()));
    if item.has('-') {
        text + &blanks
    } else {
        blanks + &text
    }
}

/// Digits with their sign, or brackets, and zeros between both.
fn signed(item: &Item, negative: bool, digits: String) -> String {
    let (before, after) = match negative {
        true if item.has('(') => ("(", ")"),
        true => ("-", ""),
        false if item.has('+') => ("+", ""),
        false if item.has(' ') => (" ", ""),
        false => ("", ""),
    };
    let width = if item.has('0') {
        item.width.saturating_sub(before.len() + after.len())
    } else {
        0
    };
    padded(item, format!("{before}{digits:0>width$}{after}"))
}

fn double(item: &Item, number: f64) -> String {
    let negative = number.is_sign_negative() && !number.is_nan();
    if !number.is_finite() {
        let plain = Item {
            flags: item.flags.replace('0', ""),
            width: item.width,
            ..Item::default()
        };
        return match number.is_nan() {
            true => padded(&plain, "NaN".to_owned()),
            false => signed(&plain, negative, "Infinity".to_owned()),
        };
    }
    let digits = Digits::of(number.abs());
    let precision = item.precision.unwrap_or(6);
    let text = match item.conversion.to_ascii_lowercase() {
        'f' => digits.plain(precision),
        'e' => digits.scientific(precision),
        _ => {
            let precision = precision.max(1);
            let point = digits.round(precision as i64 - digits.point).point;
            match number {
                0.0 => digits.plain(precision - 1),
                _ if point > -4 && point <= precision as i64 => {
                    digits.plain((precision as i64 - point) as usize)
                }
                _ => digits.scientific(precision - 1),
            }
        }
    };
    let text = match text.split_once('.') {
        _ if !item.has(',') => text,
        Some((whole, fraction)) => format!("{}.{fraction}", grouped(whole, 3)),
        None => grouped(&text, 3),
    };
    signed(item, negative, text)
}

/// The shortest digits of a double: `0.d1d2d3… * 10^point`. Halves go up when they are rounded.
struct Digits {
    digits: Vec<u8>,
    point: i64,
}

impl Digits {
    fn of(number: f64) -> Digits {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(number);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let zeros = all.len() - significant.len();
        let digits = significant.trim_end_matches('0').bytes().collect();
        let point = whole.len() as i64 - zeros as i64 + exponent.parse::<i64>().unwrap_or(0);
        Digits {
            digits,
            point: if significant.is_empty() { 0 } else { point },
        }
    }

    /// With `decimals` digits after the point, halves up.
    fn round(&self, decimals: i64) -> Digits {
        let kept = self.point + decimals;
        if kept >= self.digits.len() as i64 {
            return Digits {
                digits: self.digits.clone(),
                point: self.point,
            };
        }
        let kept = match usize::try_from(kept) {
            Ok(kept) => kept,
            Err(_) => {
                return Digits {
                    digits: vec![],
                    point: 0,
                };
            }
        };
        let mut digits = self.digits[..kept].to_vec();
        if self.digits[kept] < b'5' {
            return Digits {
                digits,
                point: self.point,
            };
        }
        let nines = digits
            .iter()
            .rev()
            .take_while(|digit| **digit == b'9')
            .count();
        digits.truncate(kept - nines);
        match digits.last_mut() {
            Some(last) => {
                *last += 1;
                Digits {
                    digits,
                    point: self.point,
                }
            }
            None => Digits {
                digits: vec![b'1'],
                point: self.point + 1,
            },
        }
    }

    fn plain(&self, decimals: usize) -> String {
        let rounded = self.round(decimals as i64);
        let digit = |place: i64| {
            usize::try_from(place)
                .ok()
                .and_then(|place| rounded.digits.get(place))
                .map_or('0', |d| char::from(*d))
        };
        let mut out: String = if rounded.point <= 0 {
            "0".to_owned()
        } else {
            (0..rounded.point).map(digit).collect()
        };
        if decimals > 0 {
            out.push('.');
            out.extend((rounded.point..rounded.point + decimals as i64).map(digit));
        }
        out
    }

    fn scientific(&self, decimals: usize) -> String {
        let rounded = self.round(decimals as i64 + 1 - self.point);
        let exponent = if rounded.digits.is_empty() {
            0
        } else {
            rounded.point - 1
        };
        let mantissa = Digits {
            digits: rounded.digits,
            point: 1,
        }
        .plain(decimals);
        format!(
            "{mantissa}e{}{:02}",
            if exponent < 0 { '-' } else { '+' },
            exponent.abs()
        )
    }
}
