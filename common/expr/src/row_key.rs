//! The key of a row as canonical JSON text: two rows have the same key if and only if they have the same bytes here.
//!
//! Tools that hold one entry per key hash and compare these bytes, and write them into their state file as they are. Columns
//! of plain text and integers, the common case, are copied from the row; all else is read as its type and written again.

use std::borrow::Cow;

use st_row::{Kind, write_string};
use st_time::Zone;

use crate::number::write_double;
use crate::{Schema, Type, Value, read_json, write_json};

/// Integers up to here are their own double.
const EXACT: f64 = (1_u64 << 53) as f64;

/// One key column: its name, its type, and the zone in which text is read as a time.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    name: String,
    kind: Type,
    zone: Zone,
}

impl KeyColumn {
    /// The column called `name`, of the type that `schema` declares, else of its values' own.
    pub fn new(name: &str, schema: &Schema, zone: Zone) -> KeyColumn {
        KeyColumn {
            name: name.to_string(),
            kind: schema.kind(name).cloned().unwrap_or(Type::Any),
            zone,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type; [`Type::Any`] if none is declared.
    pub fn kind(&self) -> &Type {
        &self.kind
    }

    /// Name and declared type, for a state's definition: under another type other rows are equal.
    pub fn definition(&self) -> String {
        match &self.kind {
            Type::Any => self.name.clone(),
            kind => format!("{} {kind}", self.name),
        }
    }

    /// Appends the value `raw` (none if the row lacks it) in canonical form: equal values give equal bytes. Null, what
    /// does not fit the type, and a missing column are one; so are the zeros, all NaN, and `2` and `2.0`; text is equal
    /// however it is escaped, a time however it is written, and an undeclared object whatever the order of its members.
    #[inline]
    pub fn write(&self, raw: Option<&[u8]>, out: &mut Vec<u8>) {
        let Some(raw) = raw else {
            return out.extend_from_slice(b"null");
        };
        match (&self.kind, raw) {
            (Type::Any | Type::String, [b'"', text @ ..])
                if memchr::memchr(b'\\', text).is_none() =>
            {
                out.extend_from_slice(raw)
            }
            (Type::Any | Type::BigInt, [b'1'..=b'9', ..])
                if raw.len() <= 18 && Kind::of(raw) == Some(Kind::Integer) =>
            {
                out.extend_from_slice(raw)
            }
            (kind, raw) => canonical(out, &read_json(raw, kind, self.zone)),
        }
    }

    /// Appends a value that was computed, in the same canonical form.
    pub fn write_value(&self, value: &Value<'_>, out: &mut Vec<u8>) {
        canonical(out, value);
    }
}

fn canonical(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            st_row::write_i64(out, *number as i64)
        }
        Value::Double(number) if number.is_finite() => write_double(out, *number),
        Value::Array(elements) => {
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                canonical(out, element);
            }
            out.push(b']');
        }
        Value::Struct(members) => object(out, members.iter().map(|(name, v)| (name.clone(), v))),
        Value::Map(entries) => object(
            out,
            entries
                .iter()
                .map(|(key, v)| (key.borrowed().into_text(Zone::UTC), v)),
        ),
        other => write_json(out, other, Zone::UTC),
    }
}

fn object<'v>(out: &mut Vec<u8>, members: impl Iterator<Item = (Cow<'v, str>, &'v Value<'v>)>) {
    let mut members: Vec<_> = members.collect();
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push(b'{');
    for (i, (name, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        canonical(out, value);
    }
    out.push(b'}');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(kind: &str, raw: &str) -> String {
        let schema = match kind {
            "" => Schema::default(),
            kind => Schema::parse(&format!("c {kind}")).unwrap(),
        };
        let mut out = Vec::new();
        KeyColumn::new("c", &schema, Zone::UTC).write(Some(raw.as_bytes()), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn equal_values_have_equal_bytes() {
        for (kind, spellings) in [
            ("", &[r#""aé""#, r#""a\u00e9""#, "\"\\u0061\u{e9}\""][..]),
            ("", &["2", "2.0", "0.2e1", "200e-2"]),
            ("", &["0", "-0", "0.0", "-0.0"]),
            ("", &["1.5", "15e-1"]),
            ("", &[r#"{"a":1,"b":[2.0]}"#, r#"{ "b" : [2], "a" : 1e0 }"#]),
            ("", &["null"]),
            ("INT", &["null", "99999999999", "[]", "\"x\""]),
            ("STRING", &["7", "\"7\""]),
            ("DOUBLE", &["1", "1.0", "10e-1"]),
            ("DOUBLE", &["\"NaN\""]),
            ("DECIMAL(10,2)", &["1.5", "1.50", "\"1.5\""]),
            (
                "TIMESTAMP",
                &[
                    r#""2025-01-15T10:30:00Z""#,
                    r#""2025-01-15 10:30:00""#,
                    r#""2025-01-15T11:30:00.000+01:00""#,
                ],
            ),
        ] {
            let first = key(kind, spellings[0]);
            for spelling in spellings {
                assert_eq!(key(kind, spelling), first, "{kind} {spelling}");
            }
            assert!(
                st_row::validate(format!("{{\"k\":{first}}}").as_bytes()).is_ok(),
                "{first}"
            );
        }
    }

    #[test]
    fn other_values_have_others() {
        let all = [
            "null",
            "\"null\"",
            "true",
            "1",
            "\"1\"",
            "1.5",
            "[1]",
            "[1,1]",
            "{}",
            "[]",
            "\"\"",
            "9007199254740993",
            "9007199254740992",
            "123456789012345678901",
            r#"{"a":1}"#,
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert_ne!(key("", a), key("", b));
            }
        }
    }
}
