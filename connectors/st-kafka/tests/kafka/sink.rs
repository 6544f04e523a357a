//! What becomes of rows in a topic.

use crate::harness::Dir;

const ROWS: &str = r#"{"id":"a","n":1,"to":null}
{"id":"b","n":2,"to":"elsewhere","doc":{"x":1}}
"#;

#[test]
fn key_value_topic_and_headers_are_columns() {
    let Some(dir) = Dir::new() else {
        return;
    };
    std::fs::write(dir.path("rows"), ROWS).unwrap();
    dir.lines("st-sink kafka here --bootstrap-servers $B --key id --topic-column to <rows");
    let read = |topic: &str| dir.lines(&format!("kcat -q -C -b $B -t {topic} -e -f '%k %s\\n'"));
    assert_eq!(read("here"), [r#"a {"id":"a","n":1,"to":null}"#]);
    assert_eq!(
        read("elsewhere"),
        [r#"b {"id":"b","n":2,"to":"elsewhere","doc":{"x":1}}"#]
    );
    dir.lines("st-sink kafka values --bootstrap-servers $B --key n --value doc <rows");
    assert_eq!(
        dir.lines("kcat -q -C -b $B -t values -e -Z -f '%k %S %s\\n'"),
        ["1 -1 NULL", "2 7 {\"x\":1}"]
    );
    // What st-kafka has read goes out again as it was.
    dir.lines("echo 'k:v' | kcat -P -b $B -t first -K: -H a=1 -H b=");
    dir.lines("st-kafka first --bootstrap-servers $B --starting-offsets earliest --available-now --include-headers | st-sink kafka second --bootstrap-servers $B --key key --value value --headers headers");
    assert_eq!(
        dir.lines("kcat -q -C -b $B -t second -e -f '%k %s %h\\n'"),
        ["k v a=1,b="]
    );
}

#[test]
fn a_row_that_is_no_message_is_kept_and_the_others_go_on() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines(
        "{ echo '{\"n\":1}'; printf '{\"n\":\"%02000000d\"}\\n' 0; echo '{\"n\":3}'; } >rows",
    );
    // At the end of the batch, and while it comes.
    for (topic, early) in [("large", None), ("early", Some(("ST_FAIL_EARLY", "1")))] {
        let line = format!(
            "st-tail rows --checkpoint {topic} -q | st-sink kafka {topic} --bootstrap-servers $B -q"
        );
        let ran = dir.bash_with(&line, early.as_slice());
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(dir.committed(topic), ["{\"n\":1}", "{\"n\":3}"]);
        let kept = dir.lines(&format!(
            "cut -c 1-400 {topic}/rejects/st-sink.dead-letters.ndjson"
        ));
        assert_eq!(kept.len(), 1);
        assert!(kept[0].contains("too large"), "{kept:?}");
    }
}

/// A large batch is sent while it comes, but its transaction does not stay open for long.
#[test]
fn a_batch_that_comes_slowly_is_sent_again_at_its_end() {
    let Some(dir) = Dir::new() else {
        return;
    };
    let line = "st-rate --rows-per-second 100 --rows 150 --trigger 1h --checkpoint ck -q | st-sink kafka slow --bootstrap-servers $B -q";
    let ran = dir.bash_with(line, &[("ST_FAIL_EARLY", "1")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(dir.committed("slow").len(), 150);
    let sent = dir.lines("kcat -q -C -b $B -t slow -e -X isolation.level=read_uncommitted | wc -l");
    assert!(sent[0].trim().parse::<usize>().unwrap() > 150, "{sent:?}");
}

#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    let Some(dir) = Dir::new() else {
        return;
    };
    dir.lines("seq 100 | sed 's/.*/{\"n\":&}/' >rows");
    let line = "st-tail rows --checkpoint ck --max-rows-per-trigger 50 --available-now -q | st-sink kafka whole --bootstrap-servers $B -q";
    // Dies with every message of the second batch sent and its transaction open.
    let ran = dir.bash_with(line, &[("ST_FAIL", "sink.mid_output:2")]);
    assert_ne!(ran.status, 0);
    assert_eq!(
        dir.bash("kcat -q -C -b $B -t whole -e -X isolation.level=read_uncommitted | wc -l")
            .out
            .trim(),
        "100"
    );
    assert_eq!(
        dir.lines(
            "timeout 5 kcat -q -C -b $B -t whole -c 51 -X isolation.level=read_committed | wc -l"
        ),
        ["50"]
    );
    dir.lines(line);
    assert_eq!(dir.committed("whole").len(), 100);
    // An older copy of the checkpoint would deliver batches again.
    dir.lines("sed -i '2,$d' ck/commits/st-sink");
    dir.refused(
        line,
        &["topic whole: has batch 1 of this query, but the checkpoint only batch -1"],
    );
}
