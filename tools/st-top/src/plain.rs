//! Lines instead of the view: once, or whenever a query has changed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use st_stream::{Ending, Stop, Writer, message};

use crate::args::Arguments;
use crate::columns::{COLUMNS, HISTORY_PLACE, cells};
use crate::figures::Seen;
use crate::gather::Gather;
use crate::table::{Column, lay};
use crate::text::{now, plain, width};

/// So often it is asked whether to end.
const BREATH: Duration = Duration::from_millis(50);

/// Prints until it is asked to end, or once.
///
/// # Errors
/// A folder that cannot be listed; an output that cannot be written.
pub fn run(arguments: &Arguments, mut gather: Gather) -> Result<Ending> {
    message::set_level(u8::from(arguments.verbose));
    let stop = Stop::install()?;
    let mut stdout = Writer::stdout()?;
    let mut lines = Lines::default();
    let mut told = HashSet::new();
    loop {
        let mut seen = gather.look()?;
        arguments.sort.sort(&mut seen, false);
        lines.write(&seen, &now(), stdout.buffer());
        stdout.flush()?;
        let mut closed = std::mem::take(&mut gather.closed);
        // The last one is said by who ends with it.
        let last = closed.pop_if(|_| arguments.once);
        for error in closed {
            let text = message::chain(&error);
            if told.insert(text.clone()) {
                message::say("st-top", &text);
            }
        }
        if arguments.once {
            return last.map_or(Ok(Ending::Done), Err);
        }
        let next = Instant::now() + arguments.interval;
        while Instant::now() < next {
            if stop.asked() {
                return Ok(Ending::Interrupted);
            }
            if stdout.is_closed() {
                return Ok(Ending::Done);
            }
            std::thread::sleep(BREATH.min(next.saturating_duration_since(Instant::now())));
        }
    }
}

/// What was printed last of each query.
#[derive(Default)]
pub struct Lines {
    begun: bool,
    /// How wide each column has been.
    widest: Vec<usize>,
    last: HashMap<PathBuf, Vec<String>>,
}

impl Lines {
    /// Appends a line for each query that is not as it was, under a heading the first time.
    pub fn write(&mut self, seen: &[Seen], time: &str, out: &mut Vec<u8>) {
        let mut columns: Vec<Column> = COLUMNS.to_vec();
        columns.remove(HISTORY_PLACE);
        let mut rows = Vec::new();
        for seen in seen {
            let mut row = cells(seen);
            row.remove(HISTORY_PLACE);
            let home = seen.query.home.path().to_path_buf();
            if self.last.get(&home) != Some(&row) {
                message::tell(1, "st-top", || {
                    let (name, query) = (plain(&seen.name()), &seen.query);
                    format!("{name}: {}: {}", query.status.word(), query.evidence())
                });
                self.last.insert(home, row.clone());
                rows.push(row);
            }
        }
        self.widest.resize(columns.len(), 0);
        for (i, column) in columns.iter_mut().enumerate() {
            let need = rows.iter().map(|row| width(&row[i])).max().unwrap_or(0);
            self.widest[i] = self.widest[i].max(need).max(column.least);
            // A name that is cut could not be searched for.
            (column.least, column.most) = (self.widest[i], usize::MAX);
        }
        let laid = lay(&columns, &rows, usize::MAX);
        let times = std::iter::once("TIME").chain(std::iter::repeat(time));
        let skipped = usize::from(std::mem::replace(&mut self.begun, true));
        for (time, line) in times.zip(laid).skip(skipped) {
            out.extend_from_slice(format!("{time:<20}  {line}\n").as_bytes());
        }
    }
}
