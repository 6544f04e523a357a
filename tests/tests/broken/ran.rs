//! Runs a line in a folder that holds the corpus, and reads what it left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::value::RawValue;
use st_tests::{Outcome, bash, bin, run};

use crate::lines::{Expected, Line, file, lines};

/// A folder with `corpus.json`.
pub struct Folder {
    folder: tempfile::TempDir,
    pub lines: Vec<Line>,
}

/// What a stage did, over all batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub read: u64,
    pub out: u64,
    pub filtered: u64,
    pub late: u64,
    pub bad: u64,
}

impl Folder {
    pub fn new() -> Folder {
        let folder = Folder {
            folder: tempfile::tempdir().unwrap(),
            lines: lines(),
        };
        folder.write("corpus.json", file(&folder.lines));
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_default()
    }

    /// The file's lines without their newlines.
    pub fn rows(&self, name: &str) -> Vec<Vec<u8>> {
        let bytes = self.read(name);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if bytes.is_empty() {
            return Vec::new();
        }
        bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }

    /// What a source that reads JSON must make of the corpus.
    pub fn source(&self) -> Expected {
        Expected::new(&self.lines, true)
    }

    /// What a stage on plain input must make of it.
    pub fn plain(&self) -> Expected {
        Expected::new(&self.lines, false)
    }

    /// Runs a line of bash to its end. A panic is a failure whatever the status.
    pub fn bash(&self, line: &str) -> Outcome {
        let ran = run(bash(&bin().unwrap(), self.folder.path(), line)).unwrap();
        assert!(
            ran.status < 128,
            "{line}: status {}: {}",
            ran.status,
            ran.err()
        );
        assert!(!ran.err().contains("panicked"), "{line}: {}", ran.err());
        ran
    }

    /// Runs a line that must end with status 0.
    pub fn done(&self, line: &str) -> Outcome {
        let ran = self.bash(line);
        assert_eq!(ran.status, 0, "{line}: {}", ran.err());
        ran
    }

    /// Reasons of a side file, in order.
    pub fn reasons(&self, name: &str) -> Vec<String> {
        let records = self.rows(name).into_iter();
        records
            .map(|line| {
                // Raw values, since a kept row may be nested deeper than serde_json follows.
                let record: BTreeMap<String, Box<RawValue>> =
                    serde_json::from_slice(&line).unwrap();
                assert!(record.contains_key("row") || record.contains_key("row_base64"));
                serde_json::from_str(record["reason"].get()).unwrap()
            })
            .collect()
    }

    /// The side file holds just the rejects expected, in their order.
    pub fn rejected(&self, name: &str, expected: &Expected) {
        let reasons = self.reasons(name);
        for (number, (found, wanted)) in reasons.iter().zip(&expected.bad).enumerate() {
            assert!(
                found.contains(wanted),
                "{name}: {number}: {found}, not {wanted}"
            );
        }
        assert_eq!(reasons.len(), expected.bad.len(), "{name}");
    }

    /// Rows of a wire that was written to a file: every line that is no marker.
    pub fn wire_rows(&self, name: &str) -> Vec<Vec<u8>> {
        let mut rows = self.rows(name);
        rows.retain(|line| !line.starts_with(b"{\"$st\":"));
        rows
    }

    /// Figures of every stage in a wire, by name.
    pub fn wire(&self, name: &str) -> BTreeMap<String, Sums> {
        sums(self.rows(name).into_iter().filter_map(|line| {
            line.starts_with(b"{\"$st\":\"batch\"")
                .then(|| serde_json::from_slice(&line).unwrap())
        }))
    }

    /// The same from the reports that a sink keeps in its checkpoint.
    pub fn progress(&self, name: &str) -> BTreeMap<String, Sums> {
        sums(
            self.rows(name)
                .into_iter()
                .map(|line| serde_json::from_slice(&line).unwrap()),
        )
    }
}

fn sums(batches: impl Iterator<Item = Value>) -> BTreeMap<String, Sums> {
    let mut stages: BTreeMap<String, Sums> = BTreeMap::new();
    for batch in batches {
        // A report has them among what Spark has no word for.
        let stages_of = batch.get("st").unwrap_or(&batch);
        for stage in stages_of["stages"].as_array().unwrap() {
            let sum = stages
                .entry(stage["name"].as_str().unwrap().to_string())
                .or_default();
            let figure = |name: &str| stage.get(name).map_or(0, |figure| figure.as_u64().unwrap());
            sum.read += figure("in");
            sum.out += figure("out");
            sum.filtered += figure("filtered");
            sum.late += figure("late");
            sum.bad += figure("bad");
        }
    }
    stages
}

impl Sums {
    /// Every row read is handed on, filtered, late or bad, where a stage gives a row for a row.
    pub fn balanced(&self) {
        assert_eq!(
            self.read,
            self.out + self.filtered + self.late + self.bad,
            "{self:?}"
        );
    }
}
