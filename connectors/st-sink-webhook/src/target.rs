//! The batch as requests: sent when it is complete, in the order of its rows.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use st_deliver::rows::Rows;
use st_deliver::target::{Arrived, Opening, Target};
use st_stream::Out;

use crate::args::{self, Args};
use crate::post::Poster;
use crate::template::Template;
use st_deliver::dead_letters::DeadLetters;

/// Sends rows to a URL.
pub struct Webhook {
    poster: Poster,
    template: Option<Template>,
    whole_batch: bool,
    users_file: Option<PathBuf>,
    dead_letters: DeadLetters,
    /// Query and sink, the first part of each request's key.
    key: String,
    body: Vec<u8>,
}

impl Webhook {
    /// Refuses what can be seen to be wrong without sending anything.
    pub fn new(args: &Args) -> Result<Webhook> {
        let template = match &args.template {
            Some(text) => {
                let text = args::text_or_file(text, "--template")?;
                Some(Template::parse(text.trim_end(), args.batch)?)
            }
            None => None,
        };
        Ok(Webhook {
            poster: Poster::new(args)?,
            template,
            whole_batch: args.batch,
            users_file: args.dead_letters.clone(),
            dead_letters: DeadLetters::default(),
            key: String::new(),
            body: Vec::new(),
        })
    }

    /// Delivers a row or an array of rows; `Err` is the reason why not.
    fn send(&mut self, key: &str, whole: &[u8], count: u64) -> Result<Result<(), String>> {
        self.body.clear();
        match &self.template {
            Some(template) => template.write(&mut self.body, whole, count),
            None => self.body.extend_from_slice(whole),
        }
        self.poster.deliver(key, &self.body)
    }

    /// Keeps a row that was not delivered, or fails if that would lose it.
    fn bury(&mut self, batch: i64, reason: &str, row: &[u8], out: &mut Out) -> Result<()> {
        let host = self.poster.host();
        if !self
            .dead_letters
            .keep(batch, &format!("{host} {reason}"), row)?
        {
            bail!(
                "webhook: {host} {reason}; batch {batch} is not delivered: run the same line again when it answers, or keep such rows and go on: --dead-letters FILE"
            );
        }
        out.rejected(1);
        Ok(())
    }
}

impl Target for Webhook {
    fn format(&self) -> &'static str {
        "webhook"
    }

    fn identity(&self) -> Map<String, Value> {
        Map::from_iter([("host".to_string(), json!(self.poster.host()))])
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.key = format!("{}/{}", opening.start.query, opening.context.name);
        let last = opening.delivered.unwrap_or(opening.start.epoch);
        self.dead_letters = DeadLetters::open(opening, self.users_file.as_ref(), last)?;
        Ok(())
    }

    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>> {
        out.flush()?;
        if self.whole_batch {
            let mut all = vec![b'['];
            rows.each(|row| {
                if all.len() > 1 {
                    all.push(b',');
                }
                all.extend_from_slice(row);
                Ok(())
            })?;
            all.push(b']');
            if batch.rows > 0 {
                let key = format!("{}/{}", self.key, batch.id);
                if let Err(reason) = self.send(&key, &all, batch.rows)? {
                    rows.each(|row| self.bury(batch.id, &reason, row, out))?;
                }
            }
        } else {
            let mut number = 0u64;
            rows.each(|row| {
                let key = format!("{}/{}/{number}", self.key, batch.id);
                number += 1;
                match self.send(&key, row, 1)? {
                    Ok(()) => Ok(()),
                    Err(reason) => self.bury(batch.id, &reason, row, out),
                }
            })?;
        }
        self.dead_letters.sync()?;
        Ok(None)
    }
}
