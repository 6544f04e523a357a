#![allow(clippy::unwrap_used)]
//! A plan holds all that a query was told: every option of every tool is in its node, or has a reason not to be.

use std::collections::BTreeSet;

use serde_json::Value;
use st_tests::{bash, bin, root, run};

/// Options that are no part of what a query is, and why.
const APART: [(&str, &str); 11] = [
    ("name", "is the node's name"),
    ("explain", "is the field of the start marker"),
    ("quiet", "is what a person sees"),
    ("branch", "stands where the stream is split"),
    ("verbose", "is what a person sees"),
    ("help", "runs nothing"),
    ("version", "runs nothing"),
    ("plain", "a plain stream has no plan"),
    (
        "keep-going",
        "is what becomes of other branches when one has failed",
    ),
    ("header", "is no-header if it is false"),
    ("progress", "is a report beside the rows"),
];

/// The same, for stages behind a source, to which a plain stream alone gives them a meaning.
const OF_PLAIN_INPUT: [&str; 3] = ["checkpoint", "durability", "trigger"];

/// Each tool, and pipelines in which it has every option that belongs into a plan.
const GIVEN: [(&str, &[&str]); 10] = [
    (
        "st-tail",
        &[
            "st-tail in --schema 'a INT' --format csv --header false --sep ';' --quote \"'\" --escape backslash --max-line 100 \
             --max-files-per-trigger 1 --latest-first --recursive --clean-source delete --skip-lost --checkpoint ck \
             --trigger 1s --max-rows-per-trigger 1 --max-bytes-per-trigger 1 --stop-after 1s --heartbeat 1s --drain \
             --rejects bad --strict --durability process --explain=json | st-sink",
            "st-tail in --schema 'a INT' --format csv --comment '#' --null-value none --timestamp-format yyyy --date-format yyyy \
             --ignore-leading-white-space --ignore-trailing-white-space --mode failfast \
             --explain=json | st-sink",
            "st-tail in --multi-line --schema 'a INT, bad STRING' --column-name-of-corrupt-record bad --explain=json | st-sink",
            "st-tail in --format parquet --merge-schema --base-path in --explain=json | st-sink",
            "st-tail in/a.json --follow --from latest --available-now --explain=json | st-sink",
        ],
    ),
    (
        "st-rate",
        &[
            "st-rate --rows-per-batch 1 --advance 2s --start-time 2025-01-01T00:00:00Z --rows 3 --available-now --checkpoint ck \
             --max-rows-per-trigger 1 --max-bytes-per-trigger 1 --stop-after 1s --heartbeat 1s --drain --rejects bad --strict \
             --durability process --explain=json | st-sink",
            "st-rate --rows-per-second 2 --ramp-up 3s --trigger 1s --explain=json | st-sink",
        ],
    ),
    (
        "st-listen",
        &[
            "st-listen --connect localhost:9 --no-reconnect --include-timestamp --max-line 9 --idle-timeout 1s --checkpoint ck \
             --trigger 1s --max-rows-per-trigger 1 --max-bytes-per-trigger 1 --stop-after 1s --heartbeat 1s --drain --rejects bad \
             --strict --durability process --explain=json | st-sink",
            "st-listen 9 --format json --max-clients 2 --explain=json | st-sink",
        ],
    ),
    (
        "st-map",
        &[
            "st-rate --explain=json | st-map --where 'value >= 0' --set 'b = 1' --rename 'b as c' --drop c --select 'value' --through cat \
             --else other --tz Asia/Tokyo --rejects bad --strict | st-sink",
        ],
    ),
    (
        "st-watermark",
        &[
            "st-rate --explain=json | st-watermark timestamp 1m --idle-timeout 1m --tz Asia/Tokyo --rejects bad --strict | st-sink",
        ],
    ),
    (
        "st-window",
        &[
            "st-rate --explain=json | st-window timestamp 1m 30s --offset 5s --as w --tz Asia/Tokyo --rejects bad --strict | st-sink",
            "st-rate --explain=json | st-window timestamp --session 1m | st-sink",
        ],
    ),
    (
        "st-agg",
        &[
            "st-rate --explain=json | st-agg --by value --agg 'count(*) as n' --mode complete --order-by n --limit 2 --late late \
             --tz Asia/Tokyo --rejects bad --strict | st-sink",
        ],
    ),
    (
        "st-dedup",
        &[
            "st-rate --explain=json | st-dedup --by value --forever --tz Asia/Tokyo --rejects bad --strict | st-sink",
            "st-rate --explain=json | st-watermark timestamp 1m | st-dedup --by value --within-watermark --late late | st-sink",
        ],
    ),
    (
        "st-fold",
        &[
            "st-rate --explain=json | st-watermark timestamp 1m | st-fold --by value --init '{}' --update 'emit({n: .}) | timer($time + 600)' --on-timer 'emit({n: .})' --ttl 1h --late late \
             --tz Asia/Tokyo --rejects bad --strict | st-sink",
        ],
    ),
    (
        "st-sink",
        &[
            "st-rate --explain=json | st-sink csv out --partition-by value --overwrite --sep ';' --no-header --null-value none --timestamp-format yyyy --date-format yyyy --compression gzip \
             --tz Asia/Tokyo --rejects bad --strict",
            "st-rate --explain=json | st-sink json --file out --append --ignore-null-fields",
            "st-rate --explain=json | st-sink console --num-rows 1 --truncate 3 --live",
            "st-rate --explain=json | st-sink console --vertical",
            "st-rate --explain=json | st-sink sqlite db --table t",
            "st-rate --explain=json | st-sink exec cat --empty",
        ],
    ),
];

/// What the node of `tool` holds: its options and steps, by name.
fn shown(plan: &Value, tool: &str) -> BTreeSet<String> {
    let nodes = plan["plan"].as_array().unwrap().iter();
    let options = nodes
        .filter(|node| node["tool"] == tool)
        .flat_map(|node| node["options"].as_object().unwrap().iter());
    let mut names = BTreeSet::new();
    for (name, value) in options {
        assert!(
            !name.contains('_'),
            "{tool}: {name} is not spelled as given"
        );
        names.insert(name.clone());
        for step in value.as_array().into_iter().flatten() {
            names.extend(
                step.as_object()
                    .into_iter()
                    .flat_map(|step| step.keys().cloned()),
            );
        }
    }
    names
}

/// The long options a tool's help names.
fn options(tool: &str) -> Vec<String> {
    let help = run(bash(&bin().unwrap(), &root(), &format!("{tool} --help"))).unwrap();
    let text = help.out();
    let lines = text
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'));
    lines
        .filter_map(|line| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix("--"))
        })
        .map(|name| {
            name.split(['=', '[', ',', '.', ':'])
                .next()
                .unwrap()
                .to_string()
        })
        .collect()
}

#[test]
fn every_option_is_in_the_plan_or_has_a_reason() {
    for (tool, lines) in GIVEN {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/a.json"), "").unwrap();
        let mut names = BTreeSet::new();
        for line in lines {
            let ran = run(bash(&bin().unwrap(), folder.path(), line)).unwrap();
            assert_eq!(ran.status, 0, "{line}\n{}", ran.err());
            names.extend(shown(&serde_json::from_str(&ran.out()).unwrap(), tool));
        }
        let source = ["st-tail", "st-rate", "st-listen"].contains(&tool);
        for option in options(tool) {
            let apart = APART.iter().any(|(name, _)| *name == option)
                || !source && OF_PLAIN_INPUT.contains(&option.as_str())
                // A rate's zone reads its start time; a socket never has all it will send, and refuses.
                || [("st-rate", "tz"), ("st-listen", "available-now")].contains(&(tool, option.as_str()));
            // Some say their unit: ramp-up-seconds.
            let there = names
                .iter()
                .any(|name| *name == option || name.starts_with(&format!("{option}-")));
            assert!(
                apart || there,
                "{tool}: --{option} is not in the plan: {names:?}"
            );
        }
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["in"], "{tool}: an explained line leaves no trace");
    }
}

/// W19: `start`, then `end`; anything between them is an error of the stage that meets it.
#[test]
fn w19_an_explained_stream_has_no_batches() {
    let folder = tempfile::tempdir().unwrap();
    let at = |line: &str| run(bash(&bin().unwrap(), folder.path(), line)).unwrap();
    let wire = at("st-rate --explain=json | st-map --where true");
    let markers: Vec<Value> = wire
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = markers
        .iter()
        .map(|marker| marker["$st"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["start", "end"]);
    assert_eq!(markers[0]["explain"], "json");
    assert_eq!(
        markers[0]["plan"][1]["schema"],
        "timestamp TIMESTAMP, value BIGINT"
    );
    for (line, said) in [
        (
            r#"{"$st":"begin","id":0,"time":"2025-01-01T00:00:00Z"}"#,
            "marker begin in a stream that is explained",
        ),
        (r#"{"a":1}"#, "a row in a stream that is explained"),
    ] {
        let ran = at(&format!(
            "st-rate --explain | sed '1a {line}' | st-sink null"
        ));
        assert_eq!(ran.status, 1);
        assert!(ran.err().contains(said), "{}", ran.err());
    }
    let cut = at("st-rate --explain | head -1 | st-sink null");
    assert!(cut.err().contains("broke off"), "{}", cut.err());
    assert_eq!((cut.status, cut.out().as_str()), (1, ""));
}

/// A script's pipelines explain themselves if the environment asks.
#[test]
fn the_environment_asks_all_sources() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(bash(
        &bin().unwrap(),
        folder.path(),
        "export ST_EXPLAIN=tree; st-rate | st-sink null; st-rate -q --explain=json | st-sink null | jq -r '.plan[1].tool'",
    ))
    .unwrap();
    assert_eq!(
        ran.out(),
        "st-rate\n│   rows-per-second: 1\n│   ramp-up-seconds: 0\nst-sink\n    format: \"null\"\nrows: append\ndeclared: timestamp TIMESTAMP, value BIGINT\nst-sink\n"
            .replace("\"null\"", "null")
    );
}
