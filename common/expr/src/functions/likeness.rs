//! How alike texts are and sound, card numbers, masks.

use std::sync::LazyLock;

use super::arguments::{Answer, integer, string, text};
use super::{INT, TEXT, plain, with_nulls};
use crate::function::{Env, Function};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["levenshtein"],
        (2, 3),
        "levenshtein(text, other[, limit])",
        &[TEXT, TEXT, INT],
        |_| Type::Int,
        levenshtein,
    ),
    plain(
        &["soundex"],
        (1, 1),
        "soundex(text)",
        &[TEXT],
        |_| Type::String,
        soundex,
    ),
    plain(
        &["luhn_check"],
        (1, 1),
        "luhn_check(digits)",
        &[TEXT],
        |_| Type::Boolean,
        luhn_check,
    ),
    with_nulls(plain(
        &["mask"],
        (1, 5),
        "mask(text[, upper[, lower[, digit[, other]]]])",
        &[TEXT],
        |_| Type::String,
        mask,
    )),
];

/// The number of insertions, deletions and substitutions between two texts; -1 if above the limit.
fn levenshtein<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let left: Vec<char> = text(&a[0])?.chars().collect();
    let mut row: Vec<i64> = (0..=left.len() as i64).collect();
    for (index, other) in text(&a[1])?.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index as i64 + 1);
        for (place, character) in left.iter().enumerate() {
            let substituted = diagonal + i64::from(*character != other);
            diagonal = row[place + 1];
            row[place + 1] = substituted.min(diagonal + 1).min(row[place] + 1);
        }
    }
    let distance = row[left.len()];
    let limit = a.get(2).map_or(Ok(i64::MAX), integer)?;
    Ok(Value::Integer(if distance > limit { -1 } else { distance }))
}

/// Spark's `UTF8String.soundex`: text that does not begin with a Latin letter stays as it is; `h` and `w` do not part equal
/// codes, vowels and everything else do.
fn soundex<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    const CODES: &[u8; 26] = b"01230127022455012623017202";
    let bytes = text(&a[0])?.as_bytes();
    let Some(first) = bytes.first().filter(|byte| byte.is_ascii_alphabetic()) else {
        return Ok(a[0].clone());
    };
    let code = |byte: u8| CODES[usize::from(byte.to_ascii_uppercase() - b'A')];
    let mut sound = String::from(char::from(first.to_ascii_uppercase()));
    let mut last = code(*first);
    for byte in &bytes[1..] {
        if sound.len() == 4 {
            break;
        }
        if !byte.is_ascii_alphabetic() {
            last = b'0';
            continue;
        }
        match code(*byte) {
            b'7' => {}
            new => {
                if new != b'0' && new != last {
                    sound.push(char::from(new));
                }
                last = new;
            }
        }
    }
    Ok(string(format!("{sound:0<4}")))
}

fn luhn_check<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let digits = text(&a[0])?.as_bytes();
    let mut sum = 0;
    for (place, byte) in digits.iter().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return Ok(Value::Boolean(false));
        }
        let digit = u64::from(byte - b'0');
        let counted = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if counted > 9 { counted - 9 } else { counted };
    }
    Ok(Value::Boolean(!digits.is_empty() && sum % 10 == 0))
}

/// A null mask leaves its kind of character alone.
fn mask<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    if matches!(a[0], Value::Null) {
        return Ok(Value::Null);
    }
    let with = |place: usize, default: Option<char>| match a.get(place) {
        None => Ok(default),
        Some(Value::Null) => Ok(None),
        Some(value) => {
            let mut characters = text(value)?.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Ok(Some(character)),
                _ => super::arguments::failure("a mask is one character"),
            }
        }
    };
    let (upper, lower, digit, other) = (
        with(1, Some('X'))?,
        with(2, Some('x'))?,
        with(3, Some('n'))?,
        with(4, None)?,
    );
    let masked = text(&a[0])?.chars().map(|character| {
        let mask = match kind(character) {
            Kind::Upper => upper,
            Kind::Lower => lower,
            Kind::Digit => digit,
            Kind::Other => other,
        };
        mask.unwrap_or(character)
    });
    Ok(string(masked.collect::<String>()))
}

enum Kind {
    Upper,
    Lower,
    Digit,
    Other,
}

/// Unicode's categories Lu, Ll and Nd; the standard library's questions are wider than these.
fn kind(character: char) -> Kind {
    static CATEGORIES: LazyLock<Option<regex::Regex>> =
        LazyLock::new(|| regex::Regex::new(r"^(?:(\p{Lu})|(\p{Ll})|(\p{Nd}))").ok());
    match character {
        'A'..='Z' => Kind::Upper,
        'a'..='z' => Kind::Lower,
        '0'..='9' => Kind::Digit,
        '\0'..='\x7f' => Kind::Other,
        _ => {
            let mut buffer = [0; 4];
            let found = CATEGORIES
                .as_ref()
                .and_then(|categories| categories.captures(character.encode_utf8(&mut buffer)));
            match found.and_then(|found| (1..4).find(|group| found.get(*group).is_some())) {
                Some(1) => Kind::Upper,
                Some(2) => Kind::Lower,
                Some(3) => Kind::Digit,
                _ => Kind::Other,
            }
        }
    }
}
