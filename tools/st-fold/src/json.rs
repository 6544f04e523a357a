//! jq's values as JSON, and what of them is none.
//!
//! States and rows must read back as they were written, or a run after a crash would differ from one without. jq's values are
//! more than JSON has: infinities and NaN become null, as jq writes them; bytes and objects with other keys than text are
//! errors.

use anyhow::{Result, bail};
use jaq_json::{Num, Val, read};

/// Appends a value. Numbers that came as text keep it.
///
/// # Errors
/// A value that JSON does not have.
pub fn write(out: &mut Vec<u8>, value: &Val) -> Result<()> {
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(Num::Int(number)) => st_row::write_i64(out, *number as i64),
        Val::Num(Num::BigInt(number)) => out.extend_from_slice(number.to_string().as_bytes()),
        Val::Num(Num::Float(number)) if number.is_finite() => {
            st_row::write_f64(out, *number);
        }
        Val::Num(Num::Float(_)) => out.extend_from_slice(b"null"),
        Val::Num(Num::Dec(text)) => out.extend_from_slice(text.as_bytes()),
        Val::TStr(text) => st_row::write_string(out, &String::from_utf8_lossy(text)),
        Val::BStr(_) => bail!("bytes are no JSON: tostring makes text of them"),
        Val::Arr(elements) => {
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, element)?;
            }
            out.push(b']');
        }
        Val::Obj(members) => {
            out.push(b'{');
            for (i, (name, member)) in members.iter().enumerate() {
                let Val::TStr(name) = name else {
                    bail!("an object of JSON has text as its keys, not {name}");
                };
                if i > 0 {
                    out.push(b',');
                }
                st_row::write_string(out, &String::from_utf8_lossy(name));
                out.push(b':');
                write(out, member)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Reads JSON.
///
/// # Errors
/// Text that is none.
pub fn parse(text: &[u8]) -> Result<Val> {
    match read::parse_single(text) {
        Ok(value) => Ok(value),
        Err(error) => bail!("not JSON: {error}"),
    }
}

/// True if a value reads back as it is when it has been written.
pub fn is_plain(value: &Val) -> bool {
    match value {
        Val::Null | Val::Bool(_) => true,
        Val::Num(Num::Float(number)) => number.is_finite(),
        Val::Num(_) => true,
        Val::TStr(text) => std::str::from_utf8(text).is_ok(),
        Val::BStr(_) => false,
        Val::Arr(elements) => elements.iter().all(is_plain),
        Val::Obj(members) => members.iter().all(|(name, member)| {
            matches!(name, Val::TStr(_)) && is_plain(name) && is_plain(member)
        }),
    }
}

/// Roughly how much memory a value holds, in bytes.
pub fn size(value: &Val) -> usize {
    size_of::<Val>()
        + match value {
            Val::Null | Val::Bool(_) | Val::Num(Num::Int(_) | Num::Float(_)) => 0,
            Val::Num(_) => 48,
            Val::TStr(text) | Val::BStr(text) => 40 + text.len(),
            Val::Arr(elements) => 40 + elements.iter().map(size).sum::<usize>(),
            Val::Obj(members) => {
                let member = |(name, member)| 16 + size(name) + size(member);
                96 + members.iter().map(member).sum::<usize>()
            }
        }
}

/// A moment in seconds since 1970, as jq's own functions have it: whole ones are integers.
pub fn seconds(micros: i64) -> Val {
    if micros % 1_000_000 == 0 {
        Val::Num(Num::Int((micros / 1_000_000) as isize))
    } else {
        Val::Num(Num::Float(micros as f64 / 1e6))
    }
}

/// The microseconds of a number of seconds; none if it is none, or too far away.
pub fn micros(value: &Val) -> Option<i64> {
    let seconds = match value {
        Val::Num(Num::Int(seconds)) => return (*seconds as i64).checked_mul(1_000_000),
        Val::Num(Num::Float(seconds)) => *seconds,
        Val::Num(Num::Dec(text)) => text.parse().ok()?,
        _ => return None,
    };
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e18).then_some(micros as i64)
}
