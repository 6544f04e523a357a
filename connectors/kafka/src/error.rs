//! What a client says, as one line with the mend.

use anyhow::{Error, anyhow};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::Watch;

/// The error, told of `place` (servers, topic). What the client's threads complained of tells more than a time-out does.
pub fn explain(error: &KafkaError, place: &str, watch: Option<&Watch>) -> Error {
    let code = error.rdkafka_error_code();
    let mend = match code {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::OperationTimedOut,
        ) => {
            let why = watch
                .and_then(Watch::last_error)
                .map_or_else(|| "no broker answers".to_string(), |text| brief(&text));
            return anyhow!(
                "kafka: {place}: {why}: see that the brokers run and --bootstrap-servers names them, then run the same line again"
            );
        }
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SSL,
        ) => ": see the settings in --config FILE and the cluster's access rules",
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            ": make the topic"
        }
        Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced) => {
            ": another run of this query delivers to it: end one of them"
        }
        _ => "",
    };
    anyhow!("kafka: {place}: {}{mend}", plain(error))
}

/// The error without the names of types.
fn plain(error: &KafkaError) -> String {
    match (error, error.rdkafka_error_code()) {
        (KafkaError::ClientConfig(_, reason, name, _), _) => format!("{name}: {reason}"),
        (KafkaError::ClientCreation(reason), _) => brief(reason),
        (_, Some(code)) => code.to_string(),
        _ => error.to_string(),
    }
}

/// librdkafka's complaint without the broker's inner name and how often it was made.
fn brief(text: &str) -> String {
    let text = text.split(" (after ").next().unwrap_or(text);
    let text = text.rsplit_once("]: ").map_or(text, |(_, rest)| rest);
    text.trim_end_matches(':').trim().to_string()
}
