//! Offsets and zones at the front of a text, in the forms a pattern asks for.

use super::{OffsetForm, names};
use crate::Zone;
use crate::zone::find_zone;

/// The longest zone id, or with `named` abbreviation, at the front, and its length.
pub(super) fn zone(text: &str, named: bool) -> Option<(Zone, usize)> {
    if text.starts_with(['+', '-']) {
        return offset(text, STRICT, "Z").map(|(seconds, length)| (Zone::Fixed(seconds), length));
    }
    if let Some((seconds, length)) = prefixed(text) {
        return Some((Zone::Fixed(seconds), length));
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "/_-+".contains(c)))
        .unwrap_or(text.len());
    (1..=end.min(40))
        .rev()
        .find_map(|length| Some((place(&text[..length], named)?, length)))
}

fn two(text: &[u8], at: usize) -> Option<i32> {
    match text.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(((a - b'0') * 10 + b - b'0') as i32),
        _ => None,
    }
}

/// An offset at the front: seconds and length.
pub(super) fn offset(text: &str, form: OffsetForm, zero: &str) -> Option<(i32, usize)> {
    if text
        .get(..zero.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(zero))
    {
        return Some((0, zero.len()));
    }
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = two(bytes, 1)?;
    let mut end = 3;
    let mut part = |always: bool| -> Option<i32> {
        let at = end + usize::from(form.colon);
        let value = if form.colon && bytes.get(end) != Some(&b':') {
            None
        } else {
            two(bytes, at)
        };
        match value {
            Some(value) => {
                end = at + 2;
                Some(value)
            }
            None => (!always).then_some(0),
        }
    };
    let minutes = part(form.minutes)?;
    let seconds = if form.seconds { part(false)? } else { 0 };
    whole(sign, hours, minutes, seconds).map(|offset| (offset, end))
}

/// `GMT`, `GMT+8`, `GMT+8:30`, `GMT+08:00`.
pub(super) fn localized(text: &str, full: bool) -> Option<(i32, usize)> {
    if !text.get(..3)?.eq_ignore_ascii_case("GMT") {
        return None;
    }
    let bytes = text.as_bytes();
    let sign = match bytes.get(3) {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Some((0, 3)),
    };
    if full {
        let (offset, length) = offset(
            &text[3..],
            OffsetForm {
                colon: true,
                minutes: true,
                seconds: true,
            },
            "Z",
        )?;
        return Some((offset, length + 3));
    }
    let digits = bytes[4..]
        .iter()
        .take(2)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let hours: i32 = text.get(4..4 + digits)?.parse().ok()?;
    let mut end = 4 + digits;
    let mut rest = [0; 2];
    for part in &mut rest {
        if bytes.get(end) != Some(&b':') {
            break;
        }
        let Some(value) = two(bytes, end + 1) else {
            break;
        };
        *part = value;
        end += 3;
    }
    whole(sign, hours, rest[0], rest[1]).map(|offset| (offset, end))
}

/// `+01:00` as it stands in a zone id.
const STRICT: OffsetForm = OffsetForm {
    colon: true,
    minutes: true,
    seconds: true,
};

/// `UTC+01:00` and its like at the front: seconds and length.
fn prefixed(text: &str) -> Option<(i32, usize)> {
    let length = ["UTC", "GMT", "UT"].iter().find_map(|prefix| {
        let head = text.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(prefix.len())
    })?;
    let rest = &text[length..];
    if !rest.starts_with(['+', '-']) {
        return None;
    }
    offset(rest, STRICT, "Z").map(|(seconds, more)| (seconds, length + more))
}

fn whole(sign: i32, hours: i32, minutes: i32, seconds: i32) -> Option<i32> {
    let offset = hours * 3600 + minutes * 60 + seconds;
    (minutes < 60 && seconds < 60 && offset <= 18 * 3600).then_some(sign * offset)
}

/// The zone of an id, or with `named` of an abbreviation, in any case.
fn place(text: &str, named: bool) -> Option<Zone> {
    match text.to_ascii_uppercase().as_str() {
        "Z" | "UTC" | "GMT" | "UT" => return Some(Zone::UTC),
        _ => {}
    }
    if named && let Some(place) = names::zone(text) {
        return find_zone(place);
    }
    // In Java these are short ids, not places.
    if matches!(
        text.to_ascii_uppercase().as_str(),
        "EST" | "MST" | "HST" | "ROC"
    ) {
        return None;
    }
    chrono_tz::TZ_VARIANTS
        .iter()
        .find(|tz| tz.name().eq_ignore_ascii_case(text))
        .map(|tz| Zone::Named(*tz))
}
