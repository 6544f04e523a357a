//! The topic as a target: a batch is one transaction. Without a checkpoint, or with `--at-least-once`, rows are sent as they come
//! and the end of a batch waits until all have arrived.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use st_checkpoint::fail_point;
use st_deliver::dead_letters::DeadLetters;
use st_deliver::rows::Rows;
use st_deliver::target::{Arrived, Opening, Taken, Target};
use st_kafka_client::Cluster;
use st_stream::Out;

use crate::args::Args;
use crate::message::Shape;
use crate::producer::{Producer, Sent};

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
        }
    }

    fn producer(&mut self) -> Result<&mut Producer> {
        self.producer.as_mut().context("the producer is not open")
    }

    /// Sends one row; false if it was refused, which is then counted and kept.
    fn send(&mut self, batch: i64, row: &[u8], out: &mut Out) -> Result<bool> {
        let reason = match self.shape.message(row) {
            Err(reason) => reason,
            Ok(message) => match self.producer()?.send(&message)? {
                Sent::Queued => return Ok(true),
                Sent::Refused(reason) => reason,
            },
        };
        self.refuse(batch, &reason, row, out)?;
        Ok(false)
    }

    /// Sends the batch's rows as one transaction.
    fn transact(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<()> {
        self.producer()?.begin()?;
        let sent = rows.each(|row| self.send(batch.id, row, out).map(drop));
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
        match self.transactions {
            true => Ok(()),
            false => self.producer()?.begin(),
        }
    }

    fn take(&mut self, row: &[u8], out: &mut Out) -> Result<Taken> {
        if self.transactions {
            return Ok(Taken::Keep);
        }
        Ok(match self.send(self.batch, row, out)? {
            true => Taken::Done,
            false => Taken::Rejected,
        })
    }

    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>> {
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
