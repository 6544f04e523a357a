//! Rows as COPY takes them: one line each, tabs between columns, `\N` for null (PostgreSQL's documentation, "COPY", text
//! format). The server reads each value as its column's type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use st_expr::Type;
use st_row::{Kind, elements_of, unescape};

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// As text.
    Text,
    /// As JSON: `json` and `jsonb`.
    Json,
    /// `{a,b}`: arrays of SQL.
    Array,
    /// Hexadecimal, from base64.
    Bytes,
}

impl Style {
    /// For a column of this SQL type and category (`pg_type.typname`, `typcategory`).
    pub fn of(name: &str, category: &str, declared: &Type) -> Style {
        match (name, category) {
            ("json" | "jsonb", _) => Style::Json,
            (_, "A") => Style::Array,
            ("bytea", _) if *declared == Type::Binary => Style::Bytes,
            _ => Style::Text,
        }
    }
}

/// Appends one value.
pub fn write(out: &mut Vec<u8>, raw: Option<&[u8]>, style: Style) {
    let Some(raw) = raw.filter(|raw| *raw != b"null") else {
        out.extend_from_slice(b"\\N");
        return;
    };
    match (style, Kind::of(raw)) {
        (Style::Json, _) => escaped(out, raw),
        (Style::Array, Some(Kind::Array)) => {
            let mut text = Vec::new();
            array(&mut text, raw);
            escaped(out, &text);
        }
        (Style::Bytes, Some(Kind::String)) => {
            let text = unescape(raw).unwrap_or_default();
            match STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => {
                    out.extend_from_slice(b"\\\\x");
                    for byte in bytes {
                        out.extend_from_slice(format!("{byte:02x}").as_bytes());
                    }
                }
                Err(_) => escaped(out, text.as_bytes()),
            }
        }
        (_, Some(Kind::String)) => match unescape(raw) {
            Ok(text) => escaped(out, text.as_bytes()),
            Err(_) => escaped(out, raw),
        },
        _ => escaped(out, raw),
    }
}

/// The array in SQL's spelling; what is nested in it that is no array is JSON text.
fn array(out: &mut Vec<u8>, raw: &[u8]) {
    out.push(b'{');
    for (i, element) in elements_of(raw).flatten().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match Kind::of(element) {
            Some(Kind::Null) => out.extend_from_slice(b"NULL"),
            Some(Kind::Array) => array(out, element),
            Some(Kind::String) => quote(out, unescape(element).unwrap_or_default().as_bytes()),
            Some(Kind::Object) => quote(out, element),
            _ => out.extend_from_slice(element),
        }
    }
    out.push(b'}');
}

fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The text with what would end a column or a line escaped.
fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(raw: &str, style: Style) -> String {
        let mut out = Vec::new();
        write(&mut out, Some(raw.as_bytes()), style);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_the_server_reads_them() {
        assert_eq!(written("null", Style::Text), "\\N");
        assert_eq!(written(r#""a\tb\\c\nd""#, Style::Text), "a\\tb\\\\c\\nd");
        assert_eq!(written(r#""\\N""#, Style::Text), "\\\\N");
        assert_eq!(written("1.50", Style::Text), "1.50");
        assert_eq!(written(r#"{"a":"x\n"}"#, Style::Text), r#"{"a":"x\\n"}"#);
        assert_eq!(written(r#""text""#, Style::Json), r#""text""#);
        assert_eq!(
            written(r#"["a,\"b\"", null, [1, true], {"k":1}]"#, Style::Array),
            r#"{"a,\\"b\\"",NULL,{1,true},"{\\"k\\":1}"}"#
        );
        assert_eq!(written(r#""aGk=""#, Style::Bytes), "\\\\x6869");
    }
}
