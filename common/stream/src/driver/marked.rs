//! The rules of a marked stream. Each error names the marker that is missing or out of place.

use std::time::Instant;

use anyhow::{Result, bail};
use st_checkpoint::fail_point;

use st_monitor::Role;

use super::{Aborted, Driver, Ending, Interrupted, name_of};
use crate::marker::{self, Batch, Begin, Marker, Start, Watermark};
use crate::message;
use crate::reader::Next;
use crate::shown::Shown;
use crate::stage::Stage;

/// Where the stream stands.
struct Position {
    /// The batch that has begun and not ended.
    open: Option<Open>,
    /// The id the next batch must have.
    next: i64,
    /// The mark as upstream last gave it.
    mark: Option<i64>,
    /// The mark as this stage last gave it.
    given: Option<i64>,
    /// The greatest batch clock so far.
    clock: i64,
}

struct Open {
    begin: Begin,
    since: Instant,
    watermark: Option<Watermark>,
}

impl<S: Stage> Driver<S> {
    pub(super) fn marked(&mut self, mut start: Start) -> Result<Ending> {
        self.marks = !self.stage.manners().is_sink();
        let role = if self.marks { Role::Stage } else { Role::Sink };
        self.shown = Shown::of(&start, role, &self.name);
        if let Some(own) = &self.options.checkpoint {
            bail!(
                "--checkpoint {}: the stream is a query with a source of its own: give --checkpoint to its source ({})",
                own.display(),
                start
                    .plan
                    .first()
                    .map_or("the first stage", |node| node.tool.as_str())
            );
        }
        if self.options.trigger.is_some() {
            bail!(
                "--trigger: the batches of a marked stream are cut by its source: give --trigger there"
            );
        }
        let mut position = Position {
            open: None,
            next: start.epoch + 1,
            mark: start.mark(),
            given: None,
            clock: i64::MIN,
        };
        self.start_stage(&mut start, true, None)?;
        if self.marks && !self.options.quiet {
            message::wire(&self.name, start.explain.is_some());
        }
        if start.explain.is_some() {
            return self.explained(start);
        }
        position.given = start.mark();
        self.hand_on(&Marker::Start(Box::new(start)))?;
        let blocks = self.stage.takes_blocks();
        if self.stage.reads_ahead() {
            self.reader.read_ahead();
        }
        if self.stage.passes_rows() && self.out.writer.splices() {
            self.reader.double();
        }
        loop {
            if blocks
                && position.open.is_some()
                && let Some((lines, doubled)) = self.reader.lines()
            {
                self.out.doubled = doubled;
                let rows = self.stage.rows(lines, &mut self.out)?;
                self.out.doubled = None;
                (0..rows).for_each(|_| fail_point("stage.row"));
                self.out.figures.rows_in += rows;
                continue;
            }
            match self.reader.line()? {
                Next::Empty => {
                    self.out.flush()?;
                    let wake = self.stage.idle();
                    self.reader.wait(wake)?;
                }
                Next::Line(line) if marker::is_marker(line) => {
                    let marker = Marker::parse(line)?;
                    if self.obey(marker, &mut position)? {
                        return self.finish();
                    }
                }
                Next::Line(line) => {
                    if position.open.is_none() {
                        bail!(
                            "stdin: a row outside a batch: was a begin marker dropped? {}",
                            marker::quote(line)
                        );
                    }
                    fail_point("stage.row");
                    self.out.figures.rows_in += 1;
                    self.stage.row(line, &mut self.out)?;
                }
                Next::TooLong(beginning, length) => {
                    let reason = format!("line of {length} bytes is too long");
                    self.out.figures.rows_in += 1;
                    self.out.reject(beginning, &reason)?;
                }
                Next::Eof => {
                    if self.stop.asked() {
                        return Err(Interrupted.into());
                    }
                    match &position.open {
                        Some(open) => bail!(
                            "stdin: the stream broke off in batch {}, which is discarded: a stage upstream died; run the same line again",
                            open.begin.id
                        ),
                        None => bail!(
                            "stdin: the stream broke off without its end marker: a stage upstream died; run the same line again"
                        ),
                    }
                }
            }
        }
    }

    /// Follows one marker; true at the end of the stream.
    fn obey(&mut self, marker: Marker, position: &mut Position) -> Result<bool> {
        match marker {
            Marker::Begin(begin) => {
                if let Some(open) = &position.open {
                    bail!(
                        "stdin: batch {} begins before batch {} has ended: a batch marker was dropped",
                        begin.id,
                        open.begin.id
                    );
                }
                if begin.id != position.next {
                    bail!(
                        "stdin: batch {} begins where batch {} was due: markers were dropped or repeated",
                        begin.id,
                        position.next
                    );
                }
                if begin.time < position.clock {
                    bail!(
                        "stdin: the clock of batch {} is earlier than that of the batch before",
                        begin.id
                    );
                }
                position.clock = begin.time;
                let since = self.begin_figures(begin.id);
                self.stage.begin(&begin)?;
                self.hand_on(&Marker::Begin(begin.clone()))?;
                position.open = Some(Open {
                    begin,
                    since,
                    watermark: None,
                });
            }
            Marker::Watermark(watermark) => {
                let Some(open) = &mut position.open else {
                    bail!(
                        "stdin: a watermark outside a batch: a begin or batch marker was dropped"
                    );
                };
                if open.watermark.is_some() {
                    bail!("stdin: two watermarks in batch {}", open.begin.id);
                }
                if position.mark.is_some_and(|mark| watermark.time < mark) {
                    bail!("stdin: the watermark of batch {} goes back", open.begin.id);
                }
                open.watermark = Some(watermark);
            }
            Marker::Batch(batch) => {
                let Some(open) = position.open.take() else {
                    bail!(
                        "stdin: batch {} ends and has not begun: its begin marker was dropped",
                        batch.id
                    );
                };
                self.close(batch, open, position)?;
            }
            Marker::End => {
                if let Some(open) = &position.open {
                    bail!(
                        "stdin: the stream ends within batch {}: its batch marker was dropped",
                        open.begin.id
                    );
                }
                return Ok(true);
            }
            Marker::Abort(abort) => {
                return Err(Aborted {
                    abort,
                    passed_on: self.marks,
                }
                .into());
            }
            Marker::Start(_) => bail!(
                "stdin: a second start marker: two streams were joined by cat? use one source, or st-union"
            ),
        }
        Ok(false)
    }

    fn close(&mut self, mut batch: Batch, open: Open, position: &mut Position) -> Result<()> {
        if batch.id != open.begin.id {
            bail!(
                "stdin: batch {} ends where batch {} has begun: markers were dropped",
                batch.id,
                open.begin.id
            );
        }
        let mark = open
            .watermark
            .as_ref()
            .map(|watermark| watermark.time)
            .or(position.mark);
        if batch.watermark != mark {
            bail!(
                "stdin: the watermark line of batch {} is missing: did a filter drop it?",
                batch.id
            );
        }
        position.mark = mark;
        position.next = batch.id + 1;
        self.seal(&mut batch, open.watermark, open.since, &mut position.given)
    }

    /// The stage's work at a barrier, then both markers.
    pub(super) fn seal(
        &mut self,
        batch: &mut Batch,
        watermark: Option<Watermark>,
        since: Instant,
        given: &mut Option<i64>,
    ) -> Result<()> {
        fail_point("stage.before_batch");
        let barrier = Instant::now();
        let watermark = self.stage.watermark(watermark, &mut self.out)?;
        self.stage.batch(batch, &mut self.out)?;
        self.out.sync_sides()?;
        fail_point("stage.after_batch");
        if let Some(watermark) = watermark
            && given.is_none_or(|given| given < watermark.time)
        {
            *given = Some(watermark.time);
            self.hand_on(&Marker::Watermark(watermark))?;
        }
        self.out.figures.ms = since.elapsed().as_millis() as u64;
        self.out.figures.us = Some(self.meter.lap(
            self.reader.take_waited(),
            self.out.writer.take_waited(),
            barrier.elapsed(),
        ));
        self.tell_batch(batch, *given);
        batch.watermark = *given;
        batch.stages.push(std::mem::take(&mut self.out.figures));
        self.stage.closed(batch)?;
        self.hand_on(&Marker::Batch(batch.clone()))?;
        self.out.flush()
    }

    /// An explained stream has a start and an end. The end of the pipeline prints the plan once it has seen both.
    fn explained(&mut self, start: Start) -> Result<Ending> {
        self.hand_on(&Marker::Start(Box::new(start.clone())))?;
        self.out.flush()?;
        loop {
            match self.reader.line()? {
                Next::Empty => {
                    self.reader.wait(None)?;
                }
                Next::Line(line) if marker::is_marker(line) => match Marker::parse(line)? {
                    Marker::End => break,
                    Marker::Abort(abort) => {
                        let passed_on = self.marks;
                        return Err(Aborted { abort, passed_on }.into());
                    }
                    other => bail!(
                        "stdin: marker {} in a stream that is explained, which has no batches",
                        name_of(&other)
                    ),
                },
                Next::Line(_) | Next::TooLong(..) => {
                    bail!("stdin: a row in a stream that is explained, which has none")
                }
                Next::Eof if self.stop.asked() => return Err(Interrupted.into()),
                Next::Eof => bail!(
                    "stdin: the stream broke off without its end marker: a stage upstream died; run the same line again"
                ),
            }
        }
        self.stage.explain(&start, &mut self.out)?;
        self.close_stream()
    }

    /// With `-v`: what a batch came to.
    fn tell_batch(&self, batch: &Batch, mark: Option<i64>) {
        let figures = &self.out.figures;
        message::tell(1, &self.name, || {
            let mut text = format!(
                "batch {}{}: {} rows in, {} out",
                batch.id,
                if batch.last { " (final)" } else { "" },
                figures.rows_in,
                figures.rows_out
            );
            for (count, word) in [
                (figures.filtered, "filtered"),
                (figures.late, "late"),
                (figures.bad, "bad"),
            ] {
                if count > 0 {
                    text.push_str(&format!(", {count} {word}"));
                }
            }
            if let Some(state) = figures.state {
                text.push_str(&format!(
                    "; holds {} keys, {} updated, {} removed",
                    state.rows, state.updated, state.removed
                ));
            }
            if let Some(mark) = mark {
                text.push_str(&format!("; watermark {}", crate::instant::text(mark)));
            }
            text
        });
        message::tell(2, &self.name, || {
            let us = figures.us.unwrap_or_default();
            format!(
                "batch {}: {} ms since its begin; busy {} us, waited {} us for input, {} us for output; closing took {} us",
                batch.id, figures.ms, us.busy, us.wait_in, us.wait_out, us.barrier
            )
        });
    }

    /// After `end`: the stage's own work, then the marker, then nothing may follow.
    fn finish(&mut self) -> Result<Ending> {
        self.stage.end(&mut self.out)?;
        self.close_stream()
    }

    fn close_stream(&mut self) -> Result<Ending> {
        self.hand_on(&Marker::End)?;
        self.out.flush()?;
        loop {
            match self.reader.line()? {
                Next::Empty => {
                    self.reader.wait(None)?;
                }
                Next::Eof => return Ok(Ending::Done),
                Next::Line(line) => {
                    let what = match Marker::parse(line) {
                        Ok(marker) if marker::is_marker(line) => {
                            format!("marker {}", name_of(&marker))
                        }
                        _ => marker::quote(line),
                    };
                    bail!("stdin: {what} after the end of the stream");
                }
                Next::TooLong(..) => bail!("stdin: a line after the end of the stream"),
            }
        }
    }

    fn hand_on(&mut self, marker: &Marker) -> Result<()> {
        if self.marks {
            self.out.marker(marker)
        } else {
            Ok(())
        }
    }
}
