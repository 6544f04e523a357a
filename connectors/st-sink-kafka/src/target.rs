//! The topic as a target: a batch is one transaction. Without a checkpoint, or with `--at-least-once`, rows are sent as they come
//! and the end of a batch waits until all have arrived.
//!
//! A large batch is sent in its transaction while it comes. It is kept as well: a transaction holds up those who read committed
//! messages only, and the cluster ends one that takes too long, so that of a batch which comes slowly it is given up, and
//! the batch is sent at its end, as a small one is.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use st_checkpoint::{fail_point, threshold};
use st_deliver::dead_letters::DeadLetters;
use st_deliver::rows::Rows;
use st_deliver::target::{Arrived, Opening, Taken, Target};
use st_kafka_client::Cluster;
use st_stream::Out;

use crate::args::Args;
use crate::message::Shape;
use crate::producer::{Producer, Sent};

const NOT_OPEN: &str = "the producer is not open";

/// Bytes of a batch from which on it is large.
const LARGE: usize = 4 << 20;

/// For so long a transaction may be open before the batch has come whole.
const OPEN: Duration = Duration::from_secs(30);

fn open() -> Duration {
    threshold(OPEN, Duration::from_millis(300))
}

/// How much of the open batch is sent before its end.
#[derive(Default)]
enum Ahead {
    /// Nothing yet.
    #[default]
    Small,
    /// All rows so far. Some were refused: which, and why.
    Sent {
        since: Instant,
        rows: u64,
        refused: Vec<(u64, String)>,
    },
    /// Nothing, and nothing will be.
    GivenUp,
}

/// A topic.
pub struct Kafka {
    cluster: Cluster,
    topic: String,
    at_least_once: bool,
    strict: bool,
    shape: Shape,
    producer: Option<Producer>,
    /// The last batch whose transaction was committed.
    stored: i64,
    /// The open batch.
    batch: i64,
    checkpointed: bool,
    /// A batch is seen whole or not at all.
    transactions: bool,
    refused: DeadLetters,
    ahead: Ahead,
    /// The rows of the open batch, each with its newline, while it is small.
    small: Vec<u8>,
    /// What went wrong while nothing came.
    failed: Option<anyhow::Error>,
}

impl Kafka {
    /// Nothing is sent yet.
    pub fn new(args: &Args) -> Kafka {
        Kafka {
            cluster: args.cluster.clone(),
            topic: args.topic.clone(),
            at_least_once: args.at_least_once,
            strict: args.stage.strict,
            shape: Shape::new(args),
            producer: None,
            stored: -1,
            batch: -1,
            checkpointed: false,
            transactions: false,
            refused: DeadLetters::default(),
            ahead: Ahead::default(),
            small: Vec::new(),
            failed: None,
        }
    }

    fn producer(&mut self) -> Result<&mut Producer> {
        self.producer.as_mut().context(NOT_OPEN)
    }

    /// Sends one row; the reason if it was refused.
    fn send(&mut self, row: &[u8]) -> Result<Option<String>> {
        let producer = self.producer.as_mut().context(NOT_OPEN)?;
        Ok(match self.shape.message(row) {
            Err(reason) => Some(reason),
            Ok(message) => match producer.send(&message)? {
                Sent::Queued => None,
                Sent::Refused(reason) => Some(reason),
            },
        })
    }

    /// Of a batch that is to be one transaction: sends the row now if the batch is large.
    fn send_ahead(&mut self, row: &[u8]) -> Result<()> {
        match &self.ahead {
            Ahead::Sent { .. } | Ahead::GivenUp => self.one_ahead(row)?,
            Ahead::Small => {
                self.small.extend_from_slice(row);
                self.small.push(b'\n');
                if self.small.len() >= threshold(LARGE, 64) {
                    self.producer()?.begin()?;
                    self.ahead = Ahead::Sent {
                        since: Instant::now(),
                        rows: 0,
                        refused: Vec::new(),
                    };
                    let small = std::mem::take(&mut self.small);
                    for row in small
                        .strip_suffix(b"\n")
                        .unwrap_or(&small)
                        .split(|byte| *byte == b'\n')
                    {
                        self.one_ahead(row)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn one_ahead(&mut self, row: &[u8]) -> Result<()> {
        if matches!(self.ahead, Ahead::GivenUp) {
            return Ok(());
        }
        let reason = self.send(row)?;
        let Ahead::Sent {
            since,
            rows,
            refused,
        } = &mut self.ahead
        else {
            return Ok(());
        };
        refused.extend(reason.map(|reason| (*rows, reason)));
        *rows += 1;
        if rows.is_multiple_of(1024) && since.elapsed() > open() {
            self.give_up();
        }
        Ok(())
    }

    /// Ends the transaction of a batch that has not come whole in time.
    fn give_up(&mut self) {
        if let (Ahead::Sent { .. }, Some(producer)) = (&self.ahead, &mut self.producer) {
            producer.abort();
        }
        self.ahead = Ahead::GivenUp;
    }

    /// Sends the batch's rows as one transaction, as far as they were not sent.
    fn transact(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<()> {
        let sent = match std::mem::take(&mut self.ahead) {
            Ahead::Sent { refused, .. } => self.refuse_all(batch.id, refused, rows, out),
            Ahead::Small | Ahead::GivenUp => {
                self.producer()?.begin()?;
                rows.each(|row| match self.send(row)? {
                    None => Ok(()),
                    Some(reason) => self.refuse(batch.id, &reason, row, out),
                })
            }
        };
        // What was refused is kept before the batch that lacks it is delivered.
        let sent = sent.and_then(|()| self.refused.sync());
        let producer = self.producer()?;
        match sent {
            Ok(()) => producer.commit(batch.id, || fail_point("sink.mid_output")),
            Err(error) => {
                producer.abort();
                Err(error)
            }
        }
    }

    /// Counts and keeps the rows with these numbers.
    fn refuse_all(
        &mut self,
        batch: i64,
        refused: Vec<(u64, String)>,
        rows: &mut Rows,
        out: &mut Out,
    ) -> Result<()> {
        let mut refused = refused.into_iter().peekable();
        let mut number = 0;
        if refused.peek().is_none() {
            return Ok(());
        }
        rows.each(|row| {
            if let Some((_, reason)) = refused.next_if(|(refused, _)| *refused == number) {
                self.refuse(batch, &reason, row, out)?;
            }
            number += 1;
            Ok(())
        })
    }

    /// Counts and keeps a row that is no message.
    fn refuse(&mut self, batch: i64, reason: &str, row: &[u8], out: &mut Out) -> Result<()> {
        if self.strict || !self.checkpointed {
            return out.reject(row, reason);
        }
        self.refused.keep(batch, reason, row)?;
        out.rejected(1);
        Ok(())
    }
}

impl Target for Kafka {
    fn format(&self) -> &'static str {
        "kafka"
    }

    fn identity(&self) -> Map<String, Value> {
        // A cluster's address may change while it stays the same cluster.
        Map::from_iter([("topic".to_string(), json!(self.topic))])
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.checkpointed = opening.context.query.is_some();
        let group = format!("st-{}-{}", opening.start.query, opening.context.name);
        self.transactions = self.checkpointed && !self.at_least_once;
        let producer = Producer::open(
            &self.cluster,
            &self.topic,
            self.transactions.then_some(group.as_str()),
            self.shape.has_key(),
        )?;
        let last = opening.delivered.unwrap_or(opening.start.epoch);
        let stored = producer.delivered()?.unwrap_or(last);
        // A batch is in the topic before the checkpoint knows of it, but only one.
        if stored > last + 1 {
            bail!(
                "kafka: topic {}: has batch {stored} of this query, but the checkpoint only batch {last}, an older copy: restore the newer one, or begin anew with a new --checkpoint",
                self.topic
            );
        }
        self.stored = stored.max(last);
        self.producer = Some(producer);
        self.refused = DeadLetters::open(opening, None, self.stored)?;
        Ok(())
    }

    fn begin(&mut self, batch: i64) -> Result<()> {
        self.batch = batch;
        self.small.clear();
        self.ahead = Ahead::default();
        match self.transactions {
            true => Ok(()),
            false => self.producer()?.begin(),
        }
    }

    fn take(&mut self, row: &[u8], out: &mut Out) -> Result<Taken> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.transactions {
            if self.batch > self.stored {
                self.send_ahead(row)?;
            }
            return Ok(Taken::Keep);
        }
        Ok(match self.send(row)? {
            None => Taken::Done,
            Some(reason) => {
                self.refuse(self.batch, &reason, row, out)?;
                Taken::Rejected
            }
        })
    }

    fn idle(&mut self) -> Option<Instant> {
        match &self.ahead {
            Ahead::Sent { since, .. } if since.elapsed() > open() => self.give_up(),
            Ahead::Sent { since, .. } => return Some(*since + open()),
            Ahead::Small | Ahead::GivenUp => {}
        }
        if !self.transactions
            && let Some(producer) = &mut self.producer
            && let Err(error) = producer.hand_over()
        {
            self.failed.get_or_insert(error);
        }
        None
    }

    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if !self.transactions {
            self.refused.sync()?;
            self.producer()?.commit(batch.id, || ())?;
        } else if batch.id > self.stored && !rows.is_empty() {
            self.transact(batch, rows, out)?;
            self.stored = batch.id;
        }
        Ok(None)
    }
}

impl Drop for Kafka {
    /// A batch that broke off is given up now, not when the cluster has waited long enough.
    fn drop(&mut self) {
        self.give_up();
    }
}
