//! Where rows go that are not handed on: a side file, or nowhere but the count and one message.

use std::path::PathBuf;

use anyhow::Result;
use st_checkpoint::SideFile;

use crate::message;

/// One kind of row that is not handed on: bad ones or late ones.
pub(crate) struct Side {
    kind: &'static str,
    stage: String,
    file: Option<SideFile>,
    /// The first row was quoted on stderr.
    quoted: bool,
    quiet: bool,
}

impl Side {
    /// Rows of this kind are counted, and the first bad one is quoted.
    pub(crate) fn nowhere(kind: &'static str) -> Side {
        Side {
            kind,
            stage: String::new(),
            file: None,
            quoted: false,
            quiet: false,
        }
    }

    /// Keeps rows in `file` from now on.
    pub(crate) fn open(&mut self, stage: &str, quiet: bool, file: Option<SideFile>) {
        self.stage = stage.to_string();
        self.quiet = quiet;
        self.file = file;
    }

    /// The file's path, if there is one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| file.path().to_path_buf())
    }

    #[cold]
    pub(crate) fn put(
        &mut self,
        batch: i64,
        reason: &str,
        at: Option<&str>,
        row: &[u8],
    ) -> Result<()> {
        match &mut self.file {
            Some(file) => file.append(batch, reason, at, row),
            None => {
                // Late rows are part of every stream; a bad one is a surprise worth a line.
                if self.kind == "bad" && !self.quoted && !self.quiet {
                    self.quoted = true;
                    let at = at.map(|at| format!("{at}: ")).unwrap_or_default();
                    let row = crate::marker::quote(row);
                    message::say(
                        &self.stage,
                        &format!(
                            "{at}{reason}: {row}: counted and left out; --rejects FILE keeps such rows"
                        ),
                    );
                }
                Ok(())
            }
        }
    }

    pub(crate) fn sync(&mut self) -> Result<()> {
        match &mut self.file {
            Some(file) => file.sync(),
            None => Ok(()),
        }
    }
}
