//! Text as other text: characters by number, hexadecimal, base 64, character sets, percent signs.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::arguments::{Answer, binary, bytes, failure, integer, string, text};
use super::{ANY, BYTES, Param, TEXT, bound, plain};
use crate::function::{Call, Env, Failure, Function, Prepared, prepared};
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["ascii"],
        (1, 1),
        "ascii(text)",
        &[TEXT],
        |_| Type::Int,
        |_, a| {
            Ok(Value::Integer(
                text(&a[0])?
                    .chars()
                    .next()
                    .map_or(0, |c| i64::from(u32::from(c))),
            ))
        },
    ),
    plain(
        &["chr", "char"],
        (1, 1),
        "chr(number)",
        &[Param::To(&Type::BigInt)],
        |_| Type::String,
        |_, a| {
            let number = integer(&a[0])?;
            Ok(string(if number < 0 {
                String::new()
            } else {
                char::from((number & 0xff) as u8).to_string()
            }))
        },
    ),
    plain(
        &["hex"],
        (1, 1),
        "hex(value)",
        &[ANY],
        |_| Type::String,
        hex,
    ),
    plain(
        &["unhex"],
        (1, 1),
        "unhex(text)",
        &[TEXT],
        |_| Type::Binary,
        |_, a| Ok(unhex(text(&a[0])?).map_or(Value::Null, binary)),
    ),
    plain(
        &["base64"],
        (1, 1),
        "base64(binary)",
        &[BYTES],
        |_| Type::String,
        |_, a| Ok(string(base64_lines(bytes(&a[0])?))),
    ),
    plain(
        &["unbase64"],
        (1, 1),
        "unbase64(text)",
        &[TEXT],
        |_| Type::Binary,
        |_, a| Ok(binary(unbase64(text(&a[0])?)?)),
    ),
    bound(
        &["encode"],
        (2, 2),
        "encode(text, charset)",
        &[TEXT],
        |call| {
            let charset = Charset::of(call)?;
            let body =
                prepared(move |_, a| Ok(binary(Charset::at(charset, a)?.encode(text(&a[0])?)?)));
            Ok((Type::Binary, body))
        },
    ),
    plain(
        &["url_encode"],
        (1, 1),
        "url_encode(text)",
        &[TEXT],
        |_| Type::String,
        |_, a| Ok(string(percent_encode(text(&a[0])?))),
    ),
    plain(
        &["url_decode"],
        (1, 1),
        "url_decode(text)",
        &[TEXT],
        |_| Type::String,
        |_, a| match percent_decode(text(&a[0])?) {
            Some(text) => Ok(string(text)),
            None => failure("not a percent-encoded text"),
        },
    ),
    plain(
        &["try_url_decode"],
        (1, 1),
        "try_url_decode(text)",
        &[TEXT],
        |_| Type::String,
        |_, a| Ok(percent_decode(text(&a[0])?).map_or(Value::Null, string)),
    ),
    bound(
        &["to_binary"],
        (1, 2),
        "to_binary(text[, format])",
        &[TEXT],
        |call| to_binary(call, false),
    ),
    bound(
        &["try_to_binary"],
        (1, 2),
        "try_to_binary(text[, format])",
        &[TEXT],
        |call| to_binary(call, true),
    ),
    plain(
        &["is_valid_utf8"],
        (1, 1),
        "is_valid_utf8(text)",
        &[BYTES],
        |_| Type::Boolean,
        |_, a| Ok(Value::Boolean(std::str::from_utf8(bytes(&a[0])?).is_ok())),
    ),
];

/// Capital hexadecimal digits.
pub fn hex_digits(bytes: &[u8], digits: &[u8; 16]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(digits[usize::from(half)]))
        .collect()
}

/// Of a number, its two's complement in 64 bits; of all else, its bytes.
fn hex<'a>(env: &Env, a: &[Value<'a>]) -> Answer<'a> {
    Ok(string(match &a[0] {
        Value::Integer(number) => format!("{number:X}"),
        Value::Double(number) => format!("{:X}", *number as i64),
        Value::Decimal(number) => {
            match i64::try_from(number.unscaled / 10i128.pow(u32::from(number.scale))) {
                Ok(whole) => format!("{whole:X}"),
                Err(_) => return failure("does not fit BIGINT"),
            }
        }
        Value::Binary(bytes) => hex_digits(bytes, b"0123456789ABCDEF"),
        other => hex_digits(super::as_text(env, other).as_bytes(), b"0123456789ABCDEF"),
    }))
}

/// The bytes of hexadecimal digits, a zero put before an odd number of them.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2 + 1);
    let mut half = (text.len() % 2 == 1).then_some(0u8);
    for character in text.chars() {
        let digit = character.to_digit(16)? as u8;
        match half.take() {
            Some(high) => out.push(high << 4 | digit),
            None => half = Some(digit),
        }
    }
    Some(out)
}

/// MIME's base 64: lines of 76 characters with CRLF between them, as Spark writes it.
fn base64_lines(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.chunks(57) {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        base64::engine::general_purpose::STANDARD.encode_string(line, &mut out);
    }
    out
}

/// MIME's base 64 is lenient: what is not of the alphabet is skipped, padding may be missing, stray bits are dropped.
fn unbase64(text: &str) -> Result<Vec<u8>, Failure> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let letters: Vec<u8> = text.bytes().filter(kept).collect();
    LENIENT.decode(letters).or_else(|_| failure("not base 64"))
}

/// The character sets that Spark allows.
#[derive(Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
}

impl Charset {
    fn parse(name: &str) -> Result<Charset, String> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "US-ASCII" => Charset::Ascii,
            "ISO-8859-1" => Charset::Latin1,
            "UTF-8" => Charset::Utf8,
            "UTF-16" => Charset::Utf16,
            "UTF-16BE" => Charset::Utf16Be,
            "UTF-16LE" => Charset::Utf16Le,
            "UTF-32" => Charset::Utf32,
            _ => {
                return Err(format!(
                    "no charset {name:?}: use US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE or UTF-32"
                ));
            }
        })
    }

    /// The charset of a call's second argument, if that is a constant.
    fn of(call: &Call<'_>) -> Result<Option<Charset>, String> {
        match &call.constants[1] {
            Some(Value::String(name)) => Charset::parse(name).map(Some),
            _ => Ok(None),
        }
    }

    fn at(ready: Option<Charset>, a: &[Value<'_>]) -> Result<Charset, Failure> {
        ready.map_or_else(|| Charset::parse(text(&a[1])?).map_err(Failure), Ok)
    }

    fn encode(self, text: &str) -> Result<Vec<u8>, Failure> {
        let narrow = |limit: u32| match text.chars().map(u32::from).find(|c| *c >= limit) {
            Some(_) => failure("a character is not in the charset"),
            None => Ok(text.chars().map(|c| c as u8).collect()),
        };
        Ok(match self {
            Charset::Ascii => narrow(0x80)?,
            Charset::Latin1 => narrow(0x100)?,
            Charset::Utf8 => text.as_bytes().to_vec(),
            Charset::Utf16 if text.is_empty() => Vec::new(),
            Charset::Utf16 => [0xfeff]
                .into_iter()
                .chain(text.encode_utf16())
                .flat_map(u16::to_be_bytes)
                .collect(),
            Charset::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Charset::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Charset::Utf32 => text
                .chars()
                .flat_map(|c| u32::from(c).to_be_bytes())
                .collect(),
        })
    }

    fn decode(self, bytes: &[u8]) -> Result<String, Failure> {
        let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
            let (pairs, []) = bytes.as_chunks::<2>() else {
                return None;
            };
            char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
                .collect::<Result<String, _>>()
                .ok()
        };
        let decoded = match self {
            Charset::Ascii => bytes
                .is_ascii()
                .then(|| bytes.iter().map(|b| char::from(*b)).collect()),
            Charset::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            Charset::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Charset::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
                [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
                _ => wide(bytes, u16::from_be_bytes),
            },
            Charset::Utf16Be => wide(bytes, u16::from_be_bytes),
            Charset::Utf16Le => wide(bytes, u16::from_le_bytes),
            Charset::Utf32 => match bytes.as_chunks::<4>() {
                (words, []) => words
                    .iter()
                    .map(|word| char::from_u32(u32::from_be_bytes(*word)))
                    .collect(),
                _ => None,
            },
        };
        decoded.map_or_else(|| failure("the bytes are not of the charset"), Ok)
    }
}

/// `decode(binary, charset)`: the form of two arguments.
pub fn decode(call: &Call<'_>) -> Result<(Type, Prepared), String> {
    let charset = Charset::of(call)?;
    let body = prepared(move |_, a| {
        if a.iter().any(|value| matches!(value, Value::Null)) {
            return Ok(Value::Null);
        }
        Ok(string(Charset::at(charset, a)?.decode(bytes(&a[0])?)?))
    });
    Ok((Type::String, body))
}

/// Form encoding, as Java's `URLEncoder` does it.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push_str(&hex_digits(&[byte], b"0123456789ABCDEF"));
            }
        }
    }
    out
}

fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                rest = tail;
                out.push(unhex(std::str::from_utf8(digits).ok()?)?[0]);
            }
            byte => out.push(*byte),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn to_binary(call: &Call<'_>, lenient: bool) -> Result<(Type, Prepared), String> {
    let format = match call.constants.get(1) {
        None => "hex".to_owned(),
        Some(Some(Value::String(name))) => name.to_ascii_lowercase(),
        Some(Some(Value::Null)) => String::new(),
        Some(_) => return Err("the format must be a constant".to_owned()),
    };
    let decode: fn(&str) -> Option<Vec<u8>> = match format.as_str() {
        "" => |_| Some(Vec::new()),
        "hex" => unhex,
        "utf-8" | "utf8" => |text| Some(text.as_bytes().to_vec()),
        "base64" => |text| unbase64(text).ok(),
        other => return Err(format!("no format {other:?}: use hex, utf-8 or base64")),
    };
    let body = prepared(move |_, a| match decode(text(&a[0])?) {
        Some(bytes) => Ok(binary(bytes)),
        None if lenient => Ok(Value::Null),
        None => failure(format!("not {format}")),
    });
    Ok((Type::Binary, body))
}
