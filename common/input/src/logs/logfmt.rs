//! logfmt: `level=info msg="a text" duration=0.25 retried`, as Go's and Heroku's loggers write it.
//!
//! There is no standard; this is what go-logfmt writes and reads. A bare number, `true`, `false` and `null` are what JSON
//! says they are (a declared STRING reads their text); a key alone is true; a key that comes again gets a number, since
//! none of its values may be lost.

use std::borrow::Cow;

use st_row::{Kind, write_string};

use crate::text::Line;

/// The keys of one line; reused from line to line.
#[derive(Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// The name a key gets: its own, or with a number if the line had it before.
    fn unique<'k>(&mut self, count: usize, key: &'k str) -> Cow<'k, str> {
        let seen = &self.0[..count];
        if !seen.iter().any(|known| known == key) {
            return Cow::Borrowed(key);
        }
        let mut number = 2;
        loop {
            let name = format!("{key}_{number}");
            if !seen.contains(&name) {
                return Cow::Owned(name);
            }
            number += 1;
        }
    }

    fn note(&mut self, count: usize, name: &str) {
        match self.0.get_mut(count) {
            Some(known) => {
                known.clear();
                known.push_str(name);
            }
            None => self.0.push(name.to_string()),
        }
    }
}

/// Appends the row of a line. One without any `=` is no logfmt.
pub(crate) fn logfmt(line: &str, out: &mut Vec<u8>, names: &mut Names) -> Line {
    let mut rest = line.trim_start_matches(is_space);
    if rest.is_empty() {
        return Line::Blank;
    }
    if !line.contains('=') {
        return Line::Bad("no key=value in it");
    }
    let mut count = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| is_space(c) || c == '=' || c == '"')
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        if key.is_empty() {
            return Line::Bad("a value without a key");
        }
        if after.starts_with('"') {
            return Line::Bad("a quote inside a key");
        }
        let name = names.unique(count, key);
        if name == "$st" {
            return Line::Reserved;
        }
        out.push(if count == 0 { b'{' } else { b',' });
        write_string(out, &name);
        out.push(b':');
        names.note(count, &name);
        count += 1;
        rest = match after.strip_prefix('=') {
            None => {
                out.extend_from_slice(b"true");
                after
            }
            Some(value) if value.starts_with('"') => match quoted(value) {
                Some((text, after)) if after.is_empty() || after.starts_with(is_space) => {
                    write_string(out, &text);
                    after
                }
                Some(_) => return Line::Bad("text behind a closing quote"),
                None => return Line::Bad("a quote is not closed, or an escape is none"),
            },
            Some(value) => {
                let end = value.find(is_space).unwrap_or(value.len());
                bare(&value[..end], out);
                &value[end..]
            }
        };
        rest = rest.trim_start_matches(is_space);
    }
    out.extend_from_slice(b"}\n");
    Line::Row
}

fn is_space(c: char) -> bool {
    c <= ' '
}

/// Appends a value without quotes: null if it is empty, a number, boolean or null if it is one, else text.
fn bare(text: &str, out: &mut Vec<u8>) {
    let literal = match text {
        "" => return out.extend_from_slice(b"null"),
        "true" | "false" | "null" => true,
        _ => is_number(text),
    };
    if literal {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_string(out, text);
    }
}

/// True for what JSON takes for a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    matches!(
        Kind::of(text.as_bytes()),
        Some(Kind::Integer | Kind::Fraction)
    ) && is_json(text)
}

fn is_json(text: &str) -> bool {
    let mut object = Vec::with_capacity(text.len() + 6);
    object.extend_from_slice(b"{\"n\":");
    object.extend_from_slice(text.as_bytes());
    object.push(b'}');
    st_row::validate(&object).is_ok()
}

/// The text in quotes at the front, and what follows; its escapes are those of JSON.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    let (inside, rest) = (text.get(1..at)?, text.get(at + 1..)?);
    if !inside.contains('\\') {
        return Some((Cow::Borrowed(inside), rest));
    }
    let text = serde_json::from_str::<String>(text.get(..=at)?).ok()?;
    Some((Cow::Owned(text), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Format;
    use crate::testing::{Case, reading};

    #[test]
    fn values_are_what_they_look_like() {
        assert_eq!(
            Case::new(reading(Format::Logfmt)).rows(
                "ts=2025-01-15T10:30:00Z level=info msg=\"say \\\"hi\\\"\\n\" status=200 took=1.50 id=007 ok=true gone= none=null v=1.2.3 n=-1e5 d=12ms flag é=\"\"\r\n\n"
            ),
            "{\"ts\":\"2025-01-15T10:30:00Z\",\"level\":\"info\",\"msg\":\"say \\\"hi\\\"\\n\",\"status\":200,\"took\":1.50,\"id\":\"007\",\"ok\":true,\"gone\":null,\"none\":null,\"v\":\"1.2.3\",\"n\":-1e5,\"d\":\"12ms\",\"flag\":true,\"é\":\"\"}\n"
        );
    }

    #[test]
    fn a_key_that_comes_again_gets_a_number() {
        assert_eq!(
            Case::new(reading(Format::Logfmt)).rows("a=1 a=2 a_2=3 a=4\na=5\n"),
            "{\"a\":1,\"a_2\":2,\"a_2_2\":3,\"a_3\":4}\n{\"a\":5}\n"
        );
    }

    #[test]
    fn what_is_no_logfmt_is_bad() {
        let case = Case::new(reading(Format::Logfmt))
            .run("panic: it broke\na=1\n=5\na=\"x\na=\"x\"y\na\"b=1\n$st=start b=1\n");
        assert_eq!(case.rows, "{\"a\":1}\n");
        assert_eq!(
            case.bad,
            [
                "1: no key=value in it: panic: it broke",
                "3: a value without a key: =5",
                "4: a quote is not closed, or an escape is none: a=\"x",
                "5: text behind a closing quote: a=\"x\"y",
                "6: a quote inside a key: a\"b=1",
                "7: has the reserved key $st: $st=start b=1",
            ]
        );
    }
}
