//! A file that cannot be used as it is: the run ends with a line that names it, or goes on without it under `--skip-lost`.

use std::fmt;
use std::io;

use anyhow::Error;

/// What is wrong with a file.
#[derive(Debug)]
pub struct Damaged(String);

impl Damaged {
    /// An error that names the file, what is wrong with it, and the mend beside the one it says.
    pub fn error(path: &str, what: &str) -> Error {
        Error::new(Damaged(format!(
            "{path}: {what}, or go on without it with --skip-lost"
        )))
    }

    /// True if `--skip-lost` is to go on after this error.
    pub fn is(error: &Error) -> bool {
        error
            .chain()
            .any(|cause| cause.is::<io::Error>() || cause.is::<Damaged>())
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}
