//! Who waits for whom: where each stage's time went over the last batches.
//!
//! A stage that is busy nearly all the time holds up the others: those before it wait until it takes their rows, those behind
//! it until it has some for them.

use st_monitor::Progress;

/// So many batches are summed up: one alone may be an exception.
const BATCHES: usize = 10;

/// A stage with less than this share of its time does not count as held up, or as holding up.
const MUCH: f64 = 0.5;

/// One stage's time, milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageLoad {
    /// Its name.
    pub name: String,
    /// Its program.
    pub tool: String,
    /// Neither of the following.
    pub busy: f64,
    /// Nothing came.
    pub wait_in: f64,
    /// Nobody took what it wrote.
    pub wait_out: f64,
    /// Of the first and the last: closing batches.
    pub barrier: f64,
}

impl StageLoad {
    /// The shares of its time: busy, waiting for input, waiting for output. Nothing if there was no time.
    pub fn shares(&self) -> Option<[f64; 3]> {
        let whole = self.busy + self.wait_in + self.wait_out;
        (whole > 0.0).then(|| [self.busy, self.wait_in, self.wait_out].map(|part| part / whole))
    }
}

/// All stages, source first, sink last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// So many batches are in it.
    pub batches: usize,
    /// The stages.
    pub stages: Vec<StageLoad>,
}

impl Load {
    /// Sums up the last batches of the run that reported last.
    pub fn over(reports: &[Progress]) -> Load {
        let Some(last) = reports.last() else {
            return Load::default();
        };
        let stages = last.st.stages.iter().map(|stage| StageLoad {
            name: stage.name.clone(),
            tool: stage.tool.clone(),
            ..StageLoad::default()
        });
        let mut load = Load {
            batches: 0,
            stages: stages.collect(),
        };
        let run = reports
            .iter()
            .rev()
            .take_while(|report| report.run_id == last.run_id);
        for report in run.take(BATCHES) {
            load.batches += 1;
            for stage in &report.st.stages {
                if let Some(sum) = load.stages.iter_mut().find(|sum| sum.name == stage.name) {
                    sum.busy += stage.busy_ms.max(0.0);
                    sum.wait_in += stage.wait_in_ms.max(0.0);
                    sum.wait_out += stage.wait_out_ms.max(0.0);
                    sum.barrier += stage.barrier_ms.max(0.0);
                }
            }
        }
        load
    }

    /// The stage that was busy longest, and the share of its time that this was. The time counts and not the share: in a run
    /// that is over soon a source has nothing to wait for.
    pub fn busiest(&self) -> Option<(&StageLoad, f64)> {
        let shares = self.stages.iter();
        shares
            .filter_map(|stage| Some((stage, stage.shares()?[0])))
            // Of equals the one nearer to the source.
            .rev()
            .max_by(|a, b| a.0.busy.total_cmp(&b.0.busy))
    }

    /// What that means, in a sentence.
    pub fn verdict(&self) -> String {
        let Some((busiest, share)) = self.busiest() else {
            return "Nothing is measured yet.".into();
        };
        let name = &busiest.name;
        let percent = share * 100.0;
        if share < MUCH {
            let first = self
                .stages
                .first()
                .filter(|first| first.shares().is_some_and(|[_, input, _]| input >= MUCH));
            return match first {
                Some(source) => format!(
                    "All keep up: {} waits for data or the next trigger; the busiest is {name}, {percent:.0}%.",
                    source.name
                ),
                None => {
                    format!("No stage holds up the others; the busiest is {name}, {percent:.0}%.")
                }
            };
        }
        let mut text = format!("{name} is the bottleneck, busy {percent:.0}% of the time");
        let place = self.stages.iter().position(|stage| stage.name == *name);
        let (before, behind) = self.stages.split_at(place.unwrap_or(0));
        let waiting = |stages: &[StageLoad], which: usize, why: &str| {
            let held = stages.iter().filter(|stage| {
                stage.name != *name && stage.shares().is_some_and(|shares| shares[which] >= MUCH)
            });
            let names: Vec<&str> = held.map(|stage| stage.name.as_str()).collect();
            let (last, others) = names.split_last()?;
            Some(match others.join(", ") {
                others if others.is_empty() => format!("{last} waits {why}"),
                others => format!("{others} and {last} wait {why}"),
            })
        };
        let waiting = [
            waiting(before, 2, "until it takes rows"),
            waiting(behind, 1, "for its rows"),
        ];
        let waiting: Vec<String> = waiting.into_iter().flatten().collect();
        if !waiting.is_empty() {
            text += &format!(": {}", waiting.join("; "));
        }
        text + "."
    }
}
