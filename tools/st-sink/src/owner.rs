//! Whether a file or folder may be written: it is new, or this sink wrote it, or the user says so.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use st_checkpoint::{Claim, Target};

use crate::target::{Opening, begin_anew};

/// How a target is to be taken.
pub struct Terms<'a> {
    /// What it is.
    pub target: Target<'a>,
    /// Where it is.
    pub path: &'a Path,
    /// The sink's name, as the owner is written down.
    pub sink: &'a str,
    /// `--overwrite` was given.
    pub overwrite: bool,
    /// Rows of an earlier run may stay where they are: they will be replaced as a whole.
    pub keeps_old: bool,
    /// Another way out, for messages: `, --append adds to it`.
    pub mend: &'a str,
}

/// Makes the target this sink's, or refuses. `clear` removes what st-sink wrote there; it is called only under `--overwrite`.
pub fn claim(
    terms: &Terms<'_>,
    opening: &Opening<'_>,
    holds_rows: impl FnOnce() -> Result<bool>,
    clear: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let path = terms.path.display();
    let owner_file = terms.target.owner_file();
    if let Some(batch) = opening.delivered
        && !owner_file.exists()
    {
        bail!(
            "{path}: is gone, though this sink has delivered there up to batch {batch}: put it back together with {}, or begin anew: {}",
            owner_file.display(),
            begin_anew(opening)
        );
    }
    let claim = || {
        st_checkpoint::claim(
            terms.target,
            opening.owner(),
            terms.sink,
            opening.durability,
        )
    };
    match claim() {
        Ok(Claim::Kept)
            if (!opening.checkpointed || opening.joins) && !terms.keeps_old && holds_rows()? =>
        {
            if !terms.overwrite {
                bail!(
                    "{path}: holds the rows of an earlier run: --overwrite replaces them{}",
                    terms.mend
                );
            }
            clear()
        }
        Ok(_) => Ok(()),
        // Not a matter of whose it is.
        Err(error) if error.root_cause().is::<std::io::Error>() => {
            let cause = error.root_cause();
            let full = cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|cause| cause.kind() == ErrorKind::StorageFull);
            let mend = match full {
                true => "make room and run the same line again",
                false => "see that its folder is there and can be written",
            };
            Err(anyhow!("{path}: {cause}: {mend}"))
        }
        Err(_) if terms.overwrite => {
            clear()?;
            remove(&owner_file)?;
            claim()?;
            Ok(())
        }
        Err(error) => Err(anyhow!(
            "{error:#}; --overwrite replaces what st-sink wrote there{}",
            terms.mend
        )),
    }
}

/// Removes a file; one that is gone is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot remove", path.display()))
        }
        _ => Ok(()),
    }
}
