//! What a source recorded of a batch, in fields of its own: kept as the text it is until the source asks for it, since a batch of many
//! files is long and most records are never looked at.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

/// JSON without line breaks; a copy costs nothing.
#[derive(Clone, Debug)]
pub struct Recorded(Arc<RawValue>);

impl Recorded {
    /// The text of a range.
    ///
    /// # Errors
    /// A value that JSON cannot have.
    pub fn new(range: &impl Serialize) -> Result<Recorded> {
        Ok(Recorded(Arc::from(to_raw_value(range)?)))
    }

    /// The range; it may borrow from the text.
    ///
    /// # Errors
    /// Other fields than those asked for.
    pub fn parse<'r, T: Deserialize<'r>>(&'r self) -> Result<T> {
        Ok(serde_json::from_str(self.0.get())?)
    }

    /// One member of it.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.parse::<Map<String, Value>>().ok()?.shift_remove(name)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Recorded) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Recorded, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Recorded(Arc::from(text)))
    }
}
