//! Lists the files of directories and globs; notices cheaply whether listing again could find more.
//!
//! A directory's modification time changes with every name that comes, so as long as it stands still nothing is listed. Its
//! clock ticks coarsely, though: a name may come right after the listing without a change to be seen. A listing that began
//! within a tick of the last change is therefore not final, and is repeated.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use st_stream::message;

use super::partition::is_partition;
use super::seen::Seen;
use crate::open::mtime;
use crate::roots::{Glob, Part, Root, is_ignored};

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Modification time in microseconds since 1970.
    pub mtime: i64,
    pub path: String,
    pub size: u64,
}

/// File systems that keep nanoseconds tick at least this often.
const TICK: Duration = Duration::from_millis(20);
/// The others keep whole seconds, or even ones.
const COARSE_TICK: Duration = Duration::from_millis(2100);
/// A file that was written to within this time before a later listing may still be written to.
const SETTLING: Duration = Duration::from_millis(50);

/// The directories that are watched, as of the last listing.
#[derive(Default)]
pub struct Listing {
    name: String,
    folders: HashMap<PathBuf, Watched>,
    /// Files that were empty or being written when they were listed.
    unfinished: Vec<String>,
    /// How long the last listing took, and when it ended.
    cost: Duration,
    ended: Option<Instant>,
    complained: bool,
    /// Files are wanted while they are written.
    growing: bool,
}

struct Watched {
    mtime: SystemTime,
    /// No name can have come without a change of the time.
    is_final: bool,
}

impl Listing {
    pub fn new(name: &str) -> Listing {
        Listing {
            name: name.to_string(),
            ..Listing::default()
        }
    }

    /// A listing of files that are read while they grow.
    pub fn of_growing(name: &str) -> Listing {
        Listing {
            growing: true,
            ..Listing::new(name)
        }
    }

    /// True if listing again could find something, and the last one is long enough ago for its cost.
    pub fn is_due(&self) -> bool {
        let Some(ended) = self.ended else { return true };
        if ended.elapsed() < 4 * self.cost {
            return false;
        }
        let changed = |(path, watched): (&PathBuf, &Watched)| {
            !watched.is_final
                || fs::metadata(path).and_then(|found| found.modified()).ok() != Some(watched.mtime)
        };
        let finished = |path: &String| {
            fs::metadata(path).map_or(true, |found| found.len() > 0 && !is_settling(&found))
        };
        self.folders.iter().any(changed) || self.unfinished.iter().any(finished)
    }

    /// When the last listing ended.
    #[cfg(test)]
    pub fn ended(&self) -> Option<Instant> {
        self.ended
    }

    /// How long to wait before asking again whether a listing is due.
    pub fn patience(&self) -> Duration {
        let asking = Duration::from_micros(2) * (self.folders.len() + self.unfinished.len()) as u32;
        (20 * asking).clamp(Duration::from_millis(50), Duration::from_secs(1))
    }

    /// All the files that were not seen before.
    pub fn list(&mut self, roots: &[Root], seen: &Seen) -> Result<Vec<Found>> {
        let begun = Instant::now();
        let first = self.ended.is_none() || self.growing;
        self.folders.clear();
        self.unfinished.clear();
        let mut found = Vec::new();
        for root in roots {
            let mut walk = Walk {
                listing: self,
                seen,
                found: &mut found,
                first,
            };
            match root {
                Root::File(_) | Root::Pipe(_) => {}
                Root::Directory { text, recursive } => walk.folder(text, *recursive, true)?,
                Root::Glob(glob) => walk.glob(glob)?,
            }
        }
        // Two roots may overlap.
        found.sort_unstable();
        found.dedup();
        self.cost = begun.elapsed();
        self.ended = Some(Instant::now());
        Ok(found)
    }
}

/// One pass over the roots.
struct Walk<'a> {
    listing: &'a mut Listing,
    seen: &'a Seen,
    found: &'a mut Vec<Found>,
    /// What is there at the beginning of a run is taken as it is.
    first: bool,
}

impl Walk<'_> {
    /// Opens a folder to be listed and notes its time. None if it is gone and `must_exist` is false.
    fn watch(&mut self, path: &Path, must_exist: bool) -> Result<Option<fs::ReadDir>> {
        let shown = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let listed =
            fs::metadata(shown).and_then(|found| Ok((found.modified()?, fs::read_dir(shown)?)));
        match listed {
            Ok((mtime, entries)) => {
                let is_final = has_ticked_since(mtime);
                self.listing
                    .folders
                    .insert(shown.to_path_buf(), Watched { mtime, is_final });
                Ok(Some(entries))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                if must_exist {
                    bail!(
                        "{}: the directory is gone: put it back and run again",
                        shown.display()
                    );
                }
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| {
                format!("{}: cannot be listed; make it readable", shown.display())
            }),
        }
    }

    fn folder(&mut self, path: &str, recursive: bool, must_exist: bool) -> Result<()> {
        let Some(entries) = self.watch(Path::new(path), must_exist)? else {
            return Ok(());
        };
        let mut full = String::from(path);
        if !full.ends_with('/') {
            full.push('/');
        }
        let stem = full.len();
        for entry in entries {
            let entry = entry.with_context(|| format!("{path}: cannot be listed"))?;
            let name = entry.file_name();
            let Some(name) = self.text(&name, path) else {
                continue;
            };
            if is_ignored(name) {
                continue;
            }
            full.truncate(stem);
            full.push_str(name);
            // The kind of an entry costs nothing; only a symbolic link must be looked at.
            let kind = entry
                .file_type()
                .with_context(|| format!("{full}: cannot be read"))?;
            if kind.is_dir() || kind.is_symlink() && recursive && Path::new(&full).is_dir() {
                // Below a folder that is a column are its files.
                let deeper = recursive || !self.listing.growing && is_partition(name);
                if deeper && !kind.is_symlink() {
                    self.folder(&full, recursive, false)?;
                }
            } else {
                self.file(&full)?;
            }
        }
        Ok(())
    }

    fn glob(&mut self, glob: &Glob) -> Result<()> {
        let base = glob.base.to_string_lossy().into_owned();
        self.parts(&base, &glob.parts, true)
    }

    /// Matches the rest of a glob below a folder (`""`: the current one).
    fn parts(&mut self, folder: &str, parts: &[Part], must_exist: bool) -> Result<()> {
        let join = |name: &str| match folder {
            "" => name.to_string(),
            "/" => format!("/{name}"),
            _ => format!("{folder}/{name}"),
        };
        let (Some(part), rest) = (parts.first(), parts.get(1..).unwrap_or_default()) else {
            return Ok(());
        };
        if let Part::Name(name) = part {
            // The name may come later: the folder's time tells.
            let there = self.watch(Path::new(folder), must_exist)?.is_some();
            return match rest {
                _ if !there => Ok(()),
                [] => self.file(&join(name)),
                _ => self.parts(&join(name), rest, false),
            };
        }
        if let Part::Folders = part {
            self.parts(folder, rest, must_exist)?;
        }
        let Some(entries) = self.watch(Path::new(folder), must_exist)? else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("{folder}: cannot be listed"))?;
            let name = entry.file_name();
            let Some(name) = self.text(&name, folder) else {
                continue;
            };
            if is_ignored(name) {
                continue;
            }
            let matches = match part {
                Part::Pattern(pattern) => pattern.is_match(name),
                _ => true,
            };
            if !matches {
                continue;
            }
            let path = join(name);
            let kind = entry
                .file_type()
                .with_context(|| format!("{path}: cannot be read"))?;
            match part {
                Part::Folders if kind.is_dir() => self.parts(&path, parts, false)?,
                Part::Folders => {}
                _ if rest.is_empty() && !kind.is_dir() => self.file(&path)?,
                _ if !rest.is_empty() && (kind.is_dir() || kind.is_symlink()) => {
                    self.parts(&path, rest, false)?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes a file that was not seen, is not empty and not being written to.
    fn file(&mut self, path: &str) -> Result<()> {
        if self.seen.has(path) {
            return Ok(());
        }
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("{path}: cannot be read"))?,
        };
        if !found.is_file() {
            return Ok(());
        }
        if found.len() == 0 || !self.first && is_settling(&found) {
            self.listing.unfinished.push(path.to_string());
        } else {
            self.found.push(Found {
                mtime: mtime(&found),
                path: path.to_string(),
                size: found.len(),
            });
        }
        Ok(())
    }

    /// A name as text. What is none cannot be remembered: that is said, once.
    fn text<'n>(&mut self, name: &'n std::ffi::OsStr, folder: &str) -> Option<&'n str> {
        let text = name.to_str();
        if text.is_none() && !self.listing.complained {
            self.listing.complained = true;
            let name = name.to_string_lossy();
            message::say(
                &self.listing.name,
                &format!("{folder}/{name}: the name is not UTF-8: not read: rename it"),
            );
        }
        text
    }
}

/// True if a change after this moment would show in a directory's time.
fn has_ticked_since(mtime: SystemTime) -> bool {
    let since_epoch = mtime
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let tick = if since_epoch.subsec_nanos() == 0 {
        COARSE_TICK
    } else {
        TICK
    };
    SystemTime::now()
        .duration_since(mtime)
        .is_ok_and(|age| age > tick)
}

/// True if the file was written to a moment ago.
fn is_settling(found: &fs::Metadata) -> bool {
    let Ok(modified) = found.modified() else {
        return false;
    };
    SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age < SETTLING)
}
