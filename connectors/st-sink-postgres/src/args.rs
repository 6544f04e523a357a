//! The command line.

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Map, Value, json};
use st_stream::Trigger;
use st_stream::cli::{self, StageArgs, ZoneArgs};

use crate::names::TableName;

const EXAMPLE: &str = "\
Example:
  export DATABASE_URL=postgresql://shop@db.internal/shop
  st-tail data/events --checkpoint ck/revenue |
    st-agg --by category --agg 'sum(price) as revenue' |
    st-sink postgres --table revenue --create

Append mode copies rows into the table, update mode replaces them by key, complete mode replaces all of them. A batch
is one transaction, which also writes the batch's id to _st_commits: exactly once, whatever dies when.

The server: @FILE with a URL or `host=… dbname=…`; else DATABASE_URL; else libpq's PGHOST, PGPORT, PGUSER, PGDATABASE,
PGPASSWORD, PGPASSFILE or ~/.pgpass, PGSSLMODE, PGSSLROOTCERT.";

/// The end of a query: a PostgreSQL table
#[derive(Debug, Parser)]
#[command(name = "st-sink-postgres", version, about, before_help = EXAMPLE, max_term_width = 100, override_usage = "st-sink postgres [@FILE] --table T [OPTIONS]")]
pub struct Args {
    /// The file that tells where the server is (a URL here could be read by anyone in the list of processes)
    #[arg(value_name = "@FILE")]
    pub connection: Option<String>,
    /// The table, or SCHEMA.TABLE
    #[arg(long, value_name = "T", value_parser = TableName::parse)]
    pub table: TableName,
    /// Make the table and add columns, by the declared types; else it must be there
    #[arg(long)]
    pub create: bool,
    /// Replace what an earlier query left in the table
    #[arg(long, conflicts_with = "append")]
    pub overwrite: bool,
    /// Add to what an earlier run left there (without a checkpoint)
    #[arg(long)]
    pub append: bool,
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
        Map::from_iter([
            ("format".to_string(), json!("postgres")),
            ("table".to_string(), json!(self.table.to_string())),
            ("create".to_string(), json!(self.create)),
        ])
    }
}
