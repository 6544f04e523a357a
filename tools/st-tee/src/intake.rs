//! Standard input, copied block by block to all branches; only the first line is read, to name each branch in it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use serde_json::{Map, Value};
use st_checkpoint::{Durability, QueryDir};
use st_stream::marker::{self, Abort, Marker, Node, Start};

use crate::explained::Explained;
use crate::feed::{Block, Cut, Feed};
use crate::tail::{Ended, Tail};

/// How much is read at once.
const BLOCK: usize = 128 * 1024;

/// A line longer than this is passed on in pieces.
const LINE: usize = 1024 * 1024;

/// One branch as the intake knows it.
pub struct Outlet {
    /// The branch's name.
    pub name: String,
    /// Where its bytes go.
    pub feed: Feed,
    /// False once the branch reads no more.
    pub open: bool,
}

/// The branches whose sinks are awaited, under their names in the query.
pub struct Announced {
    dir: QueryDir,
    names: Vec<String>,
}

impl Announced {
    /// Takes back what no sink took back: the branch has ended well without one.
    pub fn take_back(&self) -> Result<()> {
        self.names.iter().try_for_each(|name| self.dir.joined(name))
    }
}

/// How the input ended.
#[derive(Debug)]
pub enum End {
    /// At its end.
    Whole,
    /// The marked stream has no end.
    BrokenOff,
    /// No branch reads it any more, or one has failed.
    Unwanted,
}

/// Copies standard input to all outlets until it ends.
pub struct Intake<'a> {
    /// All branches.
    pub outlets: &'a mut [Outlet],
    /// Set when a branch has failed.
    pub cut: Cut,
    /// This stage's name, if it was given one.
    pub name: Option<String>,
    /// No line is a marker.
    pub plain: bool,
    /// Called with what the first line shows: whether lines may be markers.
    pub found_marked: &'a dyn Fn(bool),
    /// Called with an abort before any branch can have it.
    pub heard_abort: &'a dyn Fn(&Abort),
    /// Called if the stream is explained, with its start, this stage's name, and where each branch writes its plan.
    pub explained: &'a dyn Fn(Explained),
    /// Called with what was announced, before any branch has its start.
    pub announced: &'a dyn Fn(Announced),
}

impl Intake<'_> {
    /// Runs to the end of the input.
    ///
    /// # Errors
    /// Input that cannot be read, or whose first line is no way to begin; every branch has then been told by an abort.
    pub fn run(&mut self) -> Result<End> {
        let mut block = Vec::with_capacity(BLOCK);
        let marked = !self.plain && first_line(&mut block)?;
        (self.found_marked)(marked);
        let mut tail = Tail::default();
        if marked && !self.begin(&mut block, &mut tail)? {
            return Ok(End::Unwanted);
        }
        // The first line was read with what came with it.
        let mut more = true;
        loop {
            let end = match memchr::memrchr(b'\n', &block) {
                _ if !more => block.len(),
                Some(at) => at + 1,
                None if block.len() > LINE => block.len(),
                None => {
                    more = read(&mut block)?;
                    continue;
                }
            };
            let mut next = Vec::with_capacity(BLOCK.max(2 * (block.len() - end)));
            next.extend_from_slice(&block[end..]);
            block.truncate(end);
            if marked {
                tail.follow(&block);
                if let Ended::Aborted(abort) = tail.ended() {
                    (self.heard_abort)(&abort);
                }
            }
            if !self.send(std::mem::replace(&mut block, next)) {
                return Ok(End::Unwanted);
            }
            if !more {
                break;
            }
            more = read(&mut block)?;
        }
        let broken = marked && tail.ended() == Ended::BrokenOff;
        Ok(if broken { End::BrokenOff } else { End::Whole })
    }

    /// Takes the first line, a marker, off `block` and sends each branch its own; false if no branch wants it.
    fn begin(&mut self, block: &mut Vec<u8>, tail: &mut Tail) -> Result<bool> {
        let end = memchr::memchr(b'\n', block).map_or(block.len(), |at| at + 1);
        let first: Vec<u8> = block.drain(..end).collect();
        tail.follow(&first);
        let line = first.strip_suffix(b"\n").unwrap_or(&first);
        match Marker::parse(line)? {
            Marker::Start(start) => {
                let name = stage_name(self.name.as_deref(), &start);
                let names: Vec<&str> = self.outlets.iter().map(|o| o.name.as_str()).collect();
                if let Some(announced) = announce(&start, &names)? {
                    (self.announced)(announced);
                }
                let explained = Explained::of(&start, &name, &names)?;
                for (number, outlet) in self.outlets.iter_mut().enumerate() {
                    let into = explained
                        .as_ref()
                        .map(|explained| &explained.plans[number].1);
                    let line = start_of(&start, &name, &outlet.name, into)?;
                    outlet.open = outlet.feed.send(Arc::new(line));
                }
                if let Some(explained) = explained {
                    (self.explained)(explained);
                }
            }
            Marker::Abort(abort) => {
                (self.heard_abort)(&abort);
                self.send(first);
            }
            _ => bail!(
                "stdin: the stream does not begin with its start marker: did a filter drop the first line? keep lines that begin with {{\"$st\":"
            ),
        }
        Ok(self.wanted())
    }

    /// Sends bytes to every branch that still reads; false if there is none.
    fn send(&mut self, bytes: Vec<u8>) -> bool {
        if bytes.is_empty() {
            return self.wanted();
        }
        let block: Block = Arc::new(bytes);
        for outlet in self.outlets.iter_mut().filter(|outlet| outlet.open) {
            outlet.open = outlet.feed.send(block.clone());
        }
        self.wanted()
    }

    fn wanted(&self) -> bool {
        self.cut.get().is_none() && self.outlets.iter().any(|outlet| outlet.open)
    }
}

/// This stage's name behind the ones of `start`'s plan.
pub fn stage_name(given: Option<&str>, start: &Start) -> String {
    let own = given.unwrap_or("st-tee");
    match &start.branch {
        Some(branch) => format!("{branch}.{own}"),
        None => own.to_string(),
    }
}

/// A branch's name within the whole query.
fn full_name(start: &Start, branch: &str) -> String {
    match &start.branch {
        Some(outer) => format!("{outer}.{branch}"),
        None => branch.to_string(),
    }
}

/// Makes the floor wait for the sinks of all branches (`docs/CHECKPOINTS.md`, joining).
fn announce(start: &Start, branches: &[&str]) -> Result<Option<Announced>> {
    let Some(path) = &start.checkpoint else {
        return Ok(None);
    };
    let dir = start.open_checkpoint(path, Durability::Power)?;
    let names: Vec<String> = branches
        .iter()
        .map(|branch| full_name(start, branch))
        .collect();
    let scope = start
        .branch
        .as_ref()
        .map_or(String::new(), |outer| format!("{outer}."));
    dir.keep_joining(|announced| {
        // A branch that is split again has its parts announced under its own name.
        let part = |name: &String| announced == name || announced.starts_with(&format!("{name}."));
        !announced.starts_with(&scope) || names.iter().any(part)
    })?;
    for name in &names {
        dir.joining(name, start.epoch)?;
    }
    if let Some(outer) = &start.branch {
        dir.joined(outer)?;
    }
    Ok(Some(Announced { dir, names }))
}

/// The start marker of one branch.
fn start_of(start: &Start, name: &str, branch: &str, plan: Option<&PathBuf>) -> Result<Vec<u8>> {
    let mut start = start.clone();
    if let Some(plan) = plan {
        let path = plan.to_string_lossy();
        start.rest.insert(st_plan::INTO.to_string(), path.into());
    }
    let mut options = Map::new();
    options.insert("branch".to_string(), Value::String(branch.to_string()));
    start.plan.push(Node {
        tool: "st-tee".to_string(),
        name: name.to_string(),
        options,
        rest: Map::new(),
    });
    start.branch = Some(full_name(&start, branch));
    let mut line = Vec::new();
    Marker::Start(Box::new(start)).write(&mut line)?;
    Ok(line)
}

/// Reads as much of the first line as says what it is, and all of it if it is a marker: then true.
fn first_line(block: &mut Vec<u8>) -> Result<bool> {
    loop {
        let seen = block.len().min(marker::PREFIX.len());
        if block[..seen] != marker::PREFIX[..seen] {
            return Ok(false);
        }
        let whole = seen == marker::PREFIX.len();
        if whole && memchr::memchr(b'\n', block).is_some() {
            return Ok(true);
        }
        if !read(block)? {
            return Ok(whole);
        }
    }
}

/// Reads what is there onto the end of `block`, waiting for the first byte; false at the end of the input.
fn read(block: &mut Vec<u8>) -> Result<bool> {
    block.reserve(BLOCK / 2);
    let stdin = rustix::stdio::stdin();
    loop {
        match rustix::io::read(stdin, rustix::buffer::spare_capacity(block)) {
            Ok(read) => return Ok(read > 0),
            // A first signal asks to end when the stream does.
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = rustix::event::poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None);
            }
            Err(error) => return Err(error).context("stdin: cannot read"),
        }
    }
}
