//! A row's value as SQLite stores it.

use rusqlite::types::Value as Stored;
use st_expr::{Type, Value, read_json};
use st_row::unescape;
use st_time::Zone;

/// The column's type in `CREATE TABLE`. What has no declared type has none there either, so that SQLite converts nothing: a
/// text `007` stays a text.
pub fn column_type(declared: &Type) -> &'static str {
    match declared {
        Type::Boolean => " BOOLEAN",
        Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => " INTEGER",
        Type::Float | Type::Double => " REAL",
        Type::String | Type::Array(_) | Type::Map(..) | Type::Struct(_) | Type::Interval => " TEXT",
        Type::Binary => " BLOB",
        Type::Date => " DATE",
        Type::Timestamp => " TIMESTAMP",
        Type::Decimal { .. } | Type::Any | Type::Null => "",
    }
}

/// The value, by its declared type. Timestamps are `2025-01-15 10:30:00` in the session's zone, which SQLite's date functions
/// read and which sorts as it should; nested values are JSON.
pub fn read(raw: Option<&[u8]>, declared: &Type, zone: Zone) -> Stored {
    let Some(raw) = raw else { return Stored::Null };
    match (declared, raw.first()) {
        (_, None | Some(b'n')) => Stored::Null,
        (Type::Any | Type::String, Some(b'"')) => {
            unescape(raw).map_or(Stored::Null, |text| Stored::Text(text.into_owned()))
        }
        (Type::Any | Type::String, Some(b'{' | b'[')) | (Type::String, _) => text(raw),
        _ => match read_json(raw, declared, zone) {
            Value::Null => Stored::Null,
            Value::Boolean(x) => Stored::Integer(x.into()),
            Value::Integer(x) => Stored::Integer(x),
            // SQLite has no NaN: it would be null.
            Value::Double(x) if x.is_nan() => Stored::Text("NaN".to_string()),
            Value::Double(x) => Stored::Real(x),
            Value::Decimal(x) => decimal(&x),
            Value::Binary(x) => Stored::Blob(x.into_owned()),
            Value::String(x) => Stored::Text(x.into_owned()),
            value if declared.is_nested() => {
                let mut json = Vec::new();
                st_expr::write_json(&mut json, &value, zone);
                text(&json)
            }
            value => Stored::Text(value.into_text(zone).into_owned()),
        },
    }
}

/// A decimal as a number while a number holds it exactly, beyond that as text.
fn decimal(number: &st_expr::Decimal) -> Stored {
    let text = number.to_string();
    if let Ok(integer) = text.parse() {
        return Stored::Integer(integer);
    }
    // A double keeps fifteen digits.
    if number.unscaled.unsigned_abs() < 10u128.pow(15)
        && let Ok(real) = text.parse()
    {
        return Stored::Real(real);
    }
    Stored::Text(text)
}

fn text(raw: &[u8]) -> Stored {
    Stored::Text(String::from_utf8_lossy(raw).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_keep_what_they_are() {
        let read = |raw: &str, ddl: &str| {
            let kind = if ddl.is_empty() {
                Type::Any
            } else {
                Type::parse(ddl).unwrap()
            };
            read(Some(raw.as_bytes()), &kind, Zone::UTC)
        };
        assert_eq!(read("\"007\"", ""), Stored::Text("007".into()));
        assert_eq!(
            read("12345678901234567890123", ""),
            Stored::Text("12345678901234567890123".into())
        );
        assert_eq!(read("12.30", "DECIMAL(10,2)"), Stored::Real(12.3));
        assert_eq!(
            read("12345678901234567.89", "DECIMAL(20,2)"),
            Stored::Text("12345678901234567.89".into())
        );
        assert_eq!(read("true", ""), Stored::Integer(1));
        assert_eq!(
            read("\"2025-01-15T10:30:00Z\"", "TIMESTAMP"),
            Stored::Text("2025-01-15 10:30:00".into())
        );
        assert_eq!(read("[1, 2]", "ARRAY<INT>"), Stored::Text("[1,2]".into()));
        assert_eq!(read("\"x\"", "INT"), Stored::Null);
    }
}
