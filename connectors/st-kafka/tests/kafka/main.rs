//! Source and sink against a real Kafka broker.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod copies;
mod harness;
mod kills;
mod runs;
mod sink;

use harness::{Broker, Dir, make_topic};

const READ: &str = "st-kafka --bootstrap-servers $B --starting-offsets earliest --available-now";

#[test]
fn messages_are_sparks_rows() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("printf 'k1:{\"a\":1}\\n:plain\\n' | kcat -P -b $B -t rows -K: -Z -H h=v");
    let rows = dir.lines(&format!(
        "{READ} rows --include-headers | st-sink json | jq -c 'del(.timestamp)'"
    ));
    assert_eq!(
        rows,
        [
            r#"{"key":"k1","value":"{\"a\":1}","topic":"rows","partition":0,"offset":0,"timestampType":0,"headers":[{"key":"h","value":"dg=="}]}"#,
            r#"{"key":null,"value":"plain","topic":"rows","partition":0,"offset":1,"timestampType":0,"headers":[{"key":"h","value":"dg=="}]}"#,
        ]
    );
    // What is no row is rejected with the place it stands at, and the others go on.
    let ran = dir.bash(&format!(
        "{READ} rows --value json --schema 'a INT' --rejects bad.ndjson | st-map --select 'value.a + 1 as b' | st-sink json; cat bad.ndjson"
    ));
    assert_eq!(ran.status, 0);
    assert!(ran.out.starts_with("{\"b\":2}\n"), "{ran:#?}");
    assert!(
        ran.out.contains("\"at\":\"rows:0:1\"") && ran.out.contains("value: not JSON"),
        "{ran:#?}"
    );
    let whole = dir.bash(&format!("{READ} rows --value row -q | st-sink json -q"));
    assert_eq!((whole.status, whole.out.as_str()), (0, "{\"a\":1}\n"));
    let keys = dir.lines(&format!(
        "{READ} rows --key base64 --value base64 | st-sink json | jq -c .key"
    ));
    assert_eq!(keys, ["\"azE=\"", "null"]);
}

#[test]
fn a_first_run_begins_where_it_is_told() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 5 | kcat -P -b $B -t begins");
    let values = |options: &str| {
        dir.lines(&format!(
            "st-kafka --bootstrap-servers $B begins --available-now {options} | st-sink json | jq -r .value"
        ))
    };
    assert_eq!(
        values("--starting-offsets earliest"),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(
        values("--starting-offsets '{\"begins\":{\"0\":3}}'"),
        ["4", "5"]
    );
    assert_eq!(
        values("--starting-offsets '{\"begins\":{\"0\":-1}}'"),
        Vec::<String>::new()
    );
    assert_eq!(values("--starting-timestamp 2001-01-01").len(), 5);
    assert_eq!(values("--starting-timestamp 2101-01-01").len(), 0);
    dir.refused(
        "st-kafka --bootstrap-servers $B begins --starting-offsets '{\"begins\":{\"0\":99}}' --available-now | st-sink json",
        &["topic begins: partition 0: goes from offset 0 to 5, but is read up to 99", "--skip-lost"],
    );
    dir.refused(
        "st-kafka t --bootstrap-servers $B --starting-offsets first | st-sink",
        &["--starting-offsets"],
    );
}

#[test]
fn a_restart_goes_on_and_topics_come_by_pattern() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 3 | kcat -P -b $B -t shop-a; seq 11 12 | kcat -P -b $B -t shop-b");
    let line = format!(
        "{READ} --topic-pattern 'shop-.*' --checkpoint ck | st-sink json --file out.ndjson && jq -r .value out.ndjson | sort -n"
    );
    assert_eq!(dir.lines(&line), ["1", "2", "3", "11", "12"]);
    dir.lines("seq 13 14 | kcat -P -b $B -t shop-b; seq 21 22 | kcat -P -b $B -t shop-c");
    assert_eq!(
        dir.lines(&line),
        ["1", "2", "3", "11", "12", "13", "14", "21", "22"]
    );
}

#[test]
fn a_limit_is_shared_by_the_partitions_and_a_replay_keeps_their_order() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 300 | kcat -P -b $B -t split-a; seq 100 | kcat -P -b $B -t split-b");
    let read = "st-kafka split-a split-b --bootstrap-servers $B --starting-offsets earliest --available-now --max-rows-per-trigger 40";
    let shares = dir.lines(&format!(
        "{read} | jq -c 'select(.\"$st\" == \"batch\").stages[0].source.end | [.[\"split-a\"][\"0\"], .[\"split-b\"][\"0\"]]' | head -n 2"
    ));
    assert_eq!(shares, ["[30,10]", "[60,20]"]);
    dir.lines(&format!(
        "{read} --checkpoint whole | st-sink json --file whole.ndjson"
    ));
    for step in [
        "source.after_record:3",
        "sink.before_commit:2",
        "sink.mid_output:4",
    ] {
        dir.bash_with(
            &format!("{read} --checkpoint killed | st-sink json --file killed.ndjson"),
            &[("ST_FAIL", step)],
        );
    }
    dir.lines(&format!(
        "{read} --checkpoint killed | st-sink json --file killed.ndjson"
    ));
    assert_eq!(
        dir.lines("cmp whole.ndjson killed.ndjson && wc -l <killed.ndjson"),
        ["400"]
    );
}

#[test]
fn a_partition_that_has_had_its_share_is_paused_and_goes_on() {
    let Some(dir) = Dir::new() else {
        return;
    };
    make_topic(&dir.broker, "paused", 3);
    dir.lines("for p in 0 1 2; do seq $((1000 * p + 1)) $((1000 * p + 100 * p * p + 20)) | kcat -P -b $B -t paused -p $p; done");
    // Two messages are held at the most before a partition is paused.
    let ran = dir.bash_with(
        "st-kafka paused --bootstrap-servers $B --starting-offsets earliest --value text --available-now --max-rows-per-trigger 10 --checkpoint ck | st-sink json --file rows && jq -r .value rows",
        &[("ST_FAIL_EARLY", "1")],
    );
    assert_eq!(ran.status, 0, "{ran:?}");
    let mut read: Vec<usize> = ran.out.lines().map(|line| line.parse().unwrap()).collect();
    read.sort_unstable();
    let expected: Vec<usize> = (1..=20).chain(1001..=1120).chain(2001..=2420).collect();
    assert_eq!(read, expected);
}

#[test]
fn what_is_gone_is_named_or_skipped() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let dir = Dir::on(&broker.address);
    dir.lines("seq 10 | kcat -P -b $B -t t");
    let line = "st-kafka t --bootstrap-servers $B --starting-offsets earliest --available-now --checkpoint ck";
    dir.lines(&format!("{line} | st-sink json --file out.ndjson"));
    // The topic begins anew, as if it had been removed and made again.
    drop(broker);
    let Some(broker) = Broker::start() else {
        return;
    };
    let dir = dir.moved(&broker.address);
    dir.lines("seq 101 103 | kcat -P -b $B -t t");
    dir.refused(
        &format!("{line} | st-sink json --file out.ndjson"),
        &[
            "topic t: partition 0: goes from offset 0 to 3, but is read up to 10",
            "--skip-lost",
        ],
    );
    let last = dir.lines(&format!("{line} --skip-lost -q | st-sink json --file out.ndjson -q; tail -n 1 out.ndjson | jq -r .value"));
    assert_eq!(last, ["103"]);
}

#[test]
fn a_cluster_that_does_not_answer_is_named() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.refused(
        "st-kafka t --bootstrap-servers 127.0.0.1:1 --timeout 1s | st-sink json",
        &["kafka: 127.0.0.1:1", "see that the brokers run"],
    );
    dir.lines("echo 'sasl.password=hunter2\nno.such.setting=1' >client.conf");
    dir.refused(
        "st-kafka t --bootstrap-servers $B --config client.conf | st-sink json",
        &["no.such.setting"],
    );
}
