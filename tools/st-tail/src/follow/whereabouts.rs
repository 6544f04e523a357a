//! Which file a name leads to, and which file a record is of: at the beginning of a run, while names change, and when a file
//! was truncated.

use std::fs;
use std::io;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hashbrown::{HashMap, HashSet};
use st_input::Place;

use super::FollowSource;
use super::find::{Candidate, Wanted, find};
use super::followed::{Followed, latest};
use super::print::{Inode, inode_of};
use super::record::Piece;
use crate::args::From;
use crate::files::Seen;
use crate::open::{self, is_compressed};
use crate::roots::Root;

/// The file a piece is of, to be read on from its end.
fn wanted(piece: &Piece, inode: Option<Inode>) -> Wanted<'_> {
    Wanted {
        path: &piece.path,
        inode,
        print: piece.print,
        length: Place::from(piece.to).offset,
    }
}

impl FollowSource {
    /// The files the names lead to now.
    pub(super) fn current(&mut self) -> Result<Vec<(String, Inode)>> {
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
    pub(super) fn look(&mut self) -> Result<()> {
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
    pub(super) fn begin(&mut self) -> Result<()> {
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
    pub(super) fn truncated(&mut self, index: usize) -> Result<()> {
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
}
