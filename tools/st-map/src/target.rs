//! Where a program's rows go: to the stage's output, or to the command that comes next.

use anyhow::Result;
use st_stream::Out;

/// Takes finished rows.
pub enum Target<'t> {
    /// The stage's output.
    Out(&'t mut Out),
    /// What waits to be written to a command.
    Pending(&'t mut Vec<u8>),
}

impl Target<'_> {
    /// Hands on a row as it is.
    #[inline]
    pub fn row(&mut self, row: &[u8]) -> Result<()> {
        match self {
            Target::Out(out) => out.row(row),
            Target::Pending(lines) => {
                lines.extend_from_slice(row);
                lines.push(b'\n');
                Ok(())
            }
        }
    }

    /// Hands on the row that `write` appends; nothing if it fails.
    #[inline]
    pub fn row_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        match self {
            Target::Out(out) => out.row_with(write),
            Target::Pending(lines) => {
                let start = lines.len();
                if let Err(error) = write(lines) {
                    lines.truncate(start);
                    return Err(error);
                }
                lines.push(b'\n');
                Ok(())
            }
        }
    }

    /// Hands on the lines that `write` appends and counts; all of them begin alike.
    #[inline]
    pub fn rows_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> u64) -> Result<()> {
        match self {
            Target::Out(out) => out.rows_with(write),
            Target::Pending(lines) => {
                write(lines);
                Ok(())
            }
        }
    }
}
