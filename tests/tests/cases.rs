//! Runs every folder below `tests/cases`: `cmd` is a line (or script) of bash; `expout`, `experr` and `status` are what it
//! must print, say and return (absent: nothing, nothing, 0). Every other file of the folder is there when it runs.
//! `ST_BLESS=1` rewrites the expectations, for review by diff.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use libtest_mimic::{Arguments, Failed, Trial};

const EXPECTED: [&str; 3] = ["expout", "experr", "status"];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut folders = Vec::new();
    let found = collect(&cases, &mut folders).and_then(|()| st_tests::bin());
    folders.sort();
    let trials = folders
        .into_iter()
        .map(|folder| {
            let name = folder
                .strip_prefix(&cases)
                .unwrap_or(&folder)
                .display()
                .to_string();
            let bin = found
                .as_ref()
                .map(Clone::clone)
                .map_err(|error| format!("{error:#}"));
            Trial::test(name, move || {
                let bin = bin.map_err(Failed::from)?;
                check(&bin, &folder).map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn collect(folder: &Path, cases: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join("cmd").is_file() {
        cases.push(folder.to_path_buf());
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), cases)?;
        }
    }
    Ok(())
}

fn check(bin: &Path, case: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    copy(case, scratch.path())?;
    let line = std::fs::read_to_string(case.join("cmd"))?;
    let outcome = st_tests::run(st_tests::bash(bin, scratch.path(), &line))?;
    // A temporary folder has another name in every run.
    let here = scratch.path().display().to_string();
    let seen = [
        outcome.out().replace(&here, "$PWD"),
        outcome.err().replace(&here, "$PWD"),
        if outcome.status == 0 {
            String::new()
        } else {
            format!("{}\n", outcome.status)
        },
    ];
    let mut wrong = String::new();
    for (file, seen) in EXPECTED.into_iter().zip(&seen) {
        let path = case.join(file);
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if *seen == expected {
            continue;
        }
        if std::env::var_os("ST_BLESS").is_some() {
            if seen.is_empty() {
                std::fs::remove_file(&path)?
            } else {
                std::fs::write(&path, seen)?
            }
        }
        wrong += &format!("--- {file} expected\n{expected}--- {file} seen\n{seen}");
    }
    if !wrong.is_empty() {
        bail!("{line}{wrong}--- status {}", outcome.status);
    }
    Ok(())
}

/// Copies in order of name, so that files read by their times are read in that order.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut entries = std::fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if name == "cmd" || EXPECTED.iter().any(|expected| name == *expected) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(to.join(&name))?;
            copy(&entry.path(), &to.join(&name))?;
        } else {
            std::fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
