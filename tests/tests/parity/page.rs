//! The bash side of `docs/FROM-SPARK.md` gives what the PySpark side beside it gave (`answers/from-spark.ndjson`,
//! `tests/parity/page.py`).

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use libtest_mimic::Trial;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::answer::{Answer, exact};

/// One pair of the page.
#[derive(Clone)]
struct Pair {
    title: String,
    bash: String,
    same: String,
}

/// What all lines begin with, and the pairs.
fn pairs(page: &str) -> (String, Vec<Pair>) {
    let (mut title, mut bash, mut first, mut pairs) =
        (String::new(), String::new(), String::new(), Vec::new());
    let mut language: Option<String> = None;
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("```") {
            language = match language {
                None => Some(name.to_string()),
                Some(_) => None,
            };
            if name == "bash" {
                first = if first.is_empty() {
                    bash.clone()
                } else {
                    first
                };
                bash.clear();
            }
        } else if language.as_deref() == Some("bash") {
            bash += &format!("{line}\n");
        } else if language.is_none() && line.starts_with('#') {
            title = line.trim_start_matches('#').trim().to_string();
        } else if let Some(same) = line
            .strip_prefix("<!-- same: ")
            .and_then(|line| line.strip_suffix(" -->"))
        {
            pairs.push(Pair {
                title: title.clone(),
                bash: bash.clone(),
                same: same.to_string(),
            });
        }
    }
    (first, pairs)
}

/// A test for each pair.
pub fn trials(bin: &Result<PathBuf, String>) -> Vec<Trial> {
    let page =
        std::fs::read_to_string(st_tests::root().join("docs/FROM-SPARK.md")).unwrap_or_default();
    let answers = std::fs::read_to_string(crate::folder().join("answers/from-spark.ndjson"))
        .unwrap_or_default();
    let known: BTreeMap<String, Value> = answers
        .lines()
        .skip(1)
        .filter_map(|line| serde_json::from_str::<Value>(&exact(line)).ok())
        .filter_map(|line| Some((line["idiom"].as_str()?.to_string(), line["rows"].clone())))
        .collect();
    let (first, pairs) = pairs(&page);
    let trial = |pair: Pair| {
        let (bin, first) = (bin.clone(), first.clone());
        let rows = known.get(&pair.title).cloned();
        Trial::test(
            format!("from-spark/{}", pair.title.to_lowercase().replace(' ', "-")),
            move || {
                let rows = rows.ok_or("no answer: make parity-regenerate TOPIC=from-spark")?;
                Ok(check(&bin?, &first, &pair, &rows).map_err(|error| format!("{error:#}"))?)
            },
        )
    };
    pairs.into_iter().map(trial).collect()
}

fn check(bin: &Path, first: &str, pair: &Pair, spark: &Value) -> Result<()> {
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let data = crate::folder().join("from-spark");
    let port = match pair.bash.contains("9999") {
        true => serve()?,
        false => 0,
    };
    let line = format!(
        "set -o pipefail; mkdir out && cp -r '{}' data\nfor file in data/*/*; do touch -d \"@$((n += 1))\" \"$file\"; done\n{first}{}",
        data.display(),
        pair.bash.replace("9999", &port.to_string())
    );
    let outcome = st_tests::run(st_tests::bash(bin, scratch.path(), &line))?;
    if outcome.status != 0 {
        bail!("{}{}", pair.bash, outcome.err());
    }
    let ours = rows(scratch.path(), &pair.same, &outcome.out())?;
    let ours = Answer::Rows {
        steps: vec![ours],
        late: vec![0],
    };
    let spark = Answer::Rows {
        steps: vec![spark.as_array().cloned().unwrap_or_default()],
        late: vec![0],
    };
    if !ours.agrees(&spark, false) {
        bail!(
            "{}Spark: {spark}\nours:  {ours}\n{}",
            pair.bash,
            outcome.err()
        );
    }
    Ok(())
}

/// A server that says three lines to everyone who connects, and keeps silent afterwards; its port.
fn serve() -> Result<u16> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let port = server.local_addr()?.port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut client in server.incoming().flatten() {
            let said = client.write_all("hello\n\nwörld\n".as_bytes());
            kept.push((client, said));
        }
    });
    Ok(port)
}

/// What `same` speaks of.
fn rows(folder: &Path, same: &str, printed: &str) -> Result<Vec<Value>> {
    let words: Vec<&str> = same.split_whitespace().collect();
    match words[..] {
        ["printed"] => Ok(printed
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .map(Value::from)
            .collect()),
        ["table", name, database] => table(&folder.join(database), name),
        ["parquet", path] => {
            let mut found = Vec::new();
            for file in files(&folder.join(path))? {
                found.extend(parquet(&file)?);
            }
            Ok(found)
        }
        [kind, path] => {
            let mut found = Vec::new();
            for file in files(&folder.join(path))? {
                for line in std::fs::read_to_string(&file)?.lines() {
                    found.push(match kind {
                        "json" => serde_json::from_str(&exact(line))?,
                        _ => line.into(),
                    });
                }
            }
            Ok(found)
        }
        _ => bail!("same: {same}?"),
    }
}

/// The files below a path that readers see.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            found.extend(files(&entry.path())?);
        }
    }
    found.sort();
    Ok(found)
}

fn table(database: &Path, name: &str) -> Result<Vec<Value>> {
    let database = rusqlite::Connection::open(database)?;
    let mut all = database.prepare(&format!("select * from \"{name}\""))?;
    let names: Vec<String> = all.column_names().into_iter().map(str::to_string).collect();
    let rows = all.query_map([], |row| {
        let member = |(at, name): (usize, &String)| {
            let value = match row.get_ref(at)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => format!("{number:?}"),
                ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)).to_string(),
                _ => "null".to_string(),
            };
            Ok(format!("{}:{value}", Value::from(name.as_str())))
        };
        names
            .iter()
            .enumerate()
            .map(member)
            .collect::<rusqlite::Result<Vec<String>>>()
    })?;
    rows.map(|row| {
        Ok(serde_json::from_str(&exact(&format!(
            "{{{}}}",
            row?.join(",")
        )))?)
    })
    .collect()
}

/// The rows of a file, with the columns that its folders' names hold.
fn parquet(file: &Path) -> Result<Vec<Value>> {
    let parts = file
        .iter()
        .filter_map(|part| part.to_str()?.split_once('='));
    let parts: Vec<(String, String)> = parts
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let reader = SerializedFileReader::new(std::fs::File::open(file)?)?;
    let mut found = Vec::new();
    for row in reader.get_row_iter(None)? {
        let mut members: Vec<String> = Vec::new();
        for (name, field) in row?.get_column_iter() {
            let value = match field {
                Field::Null => "null".to_string(),
                Field::Str(text) => Value::from(text.as_str()).to_string(),
                Field::Double(number) => format!("{number:?}"),
                Field::Long(number) => number.to_string(),
                other => bail!("{name} is {other}"),
            };
            members.push(format!("{}:{value}", Value::from(name.as_str())));
        }
        for (name, value) in &parts {
            members.push(format!(
                "{}:{}",
                Value::from(name.as_str()),
                Value::from(value.as_str())
            ));
        }
        found.push(serde_json::from_str(&exact(&format!(
            "{{{}}}",
            members.join(",")
        )))?);
    }
    Ok(found)
}
