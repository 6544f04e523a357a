//! A query as a person asks for it: who it is, whether it runs, why it failed, how far each sink is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use crate::home::Home;
use crate::live::{Activity, Live};
use crate::progress::Progress;
use crate::run::{Role, Run};

/// Why a query stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: String,
    /// What it said.
    pub error: String,
    /// When, ISO-8601; empty if nobody lived to tell.
    pub time: String,
}

/// How a query stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs, and has nothing to do.
    Waiting,
    /// It runs, and the next batch may not begin yet.
    Trigger,
    /// It works on this batch.
    Processing(i64),
    /// It ended.
    Stopped,
    /// It ended before a sink had begun: a stage was refused, or the line has no sink of ours.
    Sinkless,
    /// It ended by a failure.
    Failed(Failure),
    /// What it is cannot be read, for this reason.
    Unreadable(String),
}

impl Status {
    /// One word: `waiting`, `processing`, `stopped`, `failed`, `unreadable`.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Waiting | Status::Trigger => "waiting",
            Status::Processing(_) => "processing",
            Status::Stopped | Status::Sinkless => "stopped",
            Status::Failed(_) => "failed",
            Status::Unreadable(_) => "unreadable",
        }
    }

    /// True while it runs.
    pub fn is_active(&self) -> bool {
        !matches!(
            self,
            Status::Stopped | Status::Sinkless | Status::Failed(_) | Status::Unreadable(_)
        )
    }

    /// What went wrong, if something did.
    pub fn error(&self) -> Option<&str> {
        match self {
            Status::Failed(failure) => Some(&failure.error),
            Status::Unreadable(why) => Some(why),
            _ => None,
        }
    }

    /// True while it works on a batch.
    pub fn is_processing(&self) -> bool {
        matches!(self, Status::Processing(_))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Status::Waiting => f.write_str("waiting for data"),
            Status::Trigger => f.write_str("waiting for the next trigger"),
            Status::Processing(batch) => write!(f, "processing batch {batch}"),
            Status::Stopped => f.write_str("stopped"),
            Status::Sinkless => f.write_str("stopped before a sink had begun"),
            Status::Failed(failure) => write!(f, "failed: {}: {}", failure.stage, failure.error),
            Status::Unreadable(why) => write!(f, "unreadable: {why}"),
        }
    }
}

/// One sink of a query.
#[derive(Clone, Debug)]
pub struct SinkView {
    /// Its name.
    pub name: String,
    /// The stages above it and the sink itself, the source first, as in the `start` marker: `tool`, `name`, `options`.
    pub plan: Vec<Value>,
    /// Where it delivers to, if that is a place in the file system.
    pub target: Option<PathBuf>,
    /// Its last report.
    pub last: Option<Progress>,
    /// Its last run.
    pub run: Option<Run>,
}

impl SinkView {
    /// The SQLite database and the table it fills, if it does.
    pub fn table(&self) -> Option<(PathBuf, String)> {
        let options = self.plan.last()?.get("options")?;
        let table = options.get("table")?.as_str()?.to_string();
        Some((self.target.clone()?, table))
    }
}

/// A query at the moment it was read.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its id; its checkpoint's path if that cannot be read.
    pub id: String,
    /// Its last run.
    pub run_id: String,
    /// Its checkpoint's last path component; none without a checkpoint.
    pub name: Option<String>,
    /// Its checkpoint; none without.
    pub checkpoint: Option<PathBuf>,
    /// Where its reports are.
    pub home: Home,
    /// How it stands.
    pub status: Status,
    /// Whose processes live: the names of the locks that are held.
    pub held: Vec<String>,
    /// When its last run started, ISO-8601.
    pub started: String,
    /// Its sources' last run.
    pub sources: Vec<Run>,
    /// What they do just now.
    pub live: Vec<Live>,
    /// Its sinks.
    pub sinks: Vec<SinkView>,
}

impl Query {
    /// Reads the query of a checkpoint; none if `path` is no query's checkpoint.
    pub fn of_checkpoint(path: &Path) -> Option<Query> {
        let path = path.canonicalize().ok()?;
        let home = Home::new(&path);
        let found = home.query_id().transpose()?;
        let name = path.file_name()?.to_string_lossy().into_owned();
        let id = match &found {
            Ok(id) => id.clone(),
            Err(_) => path.display().to_string(),
        };
        let mut query = Query::read(home, &[], id);
        if let Err(error) = found {
            query.status = Status::Unreadable(format!("{error:#}"));
        }
        query.name = Some(name);
        query.checkpoint = Some(path);
        Some(query)
    }

    /// Reads the query at `home`. `parts` are further homes of the same run, with the names that stages have in the whole.
    pub(crate) fn read(
        home: Home,
        parts: &[(Home, BTreeMap<String, String>)],
        id: String,
    ) -> Query {
        let mut runs = home.runs();
        let mut live: Vec<Live> = home.live().into_values().collect();
        let mut held = home.held();
        for (part, names) in parts {
            let whole = |name: String| names.get(&name).cloned().unwrap_or(name);
            for mut run in part.runs().into_values() {
                run.stage = whole(run.stage);
                if let Some(end) = &mut run.end {
                    end.stage = end.stage.take().map(whole);
                }
                runs.entry(run.stage.clone()).or_insert(run);
            }
            live.extend(part.live().into_values());
            held.extend(part.held().into_iter().map(whole));
        }
        let running = !held.is_empty();
        let sources: Vec<Run> = runs
            .values()
            .filter(|run| run.role == Role::Source)
            .cloned()
            .collect();
        // Several sources of one query are several runs in name; the sinks know the one that leads.
        let first = sources.iter().map(|run| run.started.as_str()).min();
        let since = first.unwrap_or_default().to_string();
        let sinks_first = runs
            .values()
            .filter(|run| run.role == Role::Sink && run.started >= since)
            .chain(&sources);
        let leading = sinks_first.map(|run| run.run_id.clone()).next();
        let (run_id, started) = (leading.unwrap_or_default(), since.clone());
        let failure = if running {
            None
        } else {
            failure(runs.values().filter(|run| run.started >= since))
        };
        let has_sink = runs
            .values()
            .any(|run| run.role == Role::Sink && run.started >= since);
        let mut names = home.reporting();
        let sinks = runs.values().filter(|run| run.role == Role::Sink);
        names.extend(sinks.map(|run| run.stage.clone()));
        names.sort();
        names.dedup();
        let sinks: Vec<SinkView> = names
            .into_iter()
            .map(|name| {
                let run = runs.remove(&name).filter(|run| run.role == Role::Sink);
                SinkView {
                    plan: run.as_ref().map(|run| run.plan.clone()).unwrap_or_default(),
                    target: run.as_ref().and_then(|run| run.target.clone()),
                    last: home.last_progress(&name),
                    run,
                    name,
                }
            })
            .collect();
        let status = match failure {
            Some(failure) => Status::Failed(failure),
            None if !running && !has_sink && !sources.is_empty() => Status::Sinkless,
            None if !running => Status::Stopped,
            None => activity(&live, &sinks, &run_id),
        };
        Query {
            id,
            run_id,
            name: None,
            checkpoint: None,
            home,
            status,
            held,
            started,
            sources,
            live,
            sinks,
        }
    }

    /// What a person knows it by: its name, else what it reads, else its id's beginning.
    pub fn title(&self) -> String {
        let reports = self.sinks.iter().filter_map(|sink| sink.last.as_ref());
        let mut read = reports.flat_map(|last| &last.sources);
        let tool = || {
            let first = self.sources.first()?.plan.first()?;
            Some(first.get("tool")?.as_str()?.to_string())
        };
        let read = read.next().map(|source| source.description.clone());
        let title = self.name.clone().or(read).or_else(tool);
        title.unwrap_or_else(|| self.id.chars().take(8).collect())
    }

    /// True while a process of it lives.
    pub fn is_active(&self) -> bool {
        self.status.is_active() || !self.held.is_empty()
    }

    /// The last report, of the sink that is furthest behind if there are several; of those at the same batch one that has a
    /// watermark tells more.
    pub fn last_progress(&self) -> Option<&Progress> {
        let reports = self.sinks.iter().filter_map(|sink| sink.last.as_ref());
        reports.min_by_key(|report| {
            let has_none = report.st.watermark.is_none();
            (report.run_id != self.run_id, report.batch_id, has_none)
        })
    }

    /// The reports of one of its sinks, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn progress(&self, sink: &str) -> Result<Vec<Progress>> {
        self.home.progress(sink)
    }

    /// What its status was told from, in words, on one line.
    pub fn evidence(&self) -> String {
        let mut parts = vec![match self.held.join(", ") {
            held if held.is_empty() => "no lock is held".to_string(),
            held => format!("locks held: {held}"),
        }];
        for live in &self.live {
            let does = match live.state {
                Activity::Waiting => "waits for data",
                Activity::Trigger => "waits for the trigger",
                Activity::Reading => "reads",
            };
            parts.push(format!(
                "at {} a source {does}, batch {}, {} rows of it",
                live.time, live.batch, live.rows
            ));
        }
        for sink in &self.sinks {
            parts.push(match &sink.last {
                Some(last) => format!("{} delivered batch {}", sink.name, last.batch_id),
                None => format!("{} has no report", sink.name),
            });
        }
        let runs = self.sources.iter();
        for run in runs.chain(self.sinks.iter().filter_map(|sink| sink.run.as_ref())) {
            parts.push(match run.end.as_ref().map(|end| &end.error) {
                None => format!("{} has not said how it ended", run.stage),
                Some(None) => format!("{} ended well", run.stage),
                Some(Some(_)) => format!("{} ended with an error", run.stage),
            });
        }
        parts.join("; ")
    }

    /// The last batch that was delivered everywhere; −1 for none.
    pub fn batch_id(&self) -> i64 {
        self.last_progress().map_or(-1, |report| report.batch_id)
    }
}

/// What a running query does: the source reads, or a batch that it has handed on is not delivered yet.
fn activity(live: &[Live], sinks: &[SinkView], run_id: &str) -> Status {
    let Some(source) = live.iter().max_by_key(|live| live.batch) else {
        return Status::Waiting;
    };
    let delivered = sinks
        .iter()
        .filter_map(|sink| sink.last.as_ref())
        .filter(|report| report.run_id == run_id)
        .map(|report| report.batch_id)
        .min();
    // Batches before the run's first were delivered by earlier ones; without any report the first is on its way.
    let behind = delivered.map_or(source.batch > 0 && source.rows == 0, |batch| {
        batch + 1 < source.batch
    });
    match (source.state, behind) {
        (_, true) => Status::Processing(delivered.map_or(source.batch - 1, |batch| batch + 1)),
        // It may not have said yet that it is done with a batch that everybody has.
        (Activity::Reading, _) if source.rows > 0 && delivered < Some(source.batch) => {
            Status::Processing(source.batch)
        }
        (Activity::Trigger, _) => Status::Trigger,
        _ => Status::Waiting,
    }
}

/// Why the stages of a run that is over ended: what the failed stage itself said, else what reached the others, else that one
/// was killed.
fn failure<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<Failure> {
    let mut failures: Vec<(u8, Failure)> = Vec::new();
    for run in runs {
        let Some(end) = &run.end else {
            if run.role == Role::Sink {
                failures.push((
                    2,
                    Failure {
                        stage: run.stage.clone(),
                        error: "was killed, or the machine went down: run the same line again"
                            .into(),
                        time: String::new(),
                    },
                ));
            }
            continue;
        };
        if let Some(error) = &end.error {
            let stage = end.stage.clone().unwrap_or_else(|| run.stage.clone());
            let rank = u8::from(stage != run.stage);
            failures.push((
                rank,
                Failure {
                    stage,
                    error: error.clone(),
                    time: end.time.clone(),
                },
            ));
        }
    }
    let first = failures
        .into_iter()
        .min_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.time.cmp(&y.time)));
    first.map(|(_, failure)| failure)
}
