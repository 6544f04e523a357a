//! What a batch was, so that it can be read again: per partition the offsets, and in which order the partitions came.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use st_stream::Recorded;

/// Offsets by topic and partition. Spark's spelling: `{"orders":{"0":23}}`.
pub type ByPartition<T> = BTreeMap<String, BTreeMap<i32, T>>;

/// The range of a batch.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Of every partition, read or not: the first offset of the batch and the one after it.
    pub offsets: ByPartition<(i64, i64)>,
    /// Topic, partition, messages: in this order they were read. Left out if all came from one partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Messages of the batch.
    pub messages: u64,
}

/// Messages of one partition that were read one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run(pub String, pub i32, pub u64);

impl Range {
    /// Reads a recorded range.
    pub fn parse(range: &Recorded) -> Result<Range> {
        range
            .parse()
            .context("the recorded range is none of st-kafka")
    }

    /// The runs, whether they were left out or not.
    pub fn order(&self) -> Vec<Run> {
        if !self.runs.is_empty() || self.messages == 0 {
            return self.runs.clone();
        }
        let read = self.offsets.iter().flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .filter(|(_, (from, to))| from < to)
                .map(|(partition, _)| Run(topic.clone(), *partition, self.messages))
        });
        read.take(1).collect()
    }

    /// Where each partition ends.
    pub fn ends(&self) -> ByPartition<i64> {
        let ends = |partitions: &BTreeMap<i32, (i64, i64)>| {
            partitions
                .iter()
                .map(|(partition, (_, to))| (*partition, *to))
                .collect()
        };
        self.offsets
            .iter()
            .map(|(topic, partitions)| (topic.clone(), ends(partitions)))
            .collect()
    }

    /// As it is recorded.
    pub fn recorded(&self) -> Result<Recorded> {
        Recorded::new(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn one_run_needs_no_order() {
        let text = r#"{"offsets":{"t":{"0":[5,5],"1":[7,12]}},"messages":4}"#;
        let recorded: Recorded = serde_json::from_str(text).unwrap();
        let range = Range::parse(&recorded).unwrap();
        assert_eq!(range.order(), [Run("t".to_string(), 1, 4)]);
        assert_eq!(range.recorded().unwrap(), recorded);
        assert_eq!(json!(range.ends()), json!({"t": {"0": 5, "1": 12}}));
    }
}
