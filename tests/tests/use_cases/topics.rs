//! Topics, written and read by kcat.

use std::path::Path;

use serde_json::Value;

use crate::{script, succeed};

/// The broker that `make test-use-cases` has started.
pub fn broker() -> String {
    std::env::var("ST_TEST_KAFKA").expect("needs a broker: make test-use-cases starts one")
}

/// Puts the lines of all data files into a topic, in order, with one of their members as the key.
pub fn fill(work: &Path, name: &str, topic: &str, key: &str) {
    let line = format!(
        "cat '{}'/* | sed -E 's/.*\"{key}\":\"([^\"]*)\".*/\\1\\t&/' | kcat -P -b {} -t {topic} -K '\t' -T >/dev/null",
        work.join("data").join(name).display(),
        broker()
    );
    succeed(script(work, &line));
}

/// The committed messages of a topic: each one's key and value.
pub fn messages(work: &Path, topic: &str) -> Vec<(String, Value)> {
    let line = format!(
        "kcat -C -e -q -b {} -t {topic} -o beginning -X isolation.level=read_committed -f '%k\\t%s\\n'",
        broker()
    );
    let read = succeed(script(work, &line)).out();
    let split = |line: &str| -> (String, Value) {
        let (key, value) = line.split_once('\t').unwrap();
        (key.to_string(), serde_json::from_str(value).unwrap())
    };
    read.lines().map(split).collect()
}

/// Some of the values' members between bars, sorted. A window is its beginning.
pub fn members(messages: &[(String, Value)], names: &[&str]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(window) => window["start"].as_str().unwrap()[..19].replace('T', " "),
        other => other.to_string(),
    };
    let mut found: Vec<String> = messages
        .iter()
        .map(|(_, value)| {
            let cells: Vec<String> = names.iter().map(|name| text(&value[*name])).collect();
            cells.join("|")
        })
        .collect();
    found.sort();
    found
}
