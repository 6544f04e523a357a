//! Files that grow, followed by what they are and not by what they are called.
//!
//! A name leads to a file; when it leads to another one (rename, replacement) the old file is read to its end before it is let
//! go. A file that was truncated begins anew, and what was copied away before the truncation is read from the copy.

mod find;
mod followed;
mod known;
mod print;
mod record;
mod replay;
mod whereabouts;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hashbrown::HashSet;
use serde_json::{Map, Value};
use st_checkpoint::{Change, Recorded};
use st_input::{Advice, Place};
use st_stream::{Budget, Opening, Out, Read, Source, cli::usage, message};

use followed::{Followed, Step};
use known::Known;
use print::Inode;
use record::{Piece, Range};

use crate::config::Config;
use crate::files::Listing;
use crate::identity;
use crate::open::is_compressed;
use crate::roots::Root;

/// How often the names are looked at.
const NAP: Duration = Duration::from_millis(20);

/// Files people are told of in a batch's offset.
const FEW: usize = 20;

/// The source.
pub struct FollowSource {
    config: Config,
    name: String,
    quiet: bool,
    known: Known,
    followed: Vec<Followed>,
    /// Whose turn it is to be read.
    turn: usize,
    /// Pieces of the open batch whose end is known, in the order they were read.
    done: Vec<Piece>,
    /// The file whose rows were handed on last: the only one with a piece that is open.
    latest: Option<Inode>,
    listing: Listing,
    /// The files of watched folders, as of the last listing.
    listed: Vec<String>,
    looked: Option<Instant>,
    /// Files that are copies of followed ones.
    copies: HashSet<Inode>,
    /// No later run will read the unfinished last lines.
    only_run: bool,
    advice: Advice,
}

impl FollowSource {
    pub fn new(config: Config) -> Result<FollowSource> {
        for root in &config.roots {
            if let Root::File(path) = root
                && is_compressed(path)
            {
                return Err(usage(format!(
                    "{path}: a compressed file does not grow: leave out --follow"
                )));
            }
        }
        Ok(FollowSource {
            name: "st-tail".to_string(),
            quiet: false,
            known: Known::default(),
            followed: Vec::new(),
            turn: 0,
            done: Vec::new(),
            latest: None,
            listing: Listing::new("st-tail"),
            listed: Vec::new(),
            looked: None,
            copies: HashSet::new(),
            only_run: false,
            advice: Advice::new("st-tail", config.reading.format.name(), false),
            config,
        })
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            message::say(&self.name, text);
        }
    }

    /// Ends the open piece if it is of another file, so that the pieces stand in the order of the rows and a replay sends
    /// them in it.
    fn turn_to(&mut self, inode: Inode) {
        let before = self.latest.replace(inode).filter(|before| *before != inode);
        let open = |followed: &&mut Followed| Some(followed.inode) == before && followed.has_rows();
        let piece = self.followed.iter_mut().find(open);
        self.done
            .extend(piece.and_then(|followed| followed.cut(false)));
    }

    /// Lets go of files nothing more is expected of.
    fn let_go(&mut self, budget: &mut Budget, out: &mut Out) -> Result<()> {
        let mut index = 0;
        while index < self.followed.len() && !budget.spent() {
            if self.followed[index].is_done() {
                self.turn_to(self.followed[index].inode);
                let mut followed = self.followed.remove(index);
                followed.finish(budget, out, &mut self.advice)?;
                self.done.extend(followed.cut(true));
            } else {
                index += 1;
            }
        }
        Ok(())
    }
}

impl Source for FollowSource {
    fn tool(&self) -> &'static str {
        "st-tail"
    }

    fn options(&self) -> Map<String, Value> {
        self.config.options()
    }

    fn identity(&self) -> Value {
        self.config.identity()
    }

    fn may_follow(&self, change: &Change) -> bool {
        identity::may_follow(change)
    }

    fn schema(&self) -> String {
        self.config.schema().to_string()
    }

    fn accepts_loss(&self) -> bool {
        self.config.skip_lost
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.name = opening.name.to_string();
        self.quiet = opening.quiet;
        self.only_run = opening.available_now && opening.query.is_none();
        self.listing = Listing::of_growing(opening.name);
        self.advice = Advice::new(
            opening.name,
            self.config.reading.format.name(),
            opening.quiet,
        );
        if let Some(dir) = opening.query {
            self.known.load(dir, opening.name, opening.recorded)?;
        }
        self.begin()
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        for piece in Range::parse(range)?
            .follow
            .iter()
            .filter(|piece| piece.rows > 0)
        {
            let reading = self
                .config
                .reading_again(&piece.path, piece.schema.as_deref())?;
            if replay::replay(&reading, piece, out, &mut self.advice)? {
                continue;
            }
            let (from, to) = (Place::from(piece.from).offset, Place::from(piece.to).offset);
            let what = format!(
                "{}: bytes {from} to {to} are gone, under any name of its folder",
                piece.path
            );
            if !self.config.skip_lost {
                bail!("{what}: put the file back, or go on without them with --skip-lost");
            }
            message::say(&self.name, &format!("{what}: skipped"));
        }
        Ok(())
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= NAP) {
            self.look()?;
        }
        let mut idle = true;
        let (count, turn) = (self.followed.len(), self.turn);
        for index in (0..count).map(|step| (turn + step) % count) {
            let step = self.followed[index].read(budget, out, &mut self.advice)?;
            if self.followed[index].has_rows() {
                self.turn_to(self.followed[index].inode);
            }
            match step {
                Step::Idle => {}
                Step::Progress => idle = false,
                Step::Truncated => {
                    self.truncated(index)?;
                    return Ok(Read::More);
                }
            }
            if budget.spent() || budget.due() {
                // The others come first when it goes on.
                self.turn = index + 1;
                return Ok(if budget.spent() {
                    Read::Full
                } else {
                    Read::More
                });
            }
        }
        self.turn = 0;
        if !idle {
            return Ok(Read::More);
        }
        self.let_go(budget, out)?;
        if self.only_run {
            for followed in &mut self.followed {
                followed.finish(budget, out, &mut self.advice)?;
            }
        }
        self.advice.rest();
        Ok(Read::Idle)
    }

    fn cut(&mut self) -> Result<Recorded> {
        let mut pieces = std::mem::take(&mut self.done);
        pieces.extend(
            self.followed
                .iter_mut()
                .filter_map(|followed| followed.cut(false)),
        );
        for piece in &mut pieces {
            piece.schema = self.config.schema_of_rows(&piece.path);
        }
        self.known.note(&pieces);
        Recorded::new(&Range { follow: pieces })
    }

    fn offset(&self, range: &Recorded) -> Value {
        let pieces = Range::parse(range).unwrap_or_default().follow.into_iter();
        let ends: Map<String, Value> = pieces
            .take(FEW)
            .map(|piece| (piece.path.clone(), Place::from(piece.to).offset.into()))
            .collect();
        if ends.is_empty() {
            Value::Null
        } else {
            ends.into()
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        std::thread::sleep(until.map_or(NAP, |until| {
            until.saturating_duration_since(Instant::now()).min(NAP)
        }));
        Ok(())
    }

    fn remember(&mut self, ranges: &[(i64, Recorded)]) -> Result<()> {
        let there: HashSet<Inode> = self
            .current()?
            .into_iter()
            .map(|(_, inode)| inode)
            .collect();
        self.known
            .fold(ranges, &there)
            .context("the memory of files followed")
    }

    fn floods(&self) -> bool {
        true
    }
}
