//! The command line.

use std::time::Duration;

use clap::Parser;
use st_kafka_client::Cluster;
use st_stream::SourceArgs;
use st_stream::cli;

use crate::rows::{KeyAs, ValueAs};

const EXAMPLE: &str = "\
Example: orders as rows, from the oldest that the topic has
  st-kafka orders --bootstrap-servers localhost:9092 --starting-offsets earliest --value row |
    st-agg --by item --agg 'sum(amount) as amount' | st-sink

Rows are Spark's: key, value, topic, partition, offset, timestamp, timestampType, headers. The offsets of each batch are in
the checkpoint; those of consumer groups are neither read nor written.";

/// A source: the topics of a Kafka cluster
#[derive(Clone, Debug, Parser)]
#[command(name = "st-kafka", version, about, before_help = EXAMPLE, max_term_width = 100)]
pub struct Arguments {
    /// Topics to read
    #[arg(value_name = "TOPIC", required_unless_present_any = ["topic_pattern", "assign"])]
    pub topics: Vec<String>,
    /// All topics whose whole name matches, those made later too
    #[arg(long, value_name = "REGEX", conflicts_with_all = ["topics", "assign"])]
    pub topic_pattern: Option<String>,
    /// These partitions: '{"orders":[0,1]}'
    #[arg(long, value_name = "JSON", conflicts_with = "topics")]
    pub assign: Option<String>,
    /// In the first run: earliest, latest or '{"orders":{"0":23,"1":-2}}', where -2 is earliest, -1 latest
    #[arg(long, value_name = "WHERE", default_value = "latest")]
    pub starting_offsets: String,
    /// In the first run: the first message of this time or later; or '{"orders":{"0":1736937000000}}'
    #[arg(long, value_name = "TIME|JSON", conflicts_with = "starting_offsets")]
    pub starting_timestamp: Option<String>,
    /// Wait with a batch until there are N messages …
    #[arg(long, value_name = "N")]
    pub min_rows_per_trigger: Option<u64>,
    /// … or D has passed
    #[arg(long, value_name = "D", default_value = "15m", value_parser = cli::duration)]
    pub max_trigger_delay: Duration,
    /// Keys are text, base64 or json
    #[arg(long, value_name = "AS", default_value = "text", value_parser = KeyAs::parse)]
    pub key: KeyAs,
    /// Values are text, base64, json; `row`: the value's object is the row
    #[arg(long, value_name = "AS", default_value = "text", value_parser = ValueAs::parse)]
    pub value: ValueAs,
    /// Declared types of the members of json values
    #[arg(long, value_name = "DDL")]
    pub schema: Option<String>,
    /// Add the column headers
    #[arg(long)]
    pub include_headers: bool,
    /// Go on although messages that were not read yet are gone
    #[arg(long)]
    pub skip_lost: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub cluster: Cluster,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub source: SourceArgs,
}
