//! Declared timestamps and dates in a spelling of the user's: Spark's `timestampFormat` and `dateFormat`.

use st_expr::{Type, Value, read_json};
use st_row::{Kind, elements_of, fields_of, unescape};
use st_time::{DAY, WritePattern, Zone};

/// The patterns; none: the usual spelling.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Of TIMESTAMP columns.
    pub timestamp: Option<WritePattern>,
    /// Of DATE columns.
    pub date: Option<WritePattern>,
}

impl Times {
    /// True if a pattern was given.
    pub fn any(&self) -> bool {
        self.timestamp.is_some() || self.date.is_some()
    }

    /// Appends the text of a value that has a pattern; false, and nothing, for any other.
    pub fn write(&self, out: &mut Vec<u8>, value: &Value<'_>, zone: Zone) -> bool {
        match (value, &self.timestamp, &self.date) {
            (Value::Timestamp(micros), Some(pattern), _) => pattern.write(out, *micros, zone),
            (Value::Date(days), _, Some(pattern)) => {
                pattern.write(out, i64::from(*days) * DAY, Zone::UTC);
            }
            _ => return false,
        }
        true
    }

    /// Appends a raw value of a declared type, with the times in it rewritten. What does not fit its type stays as it is.
    pub fn rewrite(&self, raw: &[u8], kind: &Type, zone: Zone, out: &mut Vec<u8>) {
        match (kind, Kind::of(raw)) {
            (Type::Timestamp | Type::Date, Some(Kind::String)) => {
                let mut text = Vec::new();
                if self.write(&mut text, &read_json(raw, kind, zone), zone) {
                    st_row::write_string(out, &String::from_utf8_lossy(&text));
                } else {
                    out.extend_from_slice(raw);
                }
            }
            (Type::Array(element), Some(Kind::Array)) => {
                out.push(b'[');
                for (index, raw) in elements_of(raw).flatten().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.rewrite(raw, element, zone, out);
                }
                out.push(b']');
            }
            (Type::Struct(_) | Type::Map(..), Some(Kind::Object)) => {
                out.push(b'{');
                for (index, (key, raw)) in fields_of(raw).flatten().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    out.push(b':');
                    let kind = match kind {
                        Type::Map(_, value) => Some(&**value),
                        Type::Struct(fields) => {
                            let name = unescape(key).unwrap_or_default();
                            let field = fields.iter().find(|field| field.name == name);
                            field.map(|field| &field.kind)
                        }
                        _ => None,
                    };
                    self.rewrite(raw, kind.unwrap_or(&Type::Any), zone, out);
                }
                out.push(b'}');
            }
            _ => out.extend_from_slice(raw),
        }
    }
}
