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

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hashbrown::{HashMap, HashSet};
use serde_json::{Map, Value, json};
use st_input::{Advice, Place};
use st_stream::{Budget, Opening, Out, Read, Source, cli::usage, message};

use find::{Candidate, Wanted, find};
use followed::{Followed, Step, latest};
use known::Known;
use print::{Inode, inode_of};
use record::{Piece, Range};

use crate::args::From;
use crate::config::Config;
use crate::files::{Listing, Seen};
use crate::open::{self, is_compressed};
use crate::roots::Root;

/// How often the names are looked at.
const NAP: Duration = Duration::from_millis(20);

/// The source.
pub struct FollowSource {
    config: Config,
    name: String,
    quiet: bool,
    known: Known,
    followed: Vec<Followed>,
    /// Whose turn it is to be read.
    turn: usize,
    /// Pieces of the open batch of files that were let go or truncated since the last cut.
    done: Vec<Piece>,
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

    /// The files the names lead to now.
    fn current(&mut self) -> Result<Vec<(String, Inode)>> {
        if self.config.roots.iter().any(Root::is_watched) && self.listing.is_due() {
            let found = self.listing.list(&self.config.roots, &Seen::default())?;
            self.listed = found
                .into_iter()
                .map(|file| file.path)
                .filter(|path| !is_compressed(path))
                .collect();
        }
        let named = self
            .config
            .roots
            .iter()
            .filter(|root| !root.is_watched())
            .map(|root| root.text().to_string());
        let mut current = Vec::new();
        for path in named.chain(self.listed.iter().cloned()) {
            match fs::metadata(&path) {
                Ok(found) if found.is_file() => current.push((path, inode_of(&found))),
                Ok(_) => bail!("{path}: is no file, and cannot be followed"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("{path}: cannot be read")),
            }
        }
        Ok(current)
    }

    /// Looks where the names lead: takes on new files, retires those no name leads to.
    fn look(&mut self) -> Result<()> {
        self.looked = Some(Instant::now());
        let current = self.current()?;
        let inodes: HashSet<Inode> = current.iter().map(|(_, inode)| *inode).collect();
        for followed in &mut self.followed {
            followed.set_retired(!inodes.contains(&followed.inode));
        }
        let mut known: HashSet<Inode> = self
            .followed
            .iter()
            .map(|followed| followed.inode)
            .collect();
        for (path, inode) in current {
            if known.insert(inode)
                && let Some(file) = open::open(&path)?
            {
                self.follow(&path, inode, file)?;
            }
        }
        Ok(())
    }

    /// Takes on a new file from its beginning; a copy of one that is followed is left for the moment that one is truncated.
    fn follow(&mut self, path: &str, inode: Inode, file: fs::File) -> Result<()> {
        if self.copies.contains(&inode) {
            return Ok(());
        }
        if let Some(original) = self
            .followed
            .iter()
            .find(|followed| followed.is_copied_to(&file))
        {
            self.say(&format!(
                "{path}: begins like {}: taken for a copy, and not read twice",
                original.path
            ));
            self.copies.insert(inode);
            return Ok(());
        }
        let reading = self.config.reading_of(path);
        self.followed.push(Followed::new(
            &reading,
            path,
            path,
            file,
            Place::default(),
            None,
        )?);
        Ok(())
    }

    /// The first look of a run: each file goes on where it was left.
    fn begin(&mut self) -> Result<()> {
        self.looked = Some(Instant::now());
        let current = self.current()?;
        let names: HashMap<Inode, &str> = current
            .iter()
            .map(|(path, inode)| (*inode, path.as_str()))
            .collect();
        let is_first_run = self.known.is_empty();
        let mut taken: HashSet<Inode> = HashSet::new();
        // Exact finds first, so that no likeness takes a file that is another one.
        let mut searched = Vec::new();
        for piece in self.known.all() {
            let candidates = find(&wanted(&piece, Some(piece.inode())))?;
            if candidates
                .first()
                .is_some_and(|first| first.inode == piece.inode())
            {
                taken.insert(piece.inode());
            }
            searched.push((piece, candidates));
        }
        for (piece, candidates) in searched {
            let found = candidates.into_iter().find(|candidate| {
                candidate.inode == piece.inode()
                    || !taken.contains(&candidate.inode) && candidate.may_continue(&piece)
            });
            let Some(found) = found else {
                if !piece.done {
                    self.say(&format!(
                        "{}: the file that was read up to byte {} is gone; what it had after that, if anything, is lost",
                        piece.path,
                        Place::from(piece.to).offset
                    ));
                }
                continue;
            };
            taken.insert(found.inode);
            let is_named = names.contains_key(&found.inode);
            if piece.done && !is_named {
                continue;
            }
            let mut followed = self.resume(&piece, found)?;
            followed.set_recorded();
            followed.set_retired(!is_named);
            self.followed.push(followed);
        }
        for (path, inode) in &current {
            if !taken.insert(*inode) {
                continue;
            }
            let Some(file) = open::open(path)? else {
                continue;
            };
            if is_first_run && self.config.from == From::Latest {
                let reading = self.config.reading_of(path);
                let (place, header) =
                    latest(&reading, &file).with_context(|| format!("{path}: cannot be read"))?;
                self.followed
                    .push(Followed::new(&reading, path, path, file, place, header)?);
            } else {
                self.follow(path, *inode, file)?;
            }
        }
        Ok(())
    }

    /// Goes on where a piece ended, in the file that was found.
    fn resume(&self, piece: &Piece, found: Candidate) -> Result<Followed> {
        let reading = self.config.reading_of(&piece.path);
        let header = piece.header.clone();
        Followed::new(
            &reading,
            &piece.path,
            &found.path,
            found.file,
            piece.to.into(),
            header,
        )
    }

    /// The file at `index` was truncated: what it had is looked for in a copy, and it begins anew.
    fn truncated(&mut self, index: usize) -> Result<()> {
        let followed = &mut self.followed[index];
        self.done.extend(followed.cut(false));
        let left = followed.here(false);
        followed.begin_again(&self.config.reading_of(&left.path));
        let followed: HashSet<Inode> = self
            .followed
            .iter()
            .map(|followed| followed.inode)
            .collect();
        let copy = find(&wanted(&left, None))?.into_iter().find(|candidate| {
            !followed.contains(&candidate.inode) && candidate.may_continue(&left)
        });
        let Some(copy) = copy else {
            let offset = Place::from(left.to).offset;
            self.say(&format!(
                "{}: was truncated after byte {offset}: begins again",
                left.path
            ));
            return Ok(());
        };
        let mut rest = self.resume(&left, copy)?;
        rest.set_retired(true);
        // It comes before what the file has now.
        self.followed.insert(index, rest);
        Ok(())
    }

    /// Lets go of files nothing more is expected of.
    fn let_go(&mut self, budget: &mut Budget, out: &mut Out) -> Result<()> {
        let mut index = 0;
        while index < self.followed.len() && !budget.spent() {
            if self.followed[index].is_done() {
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

/// The file a piece is of, to be read on from its end.
fn wanted(piece: &Piece, inode: Option<Inode>) -> Wanted<'_> {
    Wanted {
        path: &piece.path,
        inode,
        print: piece.print,
        length: Place::from(piece.to).offset,
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

    fn schema(&self) -> String {
        self.config.schema()
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

    fn replay(&mut self, range: &Value, out: &mut Out) -> Result<()> {
        for piece in Range::parse(range)?
            .follow
            .iter()
            .filter(|piece| piece.rows > 0)
        {
            let reading = self.config.reading_of(&piece.path);
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
        let count = self.followed.len();
        for index in (0..count).map(|step| (self.turn + step) % count) {
            match self.followed[index].read(budget, out, &mut self.advice)? {
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

    fn cut(&mut self) -> Result<Value> {
        let mut pieces = std::mem::take(&mut self.done);
        pieces.extend(
            self.followed
                .iter_mut()
                .filter_map(|followed| followed.cut(false)),
        );
        self.known.note(&pieces);
        Ok(json!(Range { follow: pieces }))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        std::thread::sleep(until.map_or(NAP, |until| {
            until.saturating_duration_since(Instant::now()).min(NAP)
        }));
        Ok(())
    }

    fn remember(&mut self, ranges: &[(i64, Value)]) -> Result<()> {
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
