//! The corpus through a marked pipeline: the figures in the batch markers and the rows that arrive add up.

use serde_json::Value;

use crate::ran::{Folder, Sums};

/// Two files, a batch each: the corpus, and the corpus again, which is late for most of its times.
fn twice() -> Folder {
    let folder = Folder::new();
    folder.done("mkdir in; cp corpus.json in/1.json; cp corpus.json in/2.json; touch -d @1700000000 in/1.json; touch -d @1700000001 in/2.json");
    folder
}

const SOURCE: &str =
    "st-tail in --max-files-per-trigger 1 --available-now -q --rejects bad0 > wire0";

#[test]
fn each_stage_accounts_for_each_row() {
    let folder = twice();
    folder.done(SOURCE);
    folder.done("st-watermark ts '1 second' -q --rejects bad1 < wire0 > wire1");
    folder.done("st-map --where 'k is not null and k != \"a\"' -q --rejects bad2 < wire1 > wire2");
    folder.done("st-window ts '1 second' -q --rejects bad3 < wire2 > wire3");
    folder.done("st-sink json --file rows -q --rejects bad4 < wire3");
    let expected = folder.source();
    let stages = folder.wire("wire3");
    let source = &stages["st-tail"];
    assert_eq!(
        *source,
        Sums {
            read: 2 * expected.all(),
            out: 2 * expected.rows.len() as u64,
            bad: 2 * expected.bad.len() as u64,
            ..Sums::default()
        }
    );
    let mut before = source.out;
    for (number, name) in ["st-tail", "st-watermark", "st-map", "st-window"]
        .iter()
        .enumerate()
    {
        let sums = &stages[*name];
        sums.balanced();
        if number > 0 {
            assert_eq!(sums.read, before, "{name}");
        }
        before = sums.out;
        assert_eq!(
            folder.wire_rows(&format!("wire{number}")).len() as u64,
            sums.out,
            "{name}"
        );
        assert_eq!(
            folder.rows(&format!("bad{number}")).len() as u64,
            sums.bad,
            "{name}"
        );
    }
    assert!(stages["st-map"].filtered > 0 && stages["st-window"].bad > 0);
    assert_eq!(folder.rows("rows").len() as u64, stages["st-window"].out);
    assert_eq!(folder.rows("bad4").len(), 0);
}

/// The mark is 10:00:07 after the first batch: of the second, rows of the second that began at 10:00:07 or later are counted.
#[test]
fn late_rows_are_counted_and_kept() {
    for mode in ["append", "update"] {
        let folder = twice();
        folder.done(SOURCE);
        folder.done("st-watermark ts '1 second' -q < wire0 > wire1");
        folder.done(&format!("st-agg --by 'window(ts, \"1 second\") as w' --mode {mode} -q --rejects bad2 --late late2 < wire1 > wire2"));
        let expected = folder.source();
        let sums = folder.wire("wire2")["st-agg"].clone();
        // Of the corpus only the last line is of the second that began at 10:00:08, one of that before.
        let late = expected.timed - 2;
        let untimed = 2 * (expected.rows.len() as u64 - expected.timed);
        assert_eq!(
            (sums.read, sums.late, sums.bad),
            (2 * expected.rows.len() as u64, late, untimed),
            "{mode}"
        );
        assert_eq!(folder.rows("late2").len() as u64, late);
        assert_eq!(folder.rows("bad2").len() as u64, untimed);
        // An update replaces the earlier row of its window.
        let mut counts = std::collections::BTreeMap::new();
        for row in folder.wire_rows("wire2") {
            let row: Value = serde_json::from_slice(&row).unwrap();
            let window = row["w"].to_string();
            let earlier = counts.insert(window, row["count"].as_u64().unwrap());
            assert!(earlier.is_none() || mode == "update");
        }
        let counted: u64 = counts.values().sum();
        assert_eq!(counted + sums.late + sums.bad, sums.read, "{mode}");
    }
}

/// With a checkpoint the same figures stand in the sink's reports, and the rejects in the checkpoint.
#[test]
fn a_query_with_a_checkpoint_keeps_its_rejects_there() {
    let folder = twice();
    folder.done(
        "st-tail in --max-files-per-trigger 1 --available-now --checkpoint ck --drain -q | st-watermark ts '1 second' -q |
         st-tee 'agg=st-agg --by \"window(ts, \\\"1 second\\\") as w\" --mode append -q | st-sink json agg -q' 'raw=st-window ts 1s -q | st-sink json raw -q'",
    );
    let expected = folder.source();
    let untimed = 2 * (expected.rows.len() as u64 - expected.timed);
    assert_eq!(
        folder.rows("ck/rejects/st-tail.ndjson").len(),
        2 * expected.bad.len()
    );
    assert_eq!(
        folder.rows("ck/rejects/agg.st-agg.ndjson").len() as u64,
        untimed
    );
    assert_eq!(
        folder.rows("ck/rejects/agg.st-agg.late.ndjson").len() as u64,
        expected.timed - 2
    );
    assert_eq!(
        folder.rows("ck/rejects/raw.st-window.ndjson").len() as u64,
        untimed
    );
    let stages = folder.progress("ck/progress/raw.st-sink");
    let sink = &stages["raw.st-sink"];
    assert_eq!(
        (sink.read, sink.out),
        (2 * expected.timed, 2 * expected.timed)
    );
    let stages = folder.progress("ck/progress/agg.st-sink");
    let agg = &stages["agg.st-agg"];
    assert_eq!((agg.late, agg.bad), (expected.timed - 2, untimed));
    folder.done("cat agg/*.json > counts");
    let counted: u64 = folder
        .rows("counts")
        .iter()
        .map(|row| {
            serde_json::from_slice::<Value>(row).unwrap()["count"]
                .as_u64()
                .unwrap()
        })
        .sum();
    assert_eq!(counted + agg.late + agg.bad, agg.read);
}
