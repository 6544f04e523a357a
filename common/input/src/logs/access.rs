//! Access logs as Apache and nginx write them: the common log format, and the combined one with referer and user agent.

use std::borrow::Cow;

use super::{digits, given, instant, member, month, number, time_of_day};
use crate::text::Line;

/// The columns of the common log format.
pub(crate) const COMMON: &str = "host STRING, ident STRING, user STRING, timestamp TIMESTAMP, request STRING, \
     method STRING, path STRING, protocol STRING, status INT, bytes BIGINT";

/// The columns of the combined one.
pub(crate) const COMBINED: &str = "host STRING, ident STRING, user STRING, timestamp TIMESTAMP, request STRING, \
     method STRING, path STRING, protocol STRING, status INT, bytes BIGINT, referer STRING, user_agent STRING";

/// Appends the row of `host ident user [time] "request" status bytes`, and `"referer" "user agent"` if `combined`. A dash
/// stands for null. A request that is not `METHOD PATH PROTOCOL` has no method, path and protocol.
pub(crate) fn access(line: &str, out: &mut Vec<u8>, combined: bool) -> Line {
    if line.trim().is_empty() {
        return Line::Blank;
    }
    match row(line, out, combined) {
        Ok(()) => Line::Row,
        Err(reason) => Line::Bad(reason),
    }
}

fn row(line: &str, out: &mut Vec<u8>, combined: bool) -> Result<(), &'static str> {
    let (host, rest) = line.split_once(' ').ok_or("no space behind the host")?;
    let (ident, rest) = rest.split_once(' ').ok_or("no space behind the identity")?;
    // A name that was typed in may hold spaces.
    let (user, rest) = rest.split_once(" [").ok_or("no [time]")?;
    let (time, rest) = rest.split_once("] ").ok_or("no [time]")?;
    let micros = when(time).ok_or("the time is not like 10/Oct/2000:13:55:36 -0700")?;
    let (request, rest) = quoted(rest).ok_or("no \"request\"")?;
    let rest = rest.strip_prefix(' ').ok_or("no status")?;
    let (status, rest) = rest.split_once(' ').ok_or("no bytes behind the status")?;
    let (bytes, rest) = match rest.split_once(' ') {
        Some((bytes, rest)) => (bytes, Some(rest)),
        None => (rest, None),
    };
    member(out, "host", given(host));
    member(out, "ident", given(ident));
    member(out, "user", given(user));
    instant(out, "timestamp", Some(micros));
    member(out, "request", given(&request));
    let mut parts = request.split(' ');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    let (method, path, protocol) = match parts {
        (Some(method), Some(path), Some(protocol), None) => {
            (Some(method), Some(path), Some(protocol))
        }
        _ => (None, None, None),
    };
    member(out, "method", method);
    member(out, "path", path);
    member(out, "protocol", protocol);
    number(out, "status", whole(status, "the status is no number")?);
    number(out, "bytes", whole(bytes, "the bytes are no number")?);
    match (combined, rest) {
        (false, None) => {}
        (false, Some(_)) => return Err("more behind the bytes: --format combined?"),
        (true, None) => return Err("no referer behind the bytes: --format common?"),
        (true, Some(rest)) => {
            let (referer, rest) = quoted(rest).ok_or("no \"referer\"")?;
            let rest = rest.strip_prefix(' ').ok_or("no \"user agent\"")?;
            let (agent, rest) = quoted(rest).ok_or("no \"user agent\"")?;
            if !rest.trim_end().is_empty() {
                return Err("more behind the user agent");
            }
            member(out, "referer", given(&referer));
            member(out, "user_agent", given(&agent));
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn whole(text: &str, reason: &'static str) -> Result<Option<i64>, &'static str> {
    match given(text) {
        None => Ok(None),
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().map(Some).map_err(|_| reason)
        }
        Some(_) => Err(reason),
    }
}

/// The text in quotes at the front, and what follows it. A backslash guards a quote and a backslash; other escapes
/// (`\x16`) stand for bytes that may be no text, and stay.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let bytes = inner.as_bytes();
    let (mut at, mut escaped) = (0, false);
    loop {
        match bytes.get(at)? {
            b'"' => break,
            b'\\' => {
                escaped |= matches!(bytes.get(at + 1), Some(b'"' | b'\\'));
                at += 2;
            }
            _ => at += 1,
        }
    }
    let (text, rest) = (inner.get(..at)?, inner.get(at + 1..)?);
    if !escaped {
        return Some((Cow::Borrowed(text), rest));
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let guarded = c == '\\' && characters.as_str().starts_with(['"', '\\']);
        plain.push(if guarded {
            characters.next().unwrap_or(c)
        } else {
            c
        });
    }
    Some((Cow::Owned(plain), rest))
}

/// The instant of `10/Oct/2000:13:55:36 -0700`.
fn when(text: &str) -> Option<i64> {
    let (local, offset) = text.split_once(' ')?;
    let (date, time) = local.split_once(':')?;
    let mut date = date.split('/');
    let (day, name, year) = (date.next()?, date.next()?, date.next()?);
    let days = st_time::days_of(
        i32::try_from(digits(year)?).ok()?,
        month(name)?,
        digits(day)?,
    )?;
    let (sign, offset) = match offset.as_bytes().first()? {
        b'+' => (1, offset.get(1..)?),
        b'-' => (-1, offset.get(1..)?),
        _ => return None,
    };
    if offset.len() != 4 {
        return None;
    }
    let (hours, minutes) = (digits(offset.get(..2)?)?, digits(offset.get(2..)?)?);
    let east = sign * (i64::from(hours) * st_time::HOUR + i64::from(minutes) * st_time::MINUTE);
    Some(i64::from(days) * st_time::DAY + time_of_day(time)? - east)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Format;
    use crate::testing::{Case, reading};

    // The first line is the example of Apache's documentation.
    #[test]
    fn a_line_is_taken_apart() {
        let line = "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"";
        assert_eq!(
            Case::new(reading(Format::Combined)).rows(line),
            "{\"host\":\"127.0.0.1\",\"ident\":null,\"user\":\"frank\",\"timestamp\":\"2000-10-10T20:55:36.000Z\",\"request\":\"GET /apache_pb.gif HTTP/1.0\",\"method\":\"GET\",\"path\":\"/apache_pb.gif\",\"protocol\":\"HTTP/1.0\",\"status\":200,\"bytes\":2326,\"referer\":\"http://www.example.com/start.html\",\"user_agent\":\"Mozilla/4.08 [en] (Win98; I ;Nav)\"}\n"
        );
    }

    #[test]
    fn dashes_are_null_and_escapes_are_read() {
        let line = "::1 - - [31/Dec/1999:23:59:59 +0530] \"\\x16\\x03 \\\"a\\\\\" 400 -\n\n";
        assert_eq!(
            Case::new(reading(Format::Common)).rows(line),
            "{\"host\":\"::1\",\"ident\":null,\"user\":null,\"timestamp\":\"1999-12-31T18:29:59.000Z\",\"request\":\"\\\\x16\\\\x03 \\\"a\\\\\",\"method\":null,\"path\":null,\"protocol\":null,\"status\":400,\"bytes\":null}\n"
        );
    }

    #[test]
    fn what_is_no_such_line_says_what_is_missing() {
        let good = "h - - [31/Dec/1999:23:59:59 +0000] \"-\" 408 0";
        let text = format!("{good} \"-\" \"-\"\n{good}\nx\n{good} \"-\" \"a\n");
        let case = Case::new(reading(Format::Combined)).run(&text);
        assert_eq!(case.rows.lines().count(), 1);
        assert_eq!(
            case.bad,
            [
                format!("2: no referer behind the bytes: --format common?: {good}"),
                "3: no space behind the host: x".to_string(),
                format!("4: no \"user agent\": {good} \"-\" \"a"),
            ]
        );
        let case = Case::new(reading(Format::Common)).run(&format!("{good} \"-\" \"-\"\n"));
        assert!(case.bad[0].contains("--format combined?"), "{:?}", case.bad);
    }
}
