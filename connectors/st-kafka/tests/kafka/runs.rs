//! How batches are cut and runs end; what a cluster with TLS and passwords asks for; what a run reports.

use crate::harness::{Dir, make_topic, secure};

#[test]
fn every_trigger_gives_the_same_rows() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 200 | kcat -P -b $B -t triggers");
    let whole: Vec<String> = (1..=200).map(|n| n.to_string()).collect();
    for options in [
        "--available-now",
        "--available-now --max-rows-per-trigger 7",
        "--available-now --max-bytes-per-trigger 300",
        "--available-now --min-rows-per-trigger 900",
    ] {
        let rows = dir.lines(&format!(
            "st-kafka triggers --bootstrap-servers $B --starting-offsets earliest {options} | st-sink json | jq -r .value"
        ));
        assert_eq!(rows, whole, "{options}");
    }
    // Runs that have no end of their own are ended when all has come.
    for options in ["", "--trigger 100ms", "--heartbeat 100ms"] {
        let rows = dir.lines(&format!(
            "rm -f out.ndjson; mkfifo p 2>/dev/null; st-kafka triggers --bootstrap-servers $B --starting-offsets earliest {options} -q >p & source=$!; st-sink json --file out.ndjson -q <p & sink=$!; \
             until [ \"$(wc -l 2>/dev/null <out.ndjson)\" = 200 ]; do sleep 0.05; done; kill -TERM $source; wait $sink; jq -r .value out.ndjson"
        ));
        assert_eq!(rows, whole, "{options}");
    }
}

#[test]
fn at_a_drain_what_is_open_comes_out() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("for n in 1 2 3; do echo \"{\\\"ts\\\":\\\"2025-01-15T10:0$n:00Z\\\"}\"; done | kcat -P -b $B -t drained");
    let line = "st-kafka drained --bootstrap-servers $B --starting-offsets earliest --value row --schema 'ts TIMESTAMP' --available-now --checkpoint ck";
    let windows = "st-watermark ts 10m | st-agg --by 'window(ts, \"1h\")' --mode append | st-sink json | jq -c .count";
    assert_eq!(
        dir.lines(&format!("{line} | {windows}")),
        Vec::<String>::new()
    );
    assert_eq!(dir.lines(&format!("{line} --drain | {windows}")), ["3"]);
}

#[test]
fn a_batch_waits_for_enough_messages_but_not_for_ever() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 3 | kcat -P -b $B -t least");
    let line = "st-kafka least --bootstrap-servers $B --starting-offsets earliest -q";
    let wait = "until [ -s out.ndjson ]; do sleep 0.05; done; kill -TERM $source; wait $sink; jq -r .value out.ndjson; rm out.ndjson";
    let run = |options: &str, meanwhile: &str| {
        dir.lines(&format!(
            "mkfifo p 2>/dev/null; {line} {options} >p & source=$!; st-sink json --file out.ndjson -q <p & sink=$!; {meanwhile} {wait}"
        ))
    };
    assert_eq!(
        run("--min-rows-per-trigger 5 --max-trigger-delay 300ms", ""),
        ["1", "2", "3"]
    );
    assert_eq!(
        run(
            "--min-rows-per-trigger 5 --max-trigger-delay 1h",
            "seq 4 5 | kcat -P -b $B -t least;"
        ),
        ["1", "2", "3", "4", "5"]
    );
}

#[test]
fn partitions_are_chosen_and_begin_where_each_is_told() {
    let Some(dir) = Dir::new() else {
        return;
    };
    make_topic(&dir.broker, "parts", 3);
    dir.lines(
        "for p in 0 1 2; do seq $((p + 1))1 $((p + 1))3 | kcat -P -b $B -t parts -p $p; done",
    );
    let values = |options: &str| {
        let mut rows = dir.lines(&format!(
            "st-kafka --bootstrap-servers $B --available-now {options} | st-sink json | jq -r .value"
        ));
        rows.sort_unstable();
        rows
    };
    assert_eq!(
        values("--assign '{\"parts\":[0,2]}' --starting-offsets earliest"),
        ["11", "12", "13", "31", "32", "33"]
    );
    // -2 is the earliest, -1 the latest; a partition that is not named begins at the earliest.
    assert_eq!(
        values("parts --starting-offsets '{\"parts\":{\"0\":-1,\"1\":2}}'"),
        ["23", "31", "32", "33"]
    );
    let millis = dir.lines("kcat -q -C -b $B -t parts -p 1 -o 1 -c 1 -f '%T\\n'");
    let late = values(&format!(
        "parts --starting-timestamp '{{\"parts\":{{\"0\":4102444800000,\"1\":{},\"2\":4102444800000}}}}'",
        millis[0]
    ));
    assert!(
        late.contains(&"22".to_string()) && !late.contains(&"31".to_string()),
        "{late:?}"
    );
    dir.refused(
        "st-kafka --assign '{\"parts\":[9]}' --bootstrap-servers $B --timeout 2s --available-now | st-sink json",
        &["parts", "9"],
    );
    // Messages are routed to partitions by column.
    make_topic(&dir.broker, "routed", 2);
    dir.lines("printf '{\"p\":1,\"n\":1}\\n{\"p\":0,\"n\":2}\\n' | st-sink kafka routed --bootstrap-servers $B --partition-column p -q");
    assert_eq!(
        dir.lines("kcat -q -C -b $B -t routed -p 1 -e"),
        ["{\"p\":1,\"n\":1}"]
    );
}

#[test]
fn a_cluster_with_tls_and_passwords_is_reached_by_the_settings_of_a_file() {
    let Some(dir) = Dir::new() else {
        return;
    };
    let (servers, authority) = secure();
    let settings = |password: &str| {
        format!(
            "# who we are\nsecurity.protocol=sasl_ssl\nssl.ca.location={authority}\nsasl.mechanism=PLAIN\nsasl.username=shop\nsasl.password={password}\n"
        )
    };
    std::fs::write(dir.path("client.conf"), settings("till")).unwrap();
    std::fs::write(dir.path("wrong.conf"), settings("hunter2")).unwrap();
    let set = [("S", servers.as_str())];
    let ran = dir.bash_with(
        "set -o pipefail; echo '{\"n\":1}' >rows; st-tail rows -q --checkpoint ck | st-sink kafka secured --bootstrap-servers $S --config client.conf -q && st-kafka secured --bootstrap-servers $S --config client.conf --starting-offsets earliest --available-now --value row -q | st-sink json -q",
        &set,
    );
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "{\"n\":1}\n"),
        "{ran:#?}"
    );
    let ran = dir.bash_with(
        "set -o pipefail; st-kafka secured --bootstrap-servers $S --config wrong.conf --timeout 5s --available-now | st-sink json",
        &set,
    );
    assert_eq!(ran.status, 1, "{ran:#?}");
    assert!(ran.err.contains("uthentication"), "{ran:#?}");
    assert!(!ran.err.contains("hunter2"), "{ran:#?}");
}

#[test]
fn reports_have_sparks_offsets() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 10 | kcat -P -b $B -t reported");
    let reports = dir.lines(
        "st-kafka reported --bootstrap-servers $B --starting-offsets earliest --value text --available-now --max-rows-per-trigger 6 -q | st-sink kafka reports --bootstrap-servers $B --progress - -q | jq -c '[.sources[0].description, .sources[0].startOffset, .sources[0].endOffset, .sources[0].latestOffset, .sources[0].metrics, .sink.description]'",
    );
    assert_eq!(
        reports,
        [
            r#"["st-kafka[reported]",null,{"reported":{"0":6}},{"reported":{"0":10}},{"minOffsetsBehindLatest":"4","maxOffsetsBehindLatest":"4","avgOffsetsBehindLatest":"4.0"},"kafka[reports]"]"#,
            r#"["st-kafka[reported]",{"reported":{"0":6}},{"reported":{"0":10}},{"reported":{"0":10}},{"minOffsetsBehindLatest":"0","maxOffsetsBehindLatest":"0","avgOffsetsBehindLatest":"0.0"},"kafka[reports]"]"#,
        ]
    );
}

#[test]
fn a_line_is_explained_without_a_cluster() {
    if std::env::var("ST_TEST_KAFKA").is_err() {
        return;
    }
    let dir = Dir::on("kafka.example:9092");
    let line = |form: &str| {
        dir.lines(&format!(
            "st-kafka orders --bootstrap-servers $B --starting-offsets earliest --max-rows-per-trigger 100 --value row --schema 'id BIGINT, item STRING' --checkpoint ck --explain={form} | st-map --where 'id > 1' | st-sink kafka large --bootstrap-servers $B --key item"
        ))
    };
    let tree = line("tree").join("\n");
    for part in [
        "topics: orders",
        "starting-offsets: earliest",
        "    format: kafka",
        "    topic: large",
    ] {
        assert!(tree.contains(part), "{tree}");
    }
    assert!(line("json")[0].contains("\"tool\":\"st-kafka\""));
    let program = line("pyspark").join("\n");
    for part in [
        ".format(\"kafka\")",
        ".option(\"subscribe\", \"orders\")",
        ".option(\"startingOffsets\", \"earliest\")",
        ".option(\"maxOffsetsPerTrigger\", 100)",
        "F.from_json(F.col(\"value\").cast(\"string\"), \"id BIGINT, item STRING\")",
        "F.col(\"item\").cast(\"string\").alias(\"key\")",
        ".option(\"topic\", \"large\")",
        ".option(\"checkpointLocation\", ",
        "spark-sql-kafka-0-10_2.13:",
    ] {
        assert!(program.contains(part), "no {part}:\n{program}");
    }
    assert!(!dir.path("ck").exists());
}
