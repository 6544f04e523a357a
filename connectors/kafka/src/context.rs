//! What a client's own threads find out: the last error, and the first message that was not delivered.

use std::sync::Mutex;

use rdkafka::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

/// Watches a client.
#[derive(Default)]
pub struct Watch {
    error: Mutex<Option<String>>,
    undelivered: Mutex<Option<KafkaError>>,
}

impl Watch {
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

    fn stats_raw(&self, _statistics: &[u8]) {}
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
