//! Which names of stages, sources and sinks may become file names.

use anyhow::{Result, bail};

/// Accepts a name made of ASCII letters, digits, `.`, `_` and `-` that does not begin with a
/// dot and has at most 100 bytes: it becomes part of a file name, `@` separates an epoch from
/// it, and a leading dot marks temporary files.
///
/// # Errors
/// Any other name.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(plain) {
        bail!(
            "name '{name}': not usable in a checkpoint: take letters, digits, '-', '_' and '.', \
             not beginning with '.'"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_that_are_file_names_pass() {
        for good in ["st-agg", "st-agg-2", "clicks.by_hour", "A"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_or_look_temporary_are_refused() {
        let long = "x".repeat(101);
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a@1",
            "a b",
            "ä",
            long.as_str(),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
