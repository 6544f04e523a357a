//! Rejects are exactly-once: kill any stage at any step, run the line again, and the side files are those of a run that was
//! never killed, byte for byte.

use crate::ran::Folder;
use st_tests::{bash, bin, run};

const LINE: &str = "$S1 st-tail corpus.json --max-rows-per-trigger 40 --checkpoint ck -q | $S2 st-watermark ts '1 second' -q |
  $S3 st-window ts '1 second' -q | $S4 st-agg --by 'window, cast(n as bigint) as n' --mode append -q | $S5 st-sink json out -q";

const POINTS: &[&str] = &[
    "stage.row:2",
    "stage.before_batch:1",
    "stage.before_batch:3",
    "stage.after_batch:2",
    "source.before_record:1",
    "source.before_record:3",
    "source.after_record:2",
    "side.before_sync:1",
    "side.before_sync:2",
    "side.after_sync:1",
    "side.after_sync:2",
    "state.mid_write:2",
    "state.after_sync:2",
    "commits.mid_write:1",
    "commits.after_sync:2",
    "sink.before_commit:2",
    "sink.after_commit:2",
];

const SEEN: &str = "for f in ck/rejects/*; do echo \"== $f\"; cat $f; done; find out -name '*.json' | sort | xargs cat";

fn folder() -> Folder {
    let folder = Folder::new();
    // The same id in every run, since each reject names its query.
    std::fs::create_dir(folder.path("ck")).unwrap();
    folder.write("ck/metadata", "{\"st-checkpoint\":1,\"id\":\"0b52a41f-6d1e-4c1b-9a65-c36c1d2f7e11\",\"kind\":\"query\",\"created_by\":\"test\"}\n");
    folder
}

#[test]
fn rejects_are_exactly_once() {
    let bin = bin().unwrap();
    let whole = folder();
    whole.done(LINE);
    let expected = whole.done(SEEN).stdout;
    whole.rejected("ck/rejects/st-tail.ndjson", &whole.source());
    let untimed = whole.source().rows.len() as u64 - whole.source().timed;
    assert_eq!(
        whole.rows("ck/rejects/st-window.ndjson").len() as u64,
        untimed
    );
    let mut kills = 0;
    for stage in 1..=5 {
        for point in POINTS {
            let folder = folder();
            let mut killed = bash(&bin, &folder.path(""), LINE);
            killed.env(format!("S{stage}"), format!("env ST_FAIL={point}"));
            if run(killed).unwrap().status == 0 {
                continue;
            }
            kills += 1;
            folder.done(LINE);
            assert!(
                folder.done(SEEN).stdout == expected,
                "stage {stage} killed at {point}"
            );
        }
    }
    assert!(kills >= 30, "only {kills} kills");
}
