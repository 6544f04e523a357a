//! Starts the branches, copies the stream to them, waits for all, and says how it went.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow, bail};
use crossbeam_channel::{Receiver, Sender, unbounded};
use st_stream::marker::{Abort, Marker};
use st_stream::{Ending, Stop, cli, message};

use crate::args::Arguments;
use crate::branch::{self, Branch};
use crate::explained::Explained;
use crate::feed::{Cut, Feed};
use crate::intake::{Announced, End, Intake, Outlet};

/// What the threads tell.
enum Event {
    /// The first line shows whether the stream is marked.
    Marked(bool),
    /// The branches were announced in the checkpoint.
    Announced(Announced),
    /// The stream is explained.
    Explained(Box<Explained>),
    /// A stage upstream has failed; comes before the exit of any branch that heard so.
    Aborted(Abort),
    /// The input has ended; comes before the exit of any branch that saw its end.
    Input(Result<End>),
    /// A branch has ended.
    Exited(usize, std::io::Result<ExitStatus>),
    /// A branch could not be written to.
    Stuck(usize, std::io::Error),
}

/// A branch that is no success.
struct Fallen {
    index: usize,
    name: String,
    how: String,
    interrupted: bool,
}

/// Runs all branches to their end.
///
/// # Errors
/// A branch that failed; an input that broke off or was aborted; a mistake of usage.
pub fn run(arguments: Arguments) -> Result<Ending> {
    let branches = branch::parse(&arguments.branches)?;
    message::set_level(arguments.verbose);
    st_stream::take_turns();
    let stop = Stop::install()?;
    let cut: Cut = Arc::new(OnceLock::new());
    let (tell, told) = unbounded();
    let mut feeds = Vec::with_capacity(branches.len());
    for (index, branch) in branches.iter().enumerate() {
        feeds.push(start(index, branch, &cut, &tell)?);
    }
    copy(&arguments, &branches, &feeds, &cut, tell);
    let own = arguments.name.as_deref().unwrap_or("st-tee");
    let keep_going = arguments.keep_going;
    let mut watch = Watch {
        own,
        keep_going,
        branches: &branches,
        stop,
        feeds,
        cut,
        marked: true,
        aborted: None,
        announced: None,
        explained: None,
        fallen: Vec::new(),
    };
    let input = watch.follow(&told)?;
    watch.conclude(input)
}

/// Starts one branch, the thread that feeds it and the thread that waits for it.
fn start(index: usize, branch: &Branch, cut: &Cut, tell: &Sender<Event>) -> Result<Feed> {
    let mut child = Command::new("bash")
        .args(["-c", &branch.command])
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("branch {}: cannot start bash", branch.name))?;
    message::tell(1, "st-tee", || {
        format!(
            "branch {}: process {}: {}",
            branch.name,
            child.id(),
            branch.command
        )
    });
    let stdin = child
        .stdin
        .take()
        .ok_or_else(|| anyhow!("branch {}: no stdin", branch.name))?;
    let (stuck, exited) = (tell.clone(), tell.clone());
    std::thread::spawn(move || exited.send(Event::Exited(index, child.wait())));
    Ok(Feed::start(stdin, cut.clone(), move |error| {
        let _ = stuck.send(Event::Stuck(index, error));
    }))
}

/// Starts the thread that copies the input.
fn copy(
    arguments: &Arguments,
    branches: &[Branch],
    feeds: &[Feed],
    cut: &Cut,
    tell: Sender<Event>,
) {
    let mut outlets: Vec<Outlet> = branches
        .iter()
        .zip(feeds)
        .map(|(branch, feed)| Outlet {
            name: branch.name.clone(),
            feed: feed.clone(),
            open: true,
        })
        .collect();
    let (cut, name, plain) = (cut.clone(), arguments.name.clone(), arguments.plain);
    std::thread::spawn(move || {
        let found_marked = |marked| _ = tell.send(Event::Marked(marked));
        let announced = |branches| _ = tell.send(Event::Announced(branches));
        let explained = |explained| _ = tell.send(Event::Explained(Box::new(explained)));
        let heard_abort = |abort: &Abort| _ = tell.send(Event::Aborted(abort.clone()));
        let end = Intake {
            outlets: &mut outlets,
            cut,
            name,
            plain,
            found_marked: &found_marked,
            heard_abort: &heard_abort,
            explained: &explained,
            announced: &announced,
        }
        .run();
        // Said before the feeds are let go, so that it is heard before a branch that sees the end can exit.
        let _ = tell.send(Event::Input(end));
    });
}

/// Hears what happens until every branch has ended.
struct Watch<'a> {
    /// This stage's name.
    own: &'a str,
    keep_going: bool,
    branches: &'a [Branch],
    stop: Stop,
    feeds: Vec<Feed>,
    cut: Cut,
    /// Lines may be markers; so it is until the first line shows otherwise.
    marked: bool,
    aborted: Option<Abort>,
    announced: Option<Announced>,
    explained: Option<Explained>,
    fallen: Vec<Fallen>,
}

impl Watch<'_> {
    /// How the input ended, if it did before the branches.
    fn follow(&mut self, told: &Receiver<Event>) -> Result<Option<Result<End>>> {
        let mut input = None;
        let mut running = self.branches.len();
        while running > 0 {
            match told.recv()? {
                Event::Marked(marked) => self.marked = marked,
                Event::Announced(announced) => self.announced = Some(announced),
                Event::Explained(explained) => self.explained = Some(*explained),
                Event::Aborted(abort) => self.aborted = Some(abort),
                Event::Input(end) => {
                    if let Err(error) = &end {
                        self.stop_all(&message::chain(error));
                    }
                    // Only the branches' own threads hold their queues now; they end with what waits in them.
                    self.feeds.clear();
                    input = Some(end);
                }
                Event::Exited(index, status) => {
                    running -= 1;
                    message::tell(1, self.own, || {
                        let how = status
                            .as_ref()
                            .map_or_else(ToString::to_string, |status| status.to_string());
                        format!("branch {} has ended: {how}", self.branches[index].name)
                    });
                    let status = status.with_context(|| {
                        format!("branch {}: cannot wait", self.branches[index].name)
                    })?;
                    if !status.success() {
                        // A stream that is no good fails every branch; that says nothing about the branch.
                        let expected = self.aborted.is_some()
                            || matches!(input, Some(Err(_) | Ok(End::BrokenOff)));
                        self.fell(
                            index,
                            in_words(status),
                            status.code() == Some(130),
                            expected || running == 0,
                        );
                    }
                }
                Event::Stuck(index, error) => {
                    self.fell(
                        index,
                        format!("cannot be written to: {error}"),
                        false,
                        running == 1,
                    );
                }
            }
        }
        Ok(input)
    }

    /// Takes note of a failed branch; the others are stopped, unless they are to go on or it is `nothing` to them.
    fn fell(&mut self, index: usize, how: String, interrupted: bool, nothing: bool) {
        if self.fallen.iter().any(|fallen| fallen.index == index) {
            return;
        }
        let name = self.branches[index].name.clone();
        let interrupted = interrupted && self.stop.asked();
        if !nothing && !interrupted && self.cut.get().is_none() {
            if self.keep_going {
                message::say(self.own, &format!("branch {name} {how}: the others go on"));
            } else {
                self.stop_all(&format!("branch {name} {how}"));
            }
        }
        self.fallen.push(Fallen {
            index,
            name,
            how,
            interrupted,
        });
    }

    /// Ends every branch: by an abort marker, which a stage takes as the loss of its open batch; on plain input, which
    /// knows no such thing, by the end of the input.
    fn stop_all(&mut self, reason: &str) {
        let mut line = Vec::new();
        if self.marked {
            let abort = Abort {
                stage: self.own.to_string(),
                reason: reason.to_string(),
            };
            // A marker of two strings can always be written.
            let _ = Marker::Abort(abort).write(&mut line);
        }
        let _ = self.cut.set(line);
        for feed in &self.feeds {
            feed.wake();
        }
    }

    /// What all this comes to.
    fn conclude(self, input: Option<Result<End>>) -> Result<Ending> {
        if let Some(abort) = self.aborted {
            return Err(cli::aborted(abort));
        }
        match input.transpose()? {
            Some(End::BrokenOff) if self.stop.asked() => return Ok(Ending::Interrupted),
            Some(End::BrokenOff) => bail!(
                "stdin: the stream broke off without its end marker: a stage upstream died; run the same line again"
            ),
            Some(End::Whole | End::Unwanted) | None => {}
        }
        let Some(Fallen { name, how, .. }) = self.fallen.first() else {
            if let Some(announced) = &self.announced {
                announced.take_back()?;
            }
            if let Some(explained) = &self.explained {
                explained.print()?;
            }
            return Ok(Ending::Done);
        };
        if self.fallen.iter().all(|fallen| fallen.interrupted) {
            return Ok(Ending::Interrupted);
        }
        if self.keep_going && self.fallen.len() > 1 {
            let names: Vec<&str> = self
                .fallen
                .iter()
                .map(|fallen| fallen.name.as_str())
                .collect();
            bail!(
                "{} of {} branches failed: {}",
                names.len(),
                self.branches.len(),
                names.join(", ")
            );
        }
        match self.cut.get() {
            None => bail!("branch {name} {how}"),
            Some(abort) if abort.is_empty() => {
                bail!(
                    "branch {name} {how}, so the others got no more input: --keep-going lets them live"
                )
            }
            Some(_) => bail!(
                "branch {name} {how}, so the others were stopped: --keep-going lets them live"
            ),
        }
    }
}

/// A failed branch's status in words.
fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(127), _) => "failed with status 127 (no such command)".to_string(),
        (Some(code), _) => format!("failed with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_string(),
    }
}
