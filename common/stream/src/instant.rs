//! Instants on the wire: ISO-8601 in UTC with milliseconds; microseconds since 1970 in memory.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use st_time::Zone;

pub(crate) fn text(micros: i64) -> String {
    let mut text = Vec::with_capacity(27);
    st_time::write_iso(&mut text, micros, Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}

pub(crate) fn serialize<S: Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*micros))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(D::Error::custom)
}

pub(crate) fn parse(text: &str) -> Result<i64, String> {
    st_time::parse_timestamp(text.as_bytes(), Zone::UTC)
        .ok_or_else(|| format!("not an instant: `{text}`"))
}

/// The same for an instant that may be null.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        micros: &Option<i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match micros {
            Some(micros) => super::serialize(micros, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<i64>, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => parse(&text).map(Some).map_err(D::Error::custom),
            None => Ok(None),
        }
    }
}
