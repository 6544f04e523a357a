//! One file: rows are added to it, or in complete mode it is replaced as a whole.
//!
//! Added rows are exactly once because each commit records the file's length: a restart cuts back what came after it.
//! A replacement is written beside the file, recorded, then renamed over it; a restart finishes the rename.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use st_checkpoint::{Durability, fail_io, fail_point, sync_dir};
use st_stream::{Mode, Out};

use crate::append::Append;
use crate::formats::{Format, Shape};
use crate::owner::{self, Terms, remove};
use crate::rows::Rows;
use crate::target::{Arrived, Delivered, Opening, Target, accept, begin_anew};
use st_deliver::table::Existing;

/// One file.
pub struct SingleFile {
    path: PathBuf,
    format: Box<dyn Format>,
    existing: Existing,
    durability: Durability,
    replaces: bool,
    checkpointed: bool,
    mend: String,
    /// Its length as of the last batch.
    length: u64,
    /// The replacement that waits for its commit.
    pending: Option<PathBuf>,
}

impl SingleFile {
    /// The file `path`, in `format`.
    pub fn new(path: PathBuf, format: Box<dyn Format>, existing: Existing) -> SingleFile {
        SingleFile {
            path,
            format,
            existing,
            durability: Durability::Power,
            replaces: false,
            checkpointed: false,
            mend: String::new(),
            length: 0,
            pending: None,
        }
    }

    fn waiting(&self, batch: i64) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.parent().join(format!(".{name}.{batch}.st-tmp"))
    }

    fn parent(&self) -> PathBuf {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        }
    }

    fn cannot(&self, what: &str) -> String {
        format!("{}: cannot {what}", self.path.display())
    }

    fn length_now(&self) -> Result<Option<u64>> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => Ok(Some(other.with_context(|| self.cannot("read"))?.len())),
        }
    }

    /// Writes the rows to the end of `path`, and syncs it.
    fn write(&mut self, path: &Path, file: Append, fresh: bool, rows: &mut Rows) -> Result<()> {
        let mut writer = self.format.open(Box::new(file), fresh)?;
        rows.each_block(|lines| writer.rows(lines))?;
        writer.finish()?;
        self.sync(path)
    }

    fn sync(&self, path: &Path) -> Result<()> {
        let sync = fail_io("sink.before_sync")
            .and_then(|()| File::open(path))
            .and_then(|file| self.durability.sync(&file));
        sync.with_context(|| format!("{}: cannot sync", path.display()))
    }

    fn cut_to(&self, length: u64) -> Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .with_context(|| self.cannot("open"))?;
        file.set_len(length)
            .and_then(|()| self.durability.sync(&file))
            .with_context(|| self.cannot("cut"))
    }

    /// Takes the file that many rows were gathered in as the replacement, or as the new file; false if there is none.
    fn take_gathered(&mut self, batch: i64, rows: &mut Rows) -> Result<bool> {
        let waiting = self.waiting(batch);
        if rows.file_at(&waiting)?.is_none() {
            return Ok(false);
        }
        self.sync(&waiting)?;
        if !self.replaces {
            fs::rename(&waiting, &self.path).with_context(|| self.cannot("write"))?;
        }
        Ok(true)
    }

    fn append(&mut self, batch: i64, rows: &mut Rows) -> Result<()> {
        let there = self.length_now()?;
        if there.unwrap_or(0) != self.length {
            bail!(
                "{}: has {} bytes where this sink left {}: someone else writes to it: give the sink a file of its own",
                self.path.display(),
                there.unwrap_or(0),
                self.length
            );
        }
        if rows.is_empty() {
            return Ok(());
        }
        let written = match self.take_gathered(batch, rows) {
            Ok(true) => Ok(()),
            Ok(false) => self.write_on(there.is_none(), rows),
            Err(error) => Err(error),
        };
        fail_point("sink.mid_output");
        if let Err(error) = written {
            // Best effort: a reader should not see half a batch, and a restart cuts it in any case.
            let _ = self.cut_to(self.length);
            let _ = fs::remove_file(self.waiting(batch));
            return Err(error);
        }
        if there.is_none() {
            sync_dir(&self.parent(), self.durability)?;
        }
        self.length = self.length_now()?.unwrap_or(0);
        Ok(())
    }

    /// Adds the rows to the file, which may have to be made.
    fn write_on(&mut self, new: bool, rows: &mut Rows) -> Result<()> {
        let path = self.path.clone();
        let file = match new {
            true => Append::create(&path)?,
            false => Append::to(&path),
        };
        self.write(&path, file, self.length == 0, rows)
    }

    fn replace(&mut self, batch: i64, rows: &mut Rows) -> Result<()> {
        let waiting = self.waiting(batch);
        let written = match self.take_gathered(batch, rows) {
            Ok(false) => Append::create(&waiting)
                .map_err(anyhow::Error::from)
                .and_then(|file| self.write(&waiting, file, true, rows)),
            gathered => gathered.map(drop),
        };
        if let Err(error) = written {
            let _ = fs::remove_file(&waiting);
            return Err(error);
        }
        sync_dir(&self.parent(), self.durability)?;
        self.pending = Some(waiting);
        Ok(())
    }

    fn show(&self, waiting: &Path) -> Result<()> {
        fail_io("sink.before_rename")
            .and_then(|()| fs::rename(waiting, &self.path))
            .with_context(|| self.cannot("replace"))?;
        sync_dir(&self.parent(), self.durability)
    }

    /// Shows the replacement of the last commit, and removes all others.
    fn recover_replaced(&self, last: Option<i64>) -> Result<()> {
        let name = self
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let parent = self.parent();
        for entry in
            fs::read_dir(&parent).with_context(|| format!("{}: cannot list", parent.display()))?
        {
            let entry = entry.with_context(|| format!("{}: cannot list", parent.display()))?;
            let found = entry.file_name().to_string_lossy().into_owned();
            let batch = found
                .strip_prefix(&format!(".{name}."))
                .and_then(|rest| rest.strip_suffix(".st-tmp"))
                .and_then(|batch| batch.parse::<i64>().ok());
            match batch {
                Some(batch) if Some(batch) == last => self.show(&entry.path())?,
                Some(_) => remove(&entry.path())?,
                None => {}
            }
        }
        Ok(())
    }

    /// Goes on behind what others wrote.
    fn adopt(&mut self) -> Result<()> {
        self.length = self.length_now()?.unwrap_or(0);
        if self.length == 0 {
            return Ok(());
        }
        let read = || -> std::io::Result<(String, u8)> {
            let mut file = BufReader::new(File::open(&self.path)?);
            let (mut first, mut last) = (String::new(), [0]);
            // A packed file has no first line worth reading.
            let _ = file.read_line(&mut first);
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            Ok((first, last[0]))
        };
        let (first, last) = read().with_context(|| self.cannot("read"))?;
        if !self.format.is_packed() && last != b'\n' {
            bail!(
                "{}: does not end with a newline, so a row would be glued to its last line: add one",
                self.path.display()
            );
        }
        self.format.adopt(first.trim_end_matches(['\r', '\n']));
        Ok(())
    }

    fn recover_appended(&mut self, last: Option<Delivered>) -> Result<()> {
        let detail = last.as_ref().and_then(|last| last.detail.as_ref());
        let committed = detail
            .and_then(|detail| detail["length"].as_u64())
            .unwrap_or(0);
        if let Some(columns) = detail.map(|detail| &detail["columns"])
            && !columns.is_null()
        {
            self.format.recall(columns);
        }
        let there = self.length_now()?.unwrap_or(0);
        if there < committed {
            bail!(
                "{}: has {there} bytes, but {committed} were committed: put the whole file back, or begin anew: remove it and {}",
                self.path.display(),
                self.mend
            );
        }
        if there > committed {
            self.cut_to(committed)?;
        }
        self.length = committed;
        Ok(())
    }
}

impl Target for SingleFile {
    fn format(&self) -> &'static str {
        self.format.name()
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn identity(&self) -> Map<String, Value> {
        let mut identity = Map::new();
        identity.insert("one_file".to_string(), true.into());
        identity
    }

    fn takes_blocks(&self) -> bool {
        self.format.is_lines()
    }

    fn gathers_at(&self, batch: i64) -> Option<PathBuf> {
        // A file that is there is added to, whatever it is: a link, a device.
        let new = || self.length == 0 && fs::symlink_metadata(&self.path).is_err();
        let whole = self.existing != Existing::Append && self.format.is_lines();
        (whole && (self.replaces || new())).then(|| self.waiting(batch))
    }

    fn suit(&mut self, opening: &Opening<'_>) -> Result<()> {
        let name = self.path.display().to_string();
        accept(
            opening.start.mode,
            &[Mode::Append, Mode::Complete],
            &name,
            "give `st-sink sqlite FILE --table T`, which updates by key, or another --mode to st-agg",
        )?;
        self.replaces = opening.start.mode == Mode::Complete;
        self.checkpointed = opening.checkpointed;
        self.durability = opening.durability;
        self.mend = begin_anew(opening);
        if !self.replaces && !self.format.appends() {
            bail!(
                "{name}: a Parquet file cannot be added to: give a folder (`st-sink parquet DIR`), or --mode complete to st-agg"
            );
        }
        if self.path.is_dir() {
            bail!(
                "{name}: is a folder: give it without --file (`st-sink {} {name}`)",
                self.format.name()
            );
        }
        self.format.shape(&Shape {
            schema: opening.schema,
            without: &[],
            zone: opening.zone,
        })?;
        if !self.replaces {
            self.format.fix_columns();
        }
        if self.existing == Existing::Append {
            if self.checkpointed {
                bail!("--append: a checkpointed query continues its own file anyway: leave it out");
            }
            if self.replaces {
                bail!(
                    "--append: in complete mode each batch replaces the file: leave it out, or give --overwrite"
                );
            }
        }
        Ok(())
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        if self.existing == Existing::Append {
            return Ok(());
        }
        // So that a run without a checkpoint replaces only what another one would have replaced too.
        let sink = if self.replaces && !self.checkpointed {
            format!("{} (complete mode)", opening.context.name)
        } else {
            opening.context.name.clone()
        };
        let terms = Terms {
            target: st_checkpoint::Target::File(&self.path),
            path: &self.path,
            sink: &sink,
            overwrite: self.existing == Existing::Overwrite,
            keeps_old: self.replaces,
            mend: if self.replaces || self.checkpointed {
                ""
            } else {
                ", --append adds to it"
            },
        };
        let holds_rows = || Ok(self.length_now()?.unwrap_or(0) > 0);
        owner::claim(&terms, opening, holds_rows, || remove(&self.path))
    }

    fn recover(&mut self, last: Option<Delivered>) -> Result<()> {
        if self.existing == Existing::Append {
            return self.adopt();
        }
        if self.replaces {
            return self.recover_replaced(last.map(|last| last.batch));
        }
        // What a batch that broke off had gathered; where the folder cannot be read it is in nobody's way.
        let _ = self.recover_replaced(None);
        self.recover_appended(last)
    }

    fn begin(&mut self, _id: i64) -> Result<()> {
        self.format.begin();
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        self.format.look(row)
    }

    fn prepare(
        &mut self,
        batch: Arrived,
        rows: &mut Rows,
        _out: &mut Out,
    ) -> Result<Option<Value>> {
        if self.replaces {
            self.replace(batch.id, rows)?;
            return Ok(None);
        }
        self.append(batch.id, rows)?;
        let mut detail = json!({ "length": self.length });
        if let Some(columns) = self.format.columns() {
            detail["columns"] = columns;
        }
        Ok(Some(detail))
    }

    fn publish(&mut self) -> Result<()> {
        match self.pending.take() {
            Some(waiting) => self.show(&waiting),
            None => Ok(()),
        }
    }
}
