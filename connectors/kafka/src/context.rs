//! What a client's own threads find out: the last error, the first message that was not delivered, where partitions end.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rdkafka::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use serde::Deserialize;

/// Watches a client.
#[derive(Default)]
pub struct Watch {
    error: Mutex<Option<String>>,
    undelivered: Mutex<Option<KafkaError>>,
    ends: Mutex<Ends>,
}

/// By topic and partition the offset behind the last message a reader may see.
pub type Ends = BTreeMap<String, BTreeMap<i32, i64>>;

/// Of the client's statistics (librdkafka's STATISTICS.md) what is wanted.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: BTreeMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: BTreeMap<i32, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    ls_offset: i64,
}

impl Watch {
    /// Where partitions ended when the client last noted it (`statistics.interval.ms`), by what their brokers answered.
    pub fn ends(&self) -> Ends {
        self.ends
            .lock()
            .map(|ends| ends.clone())
            .unwrap_or_default()
    }

    /// What the client's threads last complained of, such as brokers that do not answer.
    pub fn last_error(&self) -> Option<String> {
        self.error.lock().ok()?.clone()
    }

    /// The first message that was not delivered since the last call.
    pub fn take_undelivered(&self) -> Option<KafkaError> {
        self.undelivered.lock().ok()?.take()
    }
}

impl ClientContext for Watch {
    fn error(&self, _error: KafkaError, reason: &str) {
        if let Ok(mut last) = self.error.lock() {
            *last = Some(reason.to_string());
        }
    }

    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, _fac: &str, _message: &str) {}

    fn stats_raw(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
            return;
        };
        let ends = statistics.topics.into_iter().map(|(name, topic)| {
            let known = topic.partitions.into_iter();
            let known = known.filter(|(id, partition)| *id >= 0 && partition.ls_offset >= 0);
            (
                name,
                known
                    .map(|(id, partition)| (id, partition.ls_offset))
                    .collect(),
            )
        });
        if let Ok(mut last) = self.ends.lock() {
            *last = ends.collect();
        }
    }
}

impl ConsumerContext for Watch {}

impl ProducerContext for Watch {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        if let Err((error, _)) = result
            && let Ok(mut first) = self.undelivered.lock()
        {
            first.get_or_insert_with(|| error.clone());
        }
    }
}
