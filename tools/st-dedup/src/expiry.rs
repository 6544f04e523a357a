//! How long a key is remembered, and which rows come too late to be compared: decided when the stream starts.
//!
//! The rules are those of Spark's `StreamingDeduplicateExec` and `StreamingDeduplicateWithinWatermarkExec`. What would keep
//! every key for ever is refused unless the user says so.

use anyhow::{Result, anyhow};
use st_expr::{event_time, window_end};
use st_stream::cli::usage;
use st_stream::marker::{Bound, Declared, Start};
use st_time::{Duration, Zone};

/// The column that stands for a row's place in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Its name.
    pub column: String,
    /// Whether it is an event time or a window.
    pub bound: Bound,
}

impl Timed {
    /// The moment of a row, from the raw value of the column.
    #[inline]
    pub fn of(&self, raw: Option<&[u8]>, zone: Zone) -> Option<i64> {
        match self.bound {
            Bound::Time => event_time(raw?, zone),
            Bound::Window => window_end(raw?, zone),
        }
    }
}

/// When a key is forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expiry {
    /// Never.
    Never,
    /// When the watermark reaches the moment in the key.
    Key,
    /// When the watermark is this many microseconds past the moment of the key's first row.
    Within(i64),
}

/// What holds for all rows of a stream.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where a row's moment is; rows at or before the watermark are late.
    pub timed: Option<Timed>,
    /// When keys are forgotten.
    pub expiry: Expiry,
}

impl Rule {
    /// The rule for keys of the columns `by`, or of all, in the stream that `start` announces.
    ///
    /// # Errors
    /// Of the command line: a watermark is missing, or no watermark would ever let a key go and `forever` is not given.
    pub fn new(by: Option<&[String]>, within: bool, forever: bool, start: &Start) -> Result<Rule> {
        let bounded = |declared: &&Declared| !declared.columns.is_empty();
        let mut watermarks = start.watermarks.iter().filter(bounded);
        let watermark = watermarks.next();
        if within {
            let Some(watermark) = watermark else {
                return Err(usage(
                    "--within-watermark: there is no watermark: put st-watermark TIME '10 minutes' before it",
                ));
            };
            if let Some(other) = watermarks.next() {
                return Err(usage(format!(
                    "--within-watermark: `{}` and `{}` have a watermark each: leave one of the two out",
                    watermark.columns[0].0, other.columns[0].0
                )));
            }
            let delay: Duration = watermark
                .delay
                .parse()
                .map_err(|error| anyhow!("stdin: the delay of the watermark: {error}"))?;
            return Ok(Rule {
                timed: first(watermark),
                expiry: Expiry::Within(delay.as_micros_watermark()),
            });
        }
        let among_keys = match by {
            None => watermark.and_then(first),
            Some(by) => by.iter().find_map(|column| {
                let (_, bound) = start.bound(column)?;
                Some(Timed {
                    column: column.clone(),
                    bound,
                })
            }),
        };
        if among_keys.is_some() {
            return Ok(Rule {
                timed: among_keys,
                expiry: Expiry::Key,
            });
        }
        if !forever {
            return Err(usage(unbounded(by, watermark)));
        }
        Ok(Rule {
            timed: watermark.and_then(first),
            expiry: Expiry::Never,
        })
    }
}

fn first(watermark: &Declared) -> Option<Timed> {
    let (column, bound) = watermark.columns.first()?;
    Some(Timed {
        column: column.clone(),
        bound: *bound,
    })
}

/// Why no key would ever be forgotten, and the ways out.
fn unbounded(by: Option<&[String]>, watermark: Option<&Declared>) -> String {
    let Some(by) = by else {
        return "without a watermark every row would be kept for ever: \
                put st-watermark TIME '10 minutes' before it, or say --forever"
            .to_string();
    };
    let by = by.join(", ");
    match watermark {
        Some(watermark) => {
            let column = &watermark.columns[0].0;
            format!(
                "--by '{by}': without the event time among them every key would be kept for ever: \
                 --by '{by}, {column}', or --within-watermark to forget keys after {}, or --forever to keep them",
                watermark.delay
            )
        }
        None => format!(
            "--by '{by}': without a watermark every key would be kept for ever: \
             put st-watermark TIME '10 minutes' before it and add --within-watermark, or say --forever"
        ),
    }
}
