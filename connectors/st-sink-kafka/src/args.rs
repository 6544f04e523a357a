//! The command line.

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Map, Value, json};
use st_kafka_client::Cluster;
use st_stream::Trigger;
use st_stream::cli::{self, StageArgs, ZoneArgs};

const EXAMPLE: &str = "\
Example:
  st-kafka orders --bootstrap-servers localhost:9092 --value row --checkpoint ck/large |
    st-map --where 'amount > 1000' |
    st-sink kafka large-orders --bootstrap-servers localhost:9092 --key customer

With a checkpoint each batch is one transaction, with the batch's id inside it: who reads committed messages only
(isolation.level=read_committed) sees each row once, whatever dies when. Without one: at least once.";

/// The end of a query: a topic of a Kafka cluster
#[derive(Debug, Parser)]
#[command(name = "st-sink-kafka", version, about, before_help = EXAMPLE, max_term_width = 100, override_usage = "st-sink kafka TOPIC --bootstrap-servers HOST:PORT [OPTIONS]")]
pub struct Args {
    /// Where rows go that name no other topic
    #[arg(value_name = "TOPIC")]
    pub topic: String,
    /// The column that is the message's key: a text as it is, other values as JSON
    #[arg(long, value_name = "COLUMN", value_parser = cli::column)]
    pub key: Option<String>,
    /// The column that is the message (default: the row)
    #[arg(long, value_name = "COLUMN", value_parser = cli::column)]
    pub value: Option<String>,
    /// The column that names the row's topic
    #[arg(long, value_name = "COLUMN", value_parser = cli::column)]
    pub topic_column: Option<String>,
    /// The column that names the row's partition
    #[arg(long, value_name = "COLUMN", value_parser = cli::column)]
    pub partition_column: Option<String>,
    /// The column of headers: an array of {key, value}, values in base64, as st-kafka gives them
    #[arg(long, value_name = "COLUMN", value_parser = cli::column)]
    pub headers: Option<String>,
    /// No transactions, for clusters without them: a message may be delivered twice, and a batch again after a crash
    #[arg(long)]
    pub at_least_once: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub cluster: Cluster,
    /// On plain input: end a batch every D, such as 1s
    #[arg(long, value_name = "D", value_parser = cli::trigger)]
    pub trigger: Option<Trigger>,
    /// Append each batch's report to FILE, or - for stdout
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Args {
    /// What the plan says of this sink.
    pub fn plan_options(&self) -> Map<String, Value> {
        let mut plan = Map::from_iter([
            ("format".to_string(), json!("kafka")),
            ("topic".to_string(), json!(self.topic)),
            (
                "bootstrap-servers".to_string(),
                json!(self.cluster.bootstrap_servers),
            ),
        ]);
        for (name, column) in [
            ("key", &self.key),
            ("value", &self.value),
            ("topic-column", &self.topic_column),
            ("partition-column", &self.partition_column),
            ("headers", &self.headers),
        ] {
            if let Some(column) = column {
                plan.insert(name.to_string(), json!(column));
            }
        }
        if let Some(file) = &self.cluster.config {
            plan.insert("config".to_string(), json!(file.to_string_lossy()));
        }
        if self.at_least_once {
            plan.insert("at-least-once".to_string(), json!(true));
        }
        plan
    }
}
