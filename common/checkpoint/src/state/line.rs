//! The layout of a key's line: `{"k":KEY,"v":VALUE}` sets, `{"k":KEY}` removes.
//!
//! Both are raw JSON. The layout is exactly this, so a line is split without parsing it, which
//! is what lets millions of keys load in a moment.

use anyhow::{Result, bail};

const KEY: &[u8] = b"{\"k\":";
const VALUE: &[u8] = b",\"v\":";

pub(super) fn push_set(out: &mut Vec<u8>, key: &[u8], value: &[u8]) -> Result<()> {
    one_line(key)?;
    one_line(value)?;
    out.extend_from_slice(KEY);
    out.extend_from_slice(key);
    out.extend_from_slice(VALUE);
    out.extend_from_slice(value);
    out.extend_from_slice(b"}\n");
    Ok(())
}

pub(super) fn push_removal(out: &mut Vec<u8>, key: &[u8]) -> Result<()> {
    one_line(key)?;
    out.extend_from_slice(KEY);
    out.extend_from_slice(key);
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn one_line(json: &[u8]) -> Result<()> {
    if json.is_empty() || memchr::memchr(b'\n', json).is_some() {
        bail!(
            "state that is not JSON on one line: '{}'",
            String::from_utf8_lossy(json)
        );
    }
    Ok(())
}

/// Whether a line has the outer form of a key's line.
pub(super) fn is_key(line: &[u8]) -> bool {
    line.len() > KEY.len() + 1 && line.starts_with(KEY) && line.ends_with(b"}")
}

/// Splits a key's line; `None` for any other line.
pub(crate) fn key_and_value(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if !is_key(line) {
        return None;
    }
    let inner = &line[KEY.len()..line.len() - 1];
    let end = value_end(inner)?;
    let (key, rest) = inner.split_at(end);
    match rest {
        [] => Some((key, None)),
        rest => rest.strip_prefix(VALUE).map(|value| (key, Some(value))),
    }
}

/// Where the JSON value at the front of `text` ends.
fn value_end(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                at = string_end(text, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (depth == 0).then_some(at)
}

/// Where the string that begins at `at` ends, after its closing quote.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1;
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_where_they_were_joined() {
        let keys = [
            "1",
            "null",
            "-1.5e3",
            r#""""#,
            r#""a\"},\"v\":\\""#,
            "[]",
            "{}",
            r#"["a",{"k":[1,"]"]},null]"#,
            r#"{"window":{"start":"x","end":"}"}}"#,
        ];
        let values = ["0", r#"{"v":[1,{"k":2}]}"#, r#""},\"v\":{""#, "[[],[]]"];
        for key in keys {
            for value in values {
                let mut line = Vec::new();
                push_set(&mut line, key.as_bytes(), value.as_bytes()).unwrap();
                let (k, v) = key_and_value(line.strip_suffix(b"\n").unwrap()).unwrap();
                assert_eq!((k, v.unwrap()), (key.as_bytes(), value.as_bytes()));
                assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
            }
            let mut line = Vec::new();
            push_removal(&mut line, key.as_bytes()).unwrap();
            let split = key_and_value(line.strip_suffix(b"\n").unwrap()).unwrap();
            assert_eq!(split, (key.as_bytes(), None));
        }
    }

    #[test]
    fn a_newline_would_break_the_log_and_is_refused() {
        let mut line = Vec::new();
        assert!(push_set(&mut line, b"1", b"{\n}").is_err());
        assert!(push_set(&mut line, b"[\n]", b"1").is_err());
        assert!(push_removal(&mut line, b"").is_err());
        assert!(line.is_empty());
    }

    #[test]
    fn broken_text_is_no_key_line() {
        for text in [
            r#"{"k":}"#,
            r#"{"k":["a}"#,
            r#"{"k":"a}"#,
            r#"{"k":1,"w":2}"#,
            "{}",
            "",
        ] {
            assert_eq!(key_and_value(text.as_bytes()), None, "{text}");
        }
    }
}
