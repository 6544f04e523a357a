//! From letters to items, and the reasons for refusing a pattern.

use anyhow::{Result, bail};

use super::{Field, Item, Next, OffsetForm, Sign};

/// Letters whose meaning depends on the locale's week.
const WEEK_BASED: &str = "YWwuec";
/// Letters Spark does not take at all, and those it only writes.
const UNSUPPORTED: &str = "ABnNp";
const WRITE_ONLY: &str = "EFqQ";

/// Compiles `pattern`; `reading` tells which side it is for. Errors name the letters and, where there is one, the way out.
pub(super) fn compile(pattern: &str, reading: bool) -> Result<Vec<Item>> {
    let with_era = unquoted(pattern).any(|c| c == 'G');
    let mut scopes: Vec<Vec<Item>> = vec![Vec::new()];
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let length = rest.len() - rest.trim_start_matches(c).len();
        let count = length / c.len_utf8();
        match c {
            '\'' => {
                let (text, after) = quoted(rest).ok_or_else(|| {
                    anyhow::anyhow!("datetime pattern '{pattern}': a quote has no end")
                })?;
                literal(&mut scopes, text);
                rest = after;
                continue;
            }
            '[' => scopes.push(Vec::new()),
            ']' => match scopes.pop() {
                Some(inner) if !scopes.is_empty() => items(&mut scopes).push(Item::Optional(inner)),
                _ => bail!("datetime pattern '{pattern}': ] without ["),
            },
            '{' | '}' | '#' => bail!(
                "datetime pattern '{pattern}': the character {c} is reserved: quote it: '{c}'"
            ),
            'a'..='z' | 'A'..='Z' => {
                letter(pattern, items(&mut scopes), c, count, reading, with_era)?;
                rest = &rest[length..];
                continue;
            }
            _ => literal(&mut scopes, c.to_string()),
        }
        rest = &rest[c.len_utf8()..];
    }
    // A bracket left open ends with the pattern, as in Java.
    while scopes.len() > 1 {
        if let Some(inner) = scopes.pop() {
            items(&mut scopes).push(Item::Optional(inner));
        }
    }
    Ok(scopes.pop().unwrap_or_default())
}

/// The innermost list of items.
fn items(scopes: &mut Vec<Vec<Item>>) -> &mut Vec<Item> {
    if scopes.is_empty() {
        scopes.push(Vec::new());
    }
    let last = scopes.len() - 1;
    &mut scopes[last]
}

fn literal(scopes: &mut Vec<Vec<Item>>, text: String) {
    match items(scopes).last_mut() {
        Some(Item::Literal(before)) => before.push_str(&text),
        _ => items(scopes).push(Item::Literal(text)),
    }
}

/// The letters outside quotes.
fn unquoted(pattern: &str) -> impl Iterator<Item = char> {
    pattern.split('\'').step_by(2).flat_map(str::chars)
}

/// The text in quotes at the front, a doubled quote being one, and what follows. Two quotes alone are a quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find('\'')?;
        inner.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                inner.push('\'');
                rest = after;
            }
            None if inner.is_empty() => return Some(("'".to_string(), rest)),
            None => return Some((inner, rest)),
        }
    }
}

fn letter(
    pattern: &str,
    items: &mut Vec<Item>,
    c: char,
    count: usize,
    reading: bool,
    with_era: bool,
) -> Result<()> {
    if WEEK_BASED.contains(c) {
        bail!(
            "datetime pattern '{pattern}': the week-based letter {c} is not supported: use extract(… from …) instead"
        );
    }
    if UNSUPPORTED.contains(c) {
        bail!("datetime pattern '{pattern}': illegal pattern character: {c}");
    }
    if reading && WRITE_ONLY.contains(c) {
        bail!("datetime pattern '{pattern}': illegal pattern character: {c} can only be written");
    }
    let most = match c {
        'y' => 6,
        'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' => 2,
        'D' => 3,
        'G' | 'M' | 'L' | 'E' | 'Q' | 'q' => 4,
        'a' | 'F' => 1,
        'S' => 9,
        'V' => 2,
        'z' => 3,
        'O' => 4,
        'X' | 'x' | 'Z' => 5,
        'v' => bail!(
            "datetime pattern '{pattern}': generic zone names are not supported: use VV or z instead"
        ),
        _ => bail!("datetime pattern '{pattern}': unknown pattern letter: {c}"),
    };
    if c == 'z' && count == 4 {
        bail!(
            "datetime pattern '{pattern}': zone names in full are not supported: use VV or z instead"
        );
    }
    if count > most {
        bail!("datetime pattern '{pattern}': too many pattern letters: {c}");
    }
    if c == 'V' && count != 2 || c == 'O' && count != 1 && count != 4 {
        bail!("datetime pattern '{pattern}': wrong number of pattern letters: {c}");
    }
    match c {
        'y' => {
            let field = if with_era {
                Field::YearOfEra
            } else {
                Field::Year
            };
            match count {
                2 => touching(
                    items,
                    Item::TwoDigitYear {
                        field,
                        next: Next::Free,
                    },
                ),
                4.. => number(items, field, count, 19, Sign::ExceedsPad),
                _ => number(items, field, count, 19, Sign::Normal),
            }
        }
        'd' => plain(items, Field::Day, count),
        'h' => plain(items, Field::ClockHourOfHalf, count),
        'H' => plain(items, Field::Hour, count),
        'k' => plain(items, Field::ClockHour, count),
        'K' => plain(items, Field::HourOfHalf, count),
        'm' => plain(items, Field::Minute, count),
        's' => plain(items, Field::Second, count),
        'F' => plain(items, Field::AlignedDay, count),
        'D' if count == 1 => plain(items, Field::DayOfYear, 1),
        'D' => number(items, Field::DayOfYear, count, 3, Sign::Never),
        'M' | 'L' => named(items, Field::Month, count),
        'Q' | 'q' => named(items, Field::Quarter, count),
        'E' => items.push(Item::Name {
            field: Field::Weekday,
            full: count == 4,
        }),
        'G' => items.push(Item::Name {
            field: Field::Era,
            full: count == 4,
        }),
        'a' => items.push(Item::Name {
            field: Field::Half,
            full: false,
        }),
        'S' if reading && count > 1 => items.push(Item::Fraction {
            min: 1,
            max: count,
            next: Next::Free,
        }),
        'S' => touching(
            items,
            Item::Fraction {
                min: count,
                max: count,
                next: Next::Free,
            },
        ),
        'V' => items.push(Item::ZoneId),
        'z' => items.push(Item::ZoneName),
        'O' => items.push(Item::LocalizedOffset { full: count == 4 }),
        'Z' if count == 4 => items.push(Item::LocalizedOffset { full: true }),
        _ => items.push(offset(c, count)),
    }
    Ok(())
}

fn offset(c: char, count: usize) -> Item {
    let (form, zero) = match (c, count) {
        ('X', 1) => (
            OffsetForm {
                colon: false,
                minutes: false,
                seconds: false,
            },
            "Z",
        ),
        ('x', 1) => (
            OffsetForm {
                colon: false,
                minutes: false,
                seconds: false,
            },
            "+00",
        ),
        ('Z', 1..=3) | ('x', 2) => (
            OffsetForm {
                colon: false,
                minutes: true,
                seconds: false,
            },
            "+0000",
        ),
        (_, 2) => (
            OffsetForm {
                colon: false,
                minutes: true,
                seconds: false,
            },
            "Z",
        ),
        ('x', 3) => (
            OffsetForm {
                colon: true,
                minutes: true,
                seconds: false,
            },
            "+00:00",
        ),
        (_, 3) => (
            OffsetForm {
                colon: true,
                minutes: true,
                seconds: false,
            },
            "Z",
        ),
        ('x', 4) => (
            OffsetForm {
                colon: false,
                minutes: true,
                seconds: true,
            },
            "+0000",
        ),
        (_, 4) => (
            OffsetForm {
                colon: false,
                minutes: true,
                seconds: true,
            },
            "Z",
        ),
        ('x', _) => (
            OffsetForm {
                colon: true,
                minutes: true,
                seconds: true,
            },
            "+00:00",
        ),
        _ => (
            OffsetForm {
                colon: true,
                minutes: true,
                seconds: true,
            },
            "Z",
        ),
    };
    Item::Offset { form, zero }
}

/// One letter: as many digits as there are; two: just two.
fn plain(items: &mut Vec<Item>, field: Field, count: usize) {
    match count {
        1 => number(items, field, 1, 19, Sign::Normal),
        _ => number(items, field, count, count, Sign::Never),
    }
}

fn named(items: &mut Vec<Item>, field: Field, count: usize) {
    match count {
        1 | 2 => plain(items, field, count),
        _ => items.push(Item::Name {
            field,
            full: count == 4,
        }),
    }
}

fn number(items: &mut Vec<Item>, field: Field, min: usize, max: usize, sign: Sign) {
    touching(
        items,
        Item::Number {
            field,
            min,
            max,
            sign,
            next: Next::Free,
        },
    );
}

/// Appends a number. If it has a fixed width and a number stands right before it, the first of that run of fixed ones leaves
/// it its digits (`yyyyMMdd`).
fn touching(items: &mut Vec<Item>, item: Item) {
    if let Some(width) = fixed_width(&item) {
        // The run: a first number, then fixed ones only.
        let mut first = None;
        for index in (0..items.len()).rev() {
            match &items[index] {
                Item::Number { .. } | Item::TwoDigitYear { .. } => first = Some(index),
                Item::Fraction { min, max, .. } if min == max => first = Some(index),
                _ => break,
            }
            if fixed_width(&items[index]).is_none() {
                break;
            }
        }
        if let Some(
            Item::Number { next, .. }
            | Item::TwoDigitYear { next, .. }
            | Item::Fraction { next, .. },
        ) = first.and_then(|first| items.get_mut(first))
        {
            *next = match *next {
                Next::Free => Next::Leave(width),
                Next::Leave(more) => Next::Leave(more + width),
            };
        }
    }
    items.push(item);
}

/// The width of a number that always has it and has no sign.
fn fixed_width(item: &Item) -> Option<usize> {
    match item {
        Item::Number {
            min,
            max,
            sign: Sign::Never,
            ..
        } if min == max => Some(*max),
        Item::TwoDigitYear { .. } => Some(2),
        Item::Fraction { min, max, .. } if min == max => Some(*max),
        _ => None,
    }
}
