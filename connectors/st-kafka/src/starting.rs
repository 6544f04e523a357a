//! Where a first run begins.

use std::collections::BTreeMap;

use anyhow::Result;
use st_stream::cli::usage;
use st_time::{Zone, parse_timestamp};

use crate::range::ByPartition;

/// Where a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Earliest,
    Latest,
    Offset(i64),
    /// The first message of this time or later, in milliseconds since 1970; the end if there is none yet.
    Time(i64),
}

/// Where each partition begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Starting {
    all: Place,
    each: BTreeMap<(String, i32), Place>,
}

impl Starting {
    /// Reads `--starting-offsets`: one of two words, or offsets by partition, where -2 is earliest and -1 latest. What is not
    /// named begins at the earliest, as in Spark a new partition does.
    pub fn offsets(text: &str) -> Result<Starting> {
        let wrong = |why: String| {
            usage(format!(
                "--starting-offsets: {why}: earliest, latest, or '{{\"orders\":{{\"0\":23}}}}'"
            ))
        };
        let all = match text {
            "earliest" => Place::Earliest,
            "latest" => Place::Latest,
            _ => {
                return by_partition(text, |offset| match offset {
                    -2 => Some(Place::Earliest),
                    -1 => Some(Place::Latest),
                    0.. => Some(Place::Offset(offset)),
                    _ => None,
                })
                .map_err(wrong);
            }
        };
        Ok(Starting {
            all,
            each: BTreeMap::new(),
        })
    }

    /// Reads `--starting-timestamp`: a time, or milliseconds since 1970 by partition.
    pub fn timestamp(text: &str) -> Result<Starting> {
        if text.trim_start().starts_with('{') {
            return by_partition(text, |millis| Some(Place::Time(millis))).map_err(|why| {
                usage(format!(
                    "--starting-timestamp: {why}: 2025-01-15T10:30:00Z, or '{{\"orders\":{{\"0\":1736937000000}}}}'"
                ))
            });
        }
        let micros = parse_timestamp(text.as_bytes(), Zone::UTC).ok_or_else(|| {
            usage(format!(
                "--starting-timestamp: `{text}` is no time: write it as 2025-01-15T10:30:00Z"
            ))
        })?;
        let all = Place::Time(micros.div_euclid(1000));
        Ok(Starting {
            all,
            each: BTreeMap::new(),
        })
    }

    /// Where this partition begins.
    pub fn of(&self, topic: &str, partition: i32) -> Place {
        let key = (topic.to_string(), partition);
        self.each.get(&key).copied().unwrap_or(self.all)
    }
}

fn by_partition(text: &str, place: impl Fn(i64) -> Option<Place>) -> Result<Starting, String> {
    let given: ByPartition<i64> = serde_json::from_str(text)
        .map_err(|error| format!("`{text}` is not understood ({error})"))?;
    let mut each = BTreeMap::new();
    for (topic, partitions) in given {
        for (partition, number) in partitions {
            let place = place(number).ok_or_else(|| format!("{number} is no offset"))?;
            each.insert((topic.clone(), partition), place);
        }
    }
    Ok(Starting {
        all: Place::Earliest,
        each,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sparks_spellings_are_read() {
        let starting = Starting::offsets(r#"{"t":{"0":23,"1":-2,"2":-1}}"#).unwrap();
        let places: Vec<Place> = (0..4)
            .map(|partition| starting.of("t", partition))
            .collect();
        assert_eq!(
            places,
            [
                Place::Offset(23),
                Place::Earliest,
                Place::Latest,
                Place::Earliest
            ]
        );
        let starting = Starting::timestamp("2025-01-15T10:30:00Z").unwrap();
        assert_eq!(starting.of("t", 0), Place::Time(1_736_937_000_000));
        for text in ["first", "{\"t\":[1]}", "{\"t\":{\"0\":-3}}"] {
            assert!(Starting::offsets(text).is_err(), "{text}");
        }
    }
}
