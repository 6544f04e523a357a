//! The stage: looks a row's key up, and hands the row on as it is if the key is new.

use anyhow::Result;
use memchr::memchr_iter;
use serde_json::{Map, Value, json};
use st_expr::{KeyColumn, Schema, parse_names, suggest};
use st_row::{Fields, Spans};
use st_stream::cli::usage;
use st_stream::marker::{Batch, Bound, Mode, Start, StateFigures, Watermark};
use st_stream::{Context, Kept, Manners, Out, Stage};
use st_time::Zone;

use crate::ahead::{Ahead, Looked};
use crate::args::Arguments;
use crate::expiry::{Expiry, Rule};
use crate::saved::Saved;
use crate::seen::{NEVER, Seen};
use crate::whole::Whole;

/// Spark's `dropDuplicates`.
pub struct Dedup {
    arguments: Arguments,
    /// None for all columns.
    by: Option<Vec<String>>,
    kept: Option<Kept>,
    run: Option<Run>,
}

/// What there is once the stream has started.
struct Run {
    rule: Rule,
    zone: Zone,
    fields: Fields,
    spans: Spans,
    ahead: Ahead,
    /// The columns of the key, and where each stands among the fields.
    columns: Vec<(KeyColumn, usize)>,
    /// In their place, if the key is the whole row.
    whole: Option<Whole>,
    /// Where the moment stands among the fields.
    moment: Option<usize>,
    seen: Seen,
    saved: Option<Saved>,
    /// The watermark as of the batch before.
    mark: Option<i64>,
    duplicates: u64,
    added: u64,
}

impl Dedup {
    /// The stage that `arguments` ask for.
    ///
    /// # Errors
    /// Of the command line: `--by` is no list of columns.
    pub fn new(arguments: Arguments) -> Result<Dedup> {
        let by = arguments.by.as_deref().map(parse_names).transpose();
        let by = by.map_err(|error| usage(format!("--by: {error}")))?;
        if let Some(by) = &by
            && let Some(twice) = (1..by.len()).find(|&i| by[..i].contains(&by[i]))
        {
            return Err(usage(format!(
                "--by: `{}` is there twice: leave one out",
                by[twice]
            )));
        }
        Ok(Dedup {
            arguments,
            by,
            kept: None,
            run: None,
        })
    }

    /// Refuses what cannot work on this stream.
    fn check(&self, start: &Start) -> Result<()> {
        if start.mode != Mode::Append {
            let above = start
                .plan
                .last()
                .map_or("the stage above", |node| &node.name);
            return Err(usage(format!(
                "the rows of {above} replace earlier ones ({} mode), so none is a duplicate: \
                 give {above} --mode append, behind st-watermark",
                start.mode
            )));
        }
        if let Some(columns) = &start.columns
            && let Some(name) = self
                .by
                .iter()
                .flatten()
                .find(|name| !columns.contains(name))
        {
            let there = match suggest(name, columns.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", columns.join(", ")),
            };
            return Err(usage(format!(
                "--by: no column is called `{name}`: {there}"
            )));
        }
        Ok(())
    }
}

impl Stage for Dedup {
    fn tool(&self) -> &'static str {
        "st-dedup"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        if let Some(by) = &self.by {
            options.insert("by".to_string(), json!(by));
        }
        for (name, given) in [
            ("within_watermark", self.arguments.within_watermark),
            ("forever", self.arguments.forever),
        ] {
            if given {
                options.insert(name.to_string(), json!(true));
            }
        }
        if self.arguments.zone.tz != Zone::UTC {
            options.insert("tz".to_string(), json!(self.arguments.zone.tz.to_string()));
        }
        options
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.clone()
    }

    fn manners(&self) -> Manners {
        Manners::RowByRow
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        self.check(start)?;
        let zone = self.arguments.zone.tz;
        let rule = Rule::new(
            self.by.as_deref(),
            self.arguments.within_watermark,
            self.arguments.forever,
            start,
        )?;
        let schema = Schema::parse(&start.schema)?;
        let columns: Vec<KeyColumn> = self
            .by
            .iter()
            .flatten()
            .map(|name| KeyColumn::new(name, &schema, zone))
            .collect();
        let life = match (&rule.expiry, &rule.timed) {
            (Expiry::Key, Some(timed)) => format!("with {}", timed.column),
            (Expiry::Within(_), Some(timed)) => format!("within the watermark of {}", timed.column),
            _ => "for ever".to_string(),
        };
        let by = match &self.by {
            Some(_) => json!(
                columns
                    .iter()
                    .map(KeyColumn::definition)
                    .collect::<Vec<_>>()
            ),
            // Under other types other rows are equal.
            None => {
                let types = schema.fields.iter();
                let types = types.map(|field| (field.name.clone(), json!(field.kind.to_string())));
                json!({"all columns": types.collect::<Map<String, Value>>()})
            }
        };
        let definition = json!({
            "by": by,
            "kept": life,
            "tz": zone.to_string(),
        });
        self.kept = Some(Kept::new(definition.clone(), &[]));
        let mut seen = match rule.expiry {
            Expiry::Never => Seen::forever(),
            Expiry::Key => Seen::by_moment(0),
            Expiry::Within(delay) => Seen::until(delay),
        };
        let mut fields = Fields::new::<&str>([]);
        let mut placed = Vec::new();
        // An event time in the key is kept as the key's moment; a window's start is not told by its end.
        let apart = match &rule.timed {
            Some(timed) if rule.expiry == Expiry::Key && timed.bound == Bound::Time => {
                Some(timed.column.clone())
            }
            _ => None,
        };
        let mut values = columns.len();
        for column in columns {
            let place = fields.add(column.name());
            if apart.as_deref() != Some(column.name()) {
                placed.push((column, place));
            } else {
                values -= 1;
            }
        }
        let whole = match self.by {
            Some(_) => None,
            None => {
                values = 1;
                Some(Whole::new(schema, zone, apart))
            }
        };
        let moment = rule.timed.as_ref().map(|timed| fields.add(&timed.column));
        if rule.expiry == Expiry::Key {
            values += 1;
        }
        let saved = Saved::open(
            context,
            &definition,
            start.epoch,
            (rule.expiry, values),
            &mut seen,
        )?;
        self.run = Some(Run {
            rule,
            zone,
            fields,
            spans: Spans::default(),
            ahead: Ahead::default(),
            columns: placed,
            whole,
            moment,
            seen,
            saved,
            mark: start.mark(),
            duplicates: 0,
            added: 0,
        });
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        match &mut self.run {
            Some(run) => run.row(row, out),
            None => Ok(()),
        }
    }

    fn takes_blocks(&self) -> bool {
        true
    }

    fn reads_ahead(&self) -> bool {
        true
    }

    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        match &mut self.run {
            Some(run) => run.rows(lines, out),
            None => Ok(0),
        }
    }

    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        if let (Some(run), Some(mark)) = (&mut self.run, &mark) {
            run.mark = run.mark.max(Some(mark.time));
        }
        Ok(mark)
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        match &mut self.run {
            Some(run) => run.batch(batch, out),
            None => Ok(()),
        }
    }
}

impl Run {
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let looked = self.look(row, ahead.keys());
        ahead.push(0..row.len(), looked, &self.seen);
        self.take_all(&mut ahead, row, out)?;
        self.ahead = ahead;
        Ok(())
    }

    /// Takes lines, which end in a newline each, and says how many they are.
    fn rows(&mut self, lines: &[u8], out: &mut Out) -> Result<u64> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let (mut rows, mut start) = (0, 0);
        for end in memchr_iter(b'\n', lines) {
            let looked = self.look(&lines[start..end], ahead.keys());
            ahead.push(start..end, looked, &self.seen);
            if ahead.is_full() {
                self.take_all(&mut ahead, lines, out)?;
            }
            start = end + 1;
            rows += 1;
        }
        self.take_all(&mut ahead, lines, out)?;
        self.ahead = ahead;
        Ok(rows)
    }

    /// Finds out by what a row is known; its key is appended to `keys`.
    #[inline]
    fn look(&mut self, row: &[u8], keys: &mut Vec<u8>) -> Looked {
        if let Err(bad) = self.fields.locate(row, &mut self.spans) {
            return Looked::Bad(bad);
        }
        let time = match (&self.rule.timed, self.moment) {
            (Some(timed), Some(place)) => timed.of(self.spans.get(row, place), self.zone),
            _ => None,
        };
        if let (Some(time), Some(mark)) = (time, self.mark)
            && time <= mark
        {
            return Looked::Late(behind(time, mark));
        }
        let start = keys.len();
        if let Some(whole) = &mut self.whole
            && let Err(bad) = whole.write(row, keys)
        {
            return Looked::Bad(bad);
        }
        for (i, (column, place)) in self.columns.iter().enumerate() {
            if i > 0 {
                keys.push(b',');
            }
            column.write(self.spans.get(row, *place), keys);
        }
        let moment = match self.rule.expiry {
            Expiry::Never => NEVER,
            Expiry::Key => time.unwrap_or(NEVER),
            // As in Spark, a row without an event time is one of 1970.
            Expiry::Within(delay) => time.unwrap_or(0).saturating_add(delay),
        };
        Looked::Key {
            hash: self.seen.hash(&keys[start..], moment),
            key: start..keys.len(),
            moment,
        }
    }

    /// Hands on those of the rows, which stand in `bytes`, whose keys are new.
    fn take_all(&mut self, ahead: &mut Ahead, bytes: &[u8], out: &mut Out) -> Result<()> {
        ahead.settle(&self.seen);
        for (row, looked) in ahead.rows(bytes) {
            let (key, moment, hash) = match looked {
                Looked::Key { key, moment, hash } => (ahead.key(key), *moment, *hash),
                Looked::Late(reason) => {
                    out.late(row, reason)?;
                    continue;
                }
                Looked::Bad(bad) => {
                    out.reject(row, &bad.to_string())?;
                    continue;
                }
            };
            if !self.seen.insert_hashed(key, moment, hash)? {
                self.duplicates += 1;
                out.filtered();
                continue;
            }
            self.added += 1;
            if let Some(saved) = &mut self.saved {
                saved.put(key, moment)?;
            }
            out.row(row)?;
        }
        ahead.clear();
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out) -> Result<()> {
        let removed = match self.mark {
            Some(mark) if self.rule.expiry != Expiry::Never => {
                let saved = &mut self.saved;
                self.seen.expire(mark, |key, moment| match saved {
                    Some(saved) => saved.remove(key, moment),
                    None => Ok(()),
                })?
            }
            _ => 0,
        };
        if let Some(saved) = &mut self.saved {
            saved.close(batch.id, &self.seen)?;
        }
        out.state(StateFigures {
            rows: self.seen.len() as u64,
            updated: std::mem::take(&mut self.added),
            removed,
            bytes: self.seen.bytes() as u64,
        });
        match std::mem::take(&mut self.duplicates) {
            0 => {}
            duplicates => out.figure("duplicates", duplicates),
        }
        Ok(())
    }
}

#[cold]
fn behind(time: i64, mark: i64) -> String {
    format!(
        "event time {} is not after the watermark {}",
        instant(time),
        instant(mark)
    )
}

fn instant(micros: i64) -> String {
    let mut text = Vec::new();
    st_time::write_iso(&mut text, micros, Zone::UTC);
    String::from_utf8_lossy(&text).into_owned()
}
