//! From a message to a row.

use std::fmt;

use anyhow::{Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::Timestamp;
use rdkafka::message::{Headers, Message};
use st_row::{trim, validate, write_i64, write_string};
use st_time::{Zone, write_iso};

/// What a key is in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAs {
    /// A text.
    Text,
    /// Any bytes, as base64.
    Base64,
    /// JSON, in place.
    Json,
}

/// What a value is in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueAs {
    /// A column, as keys are.
    Column(KeyAs),
    /// The value's object is the row.
    Row,
}

impl KeyAs {
    /// Reads `text`, `base64` or `json`.
    pub fn parse(text: &str) -> Result<KeyAs> {
        match text {
            "text" => Ok(KeyAs::Text),
            "base64" => Ok(KeyAs::Base64),
            "json" => Ok(KeyAs::Json),
            _ => Err(anyhow!("`{text}` is none of text, base64, json")),
        }
    }

    /// The column's type, as DDL; none for what JSON says itself.
    pub fn ddl(self) -> Option<&'static str> {
        match self {
            KeyAs::Text => Some("STRING"),
            KeyAs::Base64 => Some("BINARY"),
            KeyAs::Json => None,
        }
    }
}

impl ValueAs {
    /// Reads `text`, `base64`, `json` or `row`.
    pub fn parse(text: &str) -> Result<ValueAs> {
        match text {
            "row" => Ok(ValueAs::Row),
            _ => KeyAs::parse(text)
                .map(ValueAs::Column)
                .map_err(|_| anyhow!("`{text}` is none of text, base64, json, row")),
        }
    }
}

impl fmt::Display for KeyAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyAs::Text => "text",
            KeyAs::Base64 => "base64",
            KeyAs::Json => "json",
        })
    }
}

impl fmt::Display for ValueAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueAs::Column(how) => how.fmt(f),
            ValueAs::Row => f.write_str("row"),
        }
    }
}

/// How rows are made.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub key: KeyAs,
    pub value: ValueAs,
    pub headers: bool,
}

impl Shape {
    /// Appends the row, or says why the message is none.
    pub fn write(&self, out: &mut Vec<u8>, message: &impl Message) -> Result<(), String> {
        let how = match self.value {
            ValueAs::Column(how) => how,
            ValueAs::Row => {
                let value = message.payload().ok_or("no value: a tombstone is no row")?;
                validate(value).map_err(|bad| bad.to_string())?;
                one_line(out, trim(value));
                return Ok(());
            }
        };
        out.extend_from_slice(b"{\"key\":");
        column(out, message.key(), self.key).map_err(|why| format!("key: {why}"))?;
        out.extend_from_slice(b",\"value\":");
        column(out, message.payload(), how).map_err(|why| format!("value: {why}"))?;
        out.extend_from_slice(b",\"topic\":");
        write_string(out, message.topic());
        out.extend_from_slice(b",\"partition\":");
        write_i64(out, message.partition().into());
        out.extend_from_slice(b",\"offset\":");
        write_i64(out, message.offset());
        out.extend_from_slice(b",\"timestamp\":");
        let (millis, kind) = match message.timestamp() {
            Timestamp::CreateTime(millis) => (Some(millis), 0),
            Timestamp::LogAppendTime(millis) => (Some(millis), 1),
            Timestamp::NotAvailable => (None, -1),
        };
        match millis {
            Some(millis) => {
                out.push(b'"');
                write_iso(out, millis.saturating_mul(1000), Zone::UTC);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"timestampType\":");
        write_i64(out, kind);
        if self.headers {
            out.extend_from_slice(b",\"headers\":");
            headers(out, message);
        }
        out.push(b'}');
        Ok(())
    }
}

fn column(out: &mut Vec<u8>, bytes: Option<&[u8]>, how: KeyAs) -> Result<(), String> {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    match how {
        KeyAs::Text => {
            let text =
                std::str::from_utf8(bytes).map_err(|_| "not UTF-8: base64 takes any bytes")?;
            write_string(out, text);
        }
        KeyAs::Base64 => base64(out, bytes),
        KeyAs::Json => {
            // What validates is an object; any other value is one as a member.
            let mut probe = b"{\"\":".to_vec();
            probe.extend_from_slice(bytes);
            probe.push(b'}');
            if validate(&probe).is_err() || has_second_member(bytes) {
                return Err("not JSON".to_string());
            }
            one_line(out, trim(bytes));
        }
    }
    Ok(())
}

/// True if the bytes, put behind a name, would bring a member of their own: `1,"a":2`.
fn has_second_member(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err()
}

/// JSON may be spread over lines; a row may not. Within texts line ends are escaped already.
fn one_line(out: &mut Vec<u8>, json: &[u8]) {
    let start = out.len();
    out.extend_from_slice(json);
    for byte in &mut out[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}

fn headers(out: &mut Vec<u8>, message: &impl Message) {
    let Some(headers) = message.headers() else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'[');
    for (i, header) in headers.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"key\":");
        write_string(out, header.key);
        out.extend_from_slice(b",\"value\":");
        match header.value {
            Some(value) => base64(out, value),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    fn row(value: &str, key: KeyAs, value_as: ValueAs) -> Result<String, String> {
        let headers = OwnedHeaders::new().insert(Header {
            key: "h",
            value: Some("v"),
        });
        let message = OwnedMessage::new(
            Some(value.into()),
            Some("k\"".into()),
            "t".to_string(),
            Timestamp::CreateTime(1_736_937_000_123),
            2,
            7,
            Some(headers),
        );
        let mut out = Vec::new();
        let shape = Shape {
            key,
            value: value_as,
            headers: true,
        };
        shape.write(&mut out, &message)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_message_is_sparks_row() {
        let rest = r#""topic":"t","partition":2,"offset":7,"timestamp":"2025-01-15T10:30:00.123Z","timestampType":0,"headers":[{"key":"h","value":"dg=="}]}"#;
        let text = ValueAs::Column(KeyAs::Text);
        assert_eq!(
            row("v\n", KeyAs::Text, text).unwrap(),
            format!(r#"{{"key":"k\"","value":"v\n",{rest}"#)
        );
        let json = ValueAs::Column(KeyAs::Json);
        assert_eq!(
            row("{\"a\":\n1}", KeyAs::Base64, json).unwrap(),
            format!(r#"{{"key":"ayI=","value":{{"a": 1}},{rest}"#)
        );
        assert_eq!(
            row(" {\"a\":1}\n", KeyAs::Text, ValueAs::Row).unwrap(),
            "{\"a\":1}"
        );
    }

    #[test]
    fn what_is_no_row_says_why() {
        let json = ValueAs::Column(KeyAs::Json);
        assert!(
            row("1", KeyAs::Json, json)
                .unwrap_err()
                .contains("key: not JSON")
        );
        for value in ["", "1,\"$st\":2", "{", "nul"] {
            assert!(
                row(value, KeyAs::Text, json)
                    .unwrap_err()
                    .contains("value: not JSON"),
                "{value}"
            );
        }
        for value in ["[1]", "{\"$st\":\"end\"}", ""] {
            assert!(row(value, KeyAs::Text, ValueAs::Row).is_err(), "{value}");
        }
    }
}
