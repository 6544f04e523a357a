//! The text of a cell: Spark's `ToPrettyString`. Null is `NULL` wherever it stands, binary is `[61 62]`, decimals are plain.

use st_expr::{Value, write_text};
use st_time::Zone;

/// Appends the text of a value.
pub fn write(out: &mut Vec<u8>, value: &Value<'_>, zone: Zone) {
    match value {
        Value::Null => out.extend_from_slice(b"NULL"),
        Value::Decimal(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Binary(bytes) => {
            let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
            out.extend_from_slice(format!("[{}]", bytes.join(" ")).as_bytes());
        }
        Value::Array(values) => {
            out.push(b'[');
            list(out, values, |out, value| write(out, value, zone));
            out.push(b']');
        }
        Value::Struct(members) => {
            out.push(b'{');
            list(out, members, |out, (_, value)| write(out, value, zone));
            out.push(b'}');
        }
        Value::Map(entries) => {
            out.push(b'{');
            list(out, entries, |out, (key, value)| {
                write(out, key, zone);
                out.extend_from_slice(b" -> ");
                write(out, value, zone);
            });
            out.push(b'}');
        }
        other => write_text(out, other, zone),
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut one: impl FnMut(&mut Vec<u8>, &T)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        one(out, item);
    }
}
