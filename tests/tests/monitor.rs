#![allow(clippy::unwrap_used)]
//! What a query shows of itself: reports, the list of queries, the bar on a terminal. Expected numbers are by hand.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use st_tests::{Outcome, bash, bin, run};

/// Runs a line with a registry of its own.
fn at(folder: &Path, line: &str) -> Outcome {
    let line = format!("export ST_RUNTIME_DIR=$PWD/registry\n{line}");
    run(bash(&bin().unwrap(), folder, &line)).unwrap()
}

fn well(folder: &Path, line: &str) -> String {
    let ran = at(folder, line);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{line}");
    ran.out()
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Two files: minute 0 with three rows, minute 1 with two of which one is filtered.
fn input() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.json"),
        r#"{"ts":"2025-01-15T10:00:00Z","n":1}
{"ts":"2025-01-15T10:00:10Z","n":2}
{"ts":"2025-01-15T10:00:50Z","n":3}
"#,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("b.json"),
        r#"{"ts":"2025-01-15T10:01:20Z","n":4}
{"ts":"2025-01-15T10:01:40Z","n":-1}
"#,
    )
    .unwrap();
    folder
}

const QUERY: &str = "st-tail a.json b.json --max-files-per-trigger 1 --checkpoint ck/minutes -q |
  st-map --where 'n > 0' -q |
  st-watermark ts '10 seconds' -q |
  st-agg --by 'window(ts, \"1 minute\") as window' --agg 'count(*) as n' --mode append -q";

#[test]
fn a_report_has_sparks_fields_and_what_happened() {
    let folder = input();
    let sink = "st-sink sqlite out.db --table t -q --progress reports.json";
    well(folder.path(), &format!("{QUERY} | {sink}"));
    let text = std::fs::read_to_string(folder.path().join("reports.json")).unwrap();
    let kept = std::fs::read_to_string(folder.path().join("ck/minutes/progress/st-sink")).unwrap();
    assert_eq!(text, kept);
    let reports = lines(&text);
    assert_eq!(reports.len(), 2);
    let [first, second] = [&reports[0], &reports[1]];

    // The names in Spark's own example, apart from what Spark leaves out when it is empty.
    for name in [
        "id",
        "runId",
        "name",
        "timestamp",
        "batchId",
        "batchDuration",
        "numInputRows",
        "inputRowsPerSecond",
        "durationMs",
        "eventTime",
        "stateOperators",
        "sources",
        "sink",
    ] {
        // As in Spark a rate over no time is left out: both batches may have begun within a millisecond.
        let at_once = name == "inputRowsPerSecond" && first["timestamp"] == second["timestamp"];
        assert!(at_once || second.get(name).is_some(), "{name}: {second}");
    }
    assert_eq!(first["name"], "minutes");
    assert_eq!(first["runId"], second["runId"]);
    assert_eq!(
        (&first["batchId"], &second["batchId"]),
        (&0.into(), &1.into())
    );
    assert_eq!(first["numInputRows"], 3);
    assert_eq!(first["inputRowsPerSecond"], 0.0);
    assert_eq!(second["numInputRows"], 2);
    let names: Vec<&String> = second["durationMs"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "addBatch",
            "commitOffsets",
            "getBatch",
            "triggerExecution",
            "walCommit"
        ]
    );

    // Of 0, 10 and 50 seconds the mean is 20; the mark of the first batch, 10:00:40, is in force in the second.
    assert_eq!(
        first["eventTime"],
        serde_json::json!({"avg": "2025-01-15T10:00:20.000Z", "max": "2025-01-15T10:00:50.000Z", "min": "2025-01-15T10:00:00.000Z"})
    );
    assert_eq!(second["eventTime"]["watermark"], "2025-01-15T10:00:40.000Z");
    assert_eq!(second["st"]["watermark"], "2025-01-15T10:01:10.000Z");

    let operator = &second["stateOperators"][0];
    assert_eq!(second["stateOperators"].as_array().unwrap().len(), 1);
    assert_eq!(operator["operatorName"], "stateStoreSave");
    // Minute 0 is closed by the second batch, minute 1 is held.
    assert_eq!(
        (&operator["numRowsTotal"], &operator["numRowsRemoved"]),
        (&1.into(), &1.into())
    );
    assert_eq!(second["sink"]["numOutputRows"], 1);
    assert_eq!(second["sink"]["description"], "sqlite[out.db:t]");

    let source = &second["sources"][0];
    assert_eq!(source["description"], "st-tail[a.json, b.json]");
    assert_eq!(source["startOffset"], serde_json::json!({"path": "a.json"}));
    assert_eq!(source["endOffset"], serde_json::json!({"path": "b.json"}));

    let details = &second["st"];
    let totals = &details["totals"];
    assert_eq!(
        (
            &totals["in"],
            &totals["out"],
            &totals["filtered"],
            &totals["batches"]
        ),
        (&5.into(), &1.into(), &1.into(), &2.into())
    );
    let size: u64 = ["a.json", "b.json"]
        .iter()
        .map(|name| std::fs::metadata(folder.path().join(name)).unwrap().len())
        .sum();
    assert_eq!(
        details["bytes"],
        serde_json::json!({"done": size, "total": size})
    );
    let stages = details["stages"].as_array().unwrap();
    let tools: Vec<&str> = stages
        .iter()
        .map(|stage| stage["tool"].as_str().unwrap())
        .collect();
    assert_eq!(
        tools,
        ["st-tail", "st-map", "st-watermark", "st-agg", "st-sink"]
    );
    let latency = &details["latencyMs"];
    let (p50, max) = (
        latency["p50"].as_f64().unwrap(),
        latency["max"].as_f64().unwrap(),
    );
    assert!(
        p50 <= max && max <= second["batchDuration"].as_f64().unwrap() + 2.0,
        "{latency}"
    );
}

#[test]
fn a_failed_query_says_why_until_it_is_run_again() {
    let folder = input();
    std::fs::write(
        folder.path().join("c.json"),
        "{\"ts\":\"2025-01-15T10:05:00Z\",\"n\":\"x\"}\n",
    )
    .unwrap();
    let strict = "st-tail a.json c.json --checkpoint ck/q -q | st-map --set 'n = cast(n as struct<a: int>)' --strict -q | st-sink json --file out.json -q";
    let ran = at(folder.path(), strict);
    assert_eq!(ran.status, 1, "{}", ran.err());
    let listed = &lines(&well(folder.path(), "st-ps --json ck"))[0];
    assert_eq!(listed["status"], "failed");
    assert_eq!(listed["name"], "q");
    let error = listed["error"].as_str().unwrap();
    assert!(ran.err().contains(error), "{error}: {}", ran.err());
    assert!(
        listed["message"]
            .as_str()
            .unwrap()
            .starts_with("failed: st-map: "),
        "{listed}"
    );

    let mended = "st-tail a.json c.json --checkpoint ck/q -q | st-map --where true -q | st-sink json --file out.json -q";
    well(folder.path(), mended);
    let listed = &lines(&well(folder.path(), "st-ps --json ."))[0];
    assert_eq!(
        (&listed["status"], &listed["error"]),
        (&"stopped".into(), &Value::Null)
    );
    assert_eq!(listed["batchId"], 0);
    assert_eq!(
        lines(&well(folder.path(), "st-ps --last ck/q"))[0]["batchId"],
        0
    );
    // A stage that is refused at its start leaves no run of the sink.
    let refused =
        "st-tail a.json --checkpoint ck/refused -q | st-map --nonsense -q | st-sink null -q";
    assert_eq!(at(folder.path(), refused).status, 1);
    let table = well(folder.path(), "st-ps ck/refused");
    assert!(
        table.ends_with("  stopped before a sink had begun\n"),
        "{table}"
    );
    // Nothing runs.
    assert_eq!(well(folder.path(), "st-ps --json"), "");

    let ran = at(folder.path(), "st-ps ck/q -vv");
    assert_eq!(ran.out().lines().count(), 2);
    let err = ran.err();
    for said in [
        "st-ps: looked below ck/q: 1 queries\n",
        "st-ps: q: stopped: no lock is held; ",
        "; st-sink delivered batch 0; st-tail ended well; st-sink ended well\n",
        "st-ps: q: read from /",
    ] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let ran = at(folder.path(), "st-help -v ps");
    assert!(ran.out().starts_with("Example"));
    assert!(ran.err().starts_with("st-help: asks /"), "{}", ran.err());
}

/// A pipeline that is ended with the test.
struct Background(Child);

impl Background {
    fn start(folder: &Path, line: &str) -> Background {
        let line = format!("export ST_RUNTIME_DIR=$PWD/registry; {line}");
        let mut command = bash(&bin().unwrap(), folder, &line);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Background(command.spawn().unwrap())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `st-ps` says once it says what is wanted.
fn soon(folder: &Path, line: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let found = lines(&well(folder, line));
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < end, "{line}: {found:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_query_without_a_checkpoint_is_seen_and_so_is_its_death() {
    let folder = tempfile::tempdir().unwrap();
    // The sink's process is named by its own run; the source goes on until the sink is gone.
    let mut query = Background::start(
        folder.path(),
        "st-rate --rows-per-second 1000 -q | st-sink null -q 2>/dev/null",
    );
    let running = soon(folder.path(), "st-ps --json", |found| {
        found
            .first()
            .is_some_and(|query| query["batchId"].as_i64() >= Some(0))
    });
    assert_eq!(running.len(), 1);
    assert_eq!(running[0]["checkpoint"], Value::Null);
    assert!(
        ["waiting", "processing"].contains(&running[0]["status"].as_str().unwrap()),
        "{running:?}"
    );
    // It has no name, so it goes by what it reads.
    let table = well(folder.path(), "st-ps");
    let line = table.lines().nth(1).unwrap();
    assert!(
        line.starts_with("st-rate[rows-per-second=1000, "),
        "{table}"
    );
    let last = &lines(&well(folder.path(), "st-ps --last"))[0];
    assert_eq!(last["id"], running[0]["id"]);
    assert_eq!(last["sink"]["description"], "null");

    let pid = well(folder.path(), "jq -r .pid registry/*/runs/st-sink");
    well(folder.path(), &format!("kill -9 {pid}"));
    query.0.wait().unwrap();
    let ended = soon(folder.path(), "st-ps --all --json", |found| {
        found[0]["status"] == "failed"
    });
    assert!(
        ended[0]["error"]
            .as_str()
            .unwrap()
            .starts_with("was killed"),
        "{ended:?}"
    );
    assert_eq!(well(folder.path(), "st-ps --json"), "");
}

/// Two sources without a checkpoint are one query, while it runs and afterwards: one row, everywhere.
#[test]
fn a_query_with_several_sources_is_one() {
    let folder = input();
    std::fs::write(folder.path().join("c.json"), "{\"n\":2}\nx\n").unwrap();
    let query = "st-rate --rows-per-second 100 --stop-after 60s -q | st-map --rename 'value = n' -q |
      st-union <(st-tail a.json -q | st-map --drop ts -q) <(st-rate --rows-per-second 100 --stop-after 60s -q) -q |
      st-sink null -q";
    let mut background = Background::start(folder.path(), query);
    let delivers = |found: &[Value]| found.len() == 1 && found[0]["batchId"].as_i64() >= Some(0);
    soon(folder.path(), "st-ps --json", delivers);
    // The folders of all three sources are there.
    assert_eq!(well(folder.path(), "ls registry | wc -l").trim(), "3");
    let top = well(folder.path(), "st-top --once");
    assert_eq!(top.lines().count(), 2, "{top}");
    let evidence = at(folder.path(), "st-ps -v").err();
    for source in [
        "st-rate has not said how it ended",
        "st-tail ended well",
        "st-rate-2 has not",
    ] {
        assert!(evidence.contains(&format!("; {source}")), "{evidence}");
    }
    // Whoever ends last, the whole query has ended.
    well(
        folder.path(),
        "kill $(jq -r 'select(.role == \"source\" and .end == null).pid' registry/*/runs/*) 2>/dev/null || true",
    );
    background.0.wait().unwrap();
    let ended = soon(folder.path(), "st-ps --all --json", |found| {
        found[0]["status"] == "stopped"
    });
    assert_eq!(ended.len(), 1, "{ended:?}");

    // A failure of a further source is the query's, under the name it has there.
    let failing = "st-tail a.json -q | st-union <(st-tail c.json --strict -q) -q | st-sink null -q";
    let ran = at(folder.path(), failing);
    assert_eq!(ran.status, 1);
    let listed = lines(&well(folder.path(), "st-ps --all --json"));
    assert_eq!(listed.len(), 2, "{listed:?}");
    let message = listed[1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("failed: st-tail-2: c.json:2: not JSON"),
        "{message}"
    );
}

/// What happened to its metadata hides no query, and a closed folder is not passed over in silence.
#[test]
fn what_cannot_be_read_is_said() {
    let folder = input();
    well(folder.path(), &format!("{QUERY} | st-sink null"));
    std::fs::write(folder.path().join("ck/minutes/metadata"), "{\"st-ch").unwrap();
    let why = "metadata: not a checkpoint's metadata (EOF while parsing a string at line 1 column 7): restore it from a copy, or start afresh with a new --checkpoint";
    let listed = &lines(&well(folder.path(), "st-ps --json ck"))[0];
    let path = format!(
        "{}/ck/minutes",
        folder.path().canonicalize().unwrap().display()
    );
    let wanted = (&"unreadable".into(), format!("{path}/{why}"));
    assert_eq!(
        (&listed["status"], listed["error"].as_str().unwrap().into()),
        wanted
    );
    // Who sees it there is refused with the same words.
    let refused = at(folder.path(), &format!("{QUERY} | st-sink null"));
    assert!(
        refused.err().contains(&format!("ck/minutes/{why}")),
        "{}",
        refused.err()
    );
    let table = well(folder.path(), "st-ps ck/minutes");
    let line = table.lines().nth(1).unwrap();
    assert!(
        line.starts_with("minutes") && line.contains(&format!("unreadable: {path}/{why}")),
        "{table}"
    );
    let top = well(folder.path(), "st-top --once ck");
    assert!(
        top.lines().nth(1).unwrap().contains("unreadable: "),
        "{top}"
    );

    // The administrator can list everything, so another user asks.
    let line = "mkdir -p ck/closed; chmod 0 ck/closed; chmod 755 .
      mkdir tools; cp $(command -v st-ps) $(command -v st-top) tools; as=
      [ $(id -u) != 0 ] || as='setpriv --reuid 65534 --regid 65534 --clear-groups'
      for tool in 'st-ps ck' 'st-top --once ck'; do $as tools/$tool | wc -l; echo ${PIPESTATUS[0]}; done
      chmod 755 ck/closed";
    let ran = at(folder.path(), line);
    assert_eq!(ran.out(), "2\n1\n2\n1\n", "{}", ran.err());
    let said = "ck/closed: cannot be listed: Permission denied (os error 13)\n";
    assert_eq!(ran.err(), format!("st-ps: {said}st-top: {said}"));
}

/// What a terminal of a hundred columns gets from a line.
fn on_a_terminal(folder: &Path, line: &str) -> String {
    let line = format!("stty cols 100 rows 24; {line}");
    std::fs::write(folder.join("line"), line).unwrap();
    let ran = at(folder, "script -qefc 'bash ./line' /dev/null < /dev/null");
    assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
    ran.out()
}

#[test]
fn an_input_of_known_size_has_a_bar_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..40 {
        let rows = format!("{{\"file\":{file},\"text\":\"{}\"}}\n", "x".repeat(80)).repeat(500);
        std::fs::write(folder.path().join(format!("{file:02}.json")), rows).unwrap();
    }
    let line = "st-tail [0-9]*.json --max-files-per-trigger 1 | st-map --set 'a = upper(text)' | st-sink null";
    let seen = on_a_terminal(folder.path(), line);
    let bars: Vec<&str> = seen
        .split('\r')
        .filter(|part| part.contains("\u{1b}[K["))
        .collect();
    assert!(!bars.is_empty(), "{seen}");
    for bar in bars {
        assert!(bar.contains("%, "), "{bar}");
        assert!(bar.chars().count() <= 100 + 3, "{bar}");
        // What was delivered has been read: forty files of nearly one size.
        let delivered = bar
            .split_once("; batch ")
            .and_then(|(_, rest)| rest.split_once(':'));
        let share = bar
            .split_once('%')
            .and_then(|(begin, _)| begin.rsplit([']', ' ']).next());
        if let (Some((batch, _)), Some(share)) = (delivered, share) {
            let batch: u64 = batch.parse().unwrap();
            assert!(
                share.parse::<u64>().unwrap() + 1 >= (batch + 1) * 100 / 40,
                "{bar}"
            );
        }
    }
    assert!(seen.contains("20,000 rows in, 20,000 out"), "{seen}");
    // What is left on the terminal is the summary alone: the line was taken away.
    assert!(
        seen.trim_end()
            .rsplit('\r')
            .next()
            .unwrap()
            .contains("40 batches"),
        "{seen}"
    );
    assert_eq!(well(folder.path(), line), "");
}

/// Behind a stage that waits for the end of a batch no row comes: the bar follows the source all the same, in a file of any kind.
#[test]
fn the_bar_moves_within_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 1u64;
    let rows: String = (0..50_000)
        .map(|_| {
            // Text that cannot be compressed to nothing.
            let mut word = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed
            };
            let text: String = (0..5).map(|_| format!("{:016x}", word())).collect();
            format!("{{\"n\":1,\"text\":\"{text}\"}}\n")
        })
        .collect();
    std::fs::write(folder.path().join("big.json"), rows).unwrap();
    let make = "gzip -k big.json; st-tail big.json -q | st-sink parquet table -q";
    well(folder.path(), make);
    for file in ["big.json", "big.json.gz", "table"] {
        // Five megabytes at a known pace: what is measured is that the bar keeps it.
        let pace = "{ for i in $(seq 12); do head -c 400000; sleep 0.12; done; cat; }";
        let line =
            format!("st-tail {file} --available-now | {pace} | st-agg --by n | st-sink null");
        let seen = on_a_terminal(folder.path(), &line);
        let bars: Vec<&str> = seen
            .split('\r')
            .filter(|part| part.contains("\u{1b}[K["))
            .collect();
        let percents: Vec<u32> = bars
            .iter()
            .map(|bar| {
                let (before, _) = bar.split_once('%').unwrap();
                before.rsplit([']', ' ']).next().unwrap().parse().unwrap()
            })
            .collect();
        assert!(percents.is_sorted(), "{seen}");
        let mut between: Vec<u32> = percents
            .into_iter()
            .filter(|share| (1..100).contains(share))
            .collect();
        between.dedup();
        assert!(between.len() >= 3, "{file}: {seen}");
        let reads = bars
            .iter()
            .any(|bar| bar.contains(" left; reads the first batch: "));
        assert!(reads, "{file}: {seen}");
        assert!(seen.contains("1 batch, 50,000 rows in, 1 out"), "{seen}");
    }
}

#[test]
fn one_sink_of_several_draws_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        "st-rate --rows-per-batch 1000 --rows 300000 | st-tee 'a=st-sink null' 'b=st-sink null'";
    let seen = on_a_terminal(folder.path(), line);
    let drawn: Vec<char> = seen
        .split("\u{1b}[K")
        .filter_map(|part| part.strip_suffix('\r').or(Some(part))?.chars().next())
        .filter(|c| ['a', 'b'].contains(c))
        .collect();
    let changes = drawn.windows(2).filter(|two| two[0] != two[1]).count();
    // The other one takes over when the first has ended; then come the two summaries.
    assert!(changes <= 3, "{drawn:?}");
}

#[test]
fn verbose_tells_what_is_decided_and_quiet_is_quiet() {
    let folder = input();
    let line = "st-tail a.json b.json --max-files-per-trigger 1 -v | st-watermark ts '10 seconds' -q | st-agg --by 'window(ts, \"1 minute\") as window' --mode append -v | st-sink json -v";
    let ran = at(folder.path(), line);
    assert_eq!(ran.status, 0);
    let err = ran.err();
    for said in [
        "st-tail: 2 new files listed: ",
        "st-tail: batch 0 cut: 3 rows read, 0 bad",
        "st-agg: begins; no checkpoint",
        "st-agg: batch 1 (final): 2 rows in, 2 out; holds 0 keys",
        "the watermark 2025-01-15T10:01:30.000Z closes 1 groups",
        "st-sink: 2 batches, 5 rows in, 2 out, 0 filtered, 0 late, 0 rejected, ",
    ] {
        assert!(err.contains(said), "{said}: {err}");
    }
}
