#![allow(clippy::unwrap_used)]
//! The rules of `docs/PROTOCOL.md`, by number.

use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use serde_json::Map;

use super::*;
use crate::marker::{Batch, Watermark};
use crate::stage::Manners;

/// Hands every row on, says `last` at the end of a batch, and leaves out rows that hold `drop`.
#[derive(Default)]
struct Echo {
    manners: Option<Manners>,
    sealed: std::rc::Rc<std::cell::RefCell<Vec<i64>>>,
}

impl Stage for Echo {
    fn tool(&self) -> &'static str {
        "st-echo"
    }
    fn options(&self) -> Map<String, serde_json::Value> {
        Map::new()
    }
    fn manners(&self) -> Manners {
        self.manners.unwrap_or(Manners::RowByRow)
    }
    fn start(&mut self, _start: &mut Start, _context: &Context) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        if row.windows(4).any(|part| part == b"drop") {
            out.filtered();
            return Ok(());
        }
        out.row(row)
    }
    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        self.sealed.borrow_mut().push(batch.id);
        if self.manners().waits() {
            out.row(br#"{"last":1}"#)
        } else {
            Ok(())
        }
    }
    fn watermark(&mut self, mark: Option<Watermark>, _out: &mut Out) -> Result<Option<Watermark>> {
        Ok(mark)
    }
}

fn file(text: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file.rewind().unwrap();
    file
}

struct Ran {
    result: Result<Ending>,
    out: String,
    sealed: Vec<i64>,
}

impl Ran {
    fn error(self) -> String {
        message::chain(&self.result.unwrap_err())
    }
}

fn run_with(manners: Manners, options: Options, input: &[u8], stop: Stop) -> Ran {
    let mut seen = tempfile::tempfile().unwrap();
    let sealed = std::rc::Rc::default();
    let stage = Echo {
        manners: Some(manners),
        sealed: std::rc::Rc::clone(&sealed),
    };
    let reader = Reader::new(OwnedFd::from(file(input)), 1024 * 1024);
    let writer = Writer::new(OwnedFd::from(seen.try_clone().unwrap()));
    let result = Driver::new(stage, options, reader, writer, stop).run();
    seen.rewind().unwrap();
    let mut out = String::new();
    seen.read_to_string(&mut out).unwrap();
    let sealed = sealed.borrow().clone();
    Ran {
        result,
        out,
        sealed,
    }
}

fn run(input: &str) -> Ran {
    run_with(
        Manners::RowByRow,
        Options::default(),
        input.as_bytes(),
        Stop::default(),
    )
}

const START: &str = r#"{"$st":"start","v":1,"query":"q","epoch":-1,"plan":[{"tool":"st-rate","name":"st-rate","options":{}}]}"#;
const BEGIN: &str = r#"{"$st":"begin","id":0,"time":"2025-01-15T10:00:00.000Z"}"#;
const BATCH: &str = r#"{"$st":"batch","id":0,"final":true,"watermark":null,"stages":[]}"#;
const END: &str = r#"{"$st":"end"}"#;

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn w1_a_marked_stream_keeps_its_markers_and_a_plain_one_has_none() {
    let marked = run(&lines(&[START, BEGIN, r#"{"a":1}"#, BATCH, END]));
    assert_eq!(marked.result.unwrap(), Ending::Done);
    let kinds: Vec<&str> = marked
        .out
        .lines()
        .map(|line| &line[..13.min(line.len())])
        .collect();
    assert_eq!(
        kinds,
        [
            r#"{"$st":"start"#,
            r#"{"$st":"begin"#,
            r#"{"a":1}"#,
            r#"{"$st":"batch"#,
            END
        ]
    );

    let plain = run("{\"a\":1}\n{\"a\":2}");
    assert_eq!(plain.out, "{\"a\":1}\n{\"a\":2}\n");
}

#[test]
fn w1_another_first_marker_is_an_error() {
    let ran = run(&lines(&[BEGIN, BATCH, END]));
    assert!(ran.error().contains(
        "does not begin with its start marker but with begin: did a filter drop the first line?"
    ));
}

#[test]
fn w1_plain_input_may_look_marked() {
    let options = Options {
        plain: true,
        quiet: true,
        ..Options::default()
    };
    let ran = run_with(
        Manners::RowByRow,
        options,
        lines(&[START, r#"{"a":1}"#]).as_bytes(),
        Stop::default(),
    );
    assert_eq!(ran.out, "{\"a\":1}\n");
}

#[test]
fn w2_each_marker_out_of_place_has_its_message() {
    let second = r#"{"$st":"begin","id":1,"time":"2025-01-15T10:00:00.000Z"}"#;
    let back = r#"{"$st":"begin","id":1,"time":"2025-01-15T09:00:00.000Z"}"#;
    let cases: &[(&[&str], &str)] = &[
        (
            &[START, r#"{"a":1}"#],
            "a row outside a batch: was a begin marker dropped?",
        ),
        (&[START, BATCH], "batch 0 ends and has not begun"),
        (
            &[START, BEGIN, second],
            "batch 1 begins before batch 0 has ended",
        ),
        (&[START, second], "batch 1 begins where batch 0 was due"),
        (
            &[START, BEGIN, BATCH, BEGIN],
            "batch 0 begins where batch 1 was due",
        ),
        (
            &[START, BEGIN, BATCH, back],
            "the clock of batch 1 is earlier",
        ),
        (&[START, BEGIN, END], "the stream ends within batch 0"),
        (&[START, START], "a second start marker"),
        (
            &[START, BEGIN, BATCH, END, r#"{"a":1}"#],
            "after the end of the stream",
        ),
    ];
    for (input, expected) in cases {
        let error = run(&lines(input)).error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn w3_a_lost_watermark_is_noticed() {
    let batch = r#"{"$st":"batch","id":0,"final":false,"watermark":"2025-01-15T09:50:00.000Z","stages":[]}"#;
    let mark = r#"{"$st":"watermark","time":"2025-01-15T09:50:00.000Z"}"#;
    let lost = run(&lines(&[START, BEGIN, batch, END]));
    assert!(
        lost.error()
            .contains("the watermark line of batch 0 is missing")
    );
    let kept = run(&lines(&[START, BEGIN, mark, batch, END]));
    kept.result.unwrap();
    assert!(
        kept.out
            .contains(r#"{"$st":"watermark","time":"2025-01-15T09:50:00.000Z","columns":{}}"#)
    );
}

#[test]
fn w5_a_stream_that_breaks_off_is_discarded_and_said() {
    let ran = run(&lines(&[START, BEGIN, r#"{"a":1}"#]));
    assert!(ran.sealed.is_empty());
    assert!(
        ran.out
            .lines()
            .last()
            .unwrap()
            .starts_with(r#"{"$st":"abort","stage":"st-echo","reason":"#)
    );
    assert!(
        ran.error()
            .contains("the stream broke off in batch 0, which is discarded")
    );
    let between = run(&lines(&[START, BEGIN, BATCH]));
    assert!(between.error().contains("broke off without its end marker"));
}

#[test]
fn w5_an_interrupted_stage_ends_with_130() {
    let stop = Stop::default();
    stop.ask();
    let ran = run_with(
        Manners::RowByRow,
        Options::default(),
        lines(&[START, BEGIN]).as_bytes(),
        stop,
    );
    assert_eq!(ran.result.unwrap(), Ending::Interrupted);
}

#[test]
fn w6_an_abort_is_passed_on() {
    let abort = r#"{"$st":"abort","stage":"st-tail","reason":"no such file"}"#;
    for input in [
        vec![abort],
        vec![START, abort],
        vec![START, BEGIN, r#"{"a":1}"#, abort],
    ] {
        let ran = run(&lines(&input));
        assert_eq!(ran.out.lines().last(), Some(abort));
        assert!(ran.sealed.is_empty());
        assert!(ran.error().contains("st-tail failed: no such file"));
    }
}

#[test]
fn w6_a_wrong_first_line_is_answered_by_an_abort() {
    let newer = START.replace(r#""v":1"#, r#""v":2"#);
    for first in [
        BEGIN,
        BATCH,
        END,
        newer.as_str(),
        r#"{"$st":"nonsense"}"#,
        r#"{"$st":"start""#,
    ] {
        let ran = run(&lines(&[first]));
        let abort: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let error = ran.error();
        assert_eq!(
            (&abort["$st"], &abort["stage"]),
            (&"abort".into(), &"st-echo".into())
        );
        let reason = abort["reason"].as_str().unwrap();
        assert!(error.contains(reason), "{reason} is not in {error}");
        // The end of the pipeline has nobody to tell.
        let sink = run_with(
            Manners::Sink,
            Options::default(),
            lines(&[first]).as_bytes(),
            Stop::default(),
        );
        assert_eq!(sink.out, "");
    }
}

#[test]
fn w7_rows_of_a_barrier_come_before_its_markers() {
    let mark = r#"{"$st":"watermark","time":"2025-01-15T09:50:00.000Z"}"#;
    let batch = r#"{"$st":"batch","id":0,"final":false,"watermark":"2025-01-15T09:50:00.000Z","stages":[]}"#;
    let input = lines(&[START, BEGIN, r#"{"a":1}"#, mark, batch, END]);
    let ran = run_with(
        Manners::Waits,
        Options::default(),
        input.as_bytes(),
        Stop::default(),
    );
    let kinds: Vec<&str> = ran
        .out
        .lines()
        .map(|line| line.get(..10).unwrap_or(line))
        .collect();
    assert_eq!(
        kinds[2..5],
        [r#"{"a":1}"#, r#"{"last":1}"#, r#"{"$st":"wa"#]
    );
}

#[test]
fn w10_every_row_is_counted() {
    let input = lines(&[
        START,
        BEGIN,
        r#"{"a":1}"#,
        r#"{"a":"drop"}"#,
        r#"{"a":2}"#,
        BATCH,
        END,
    ]);
    let ran = run(&input);
    assert!(
        ran.out
            .contains(r#"{"name":"st-echo","in":3,"out":2,"filtered":1,"#),
        "{}",
        ran.out
    );
}

#[test]
fn w11_a_stage_that_waits_takes_plain_input_as_one_final_batch() {
    let ran = run_with(
        Manners::Waits,
        Options::default(),
        b"{\"a\":1}\n",
        Stop::default(),
    );
    assert_eq!(ran.out, "{\"a\":1}\n{\"last\":1}\n");
    let empty = run_with(Manners::Waits, Options::default(), b"", Stop::default());
    assert_eq!(empty.out, "");
    assert!(empty.sealed.is_empty());
}

#[test]
fn w18_zero_bytes_are_no_batch_and_the_end_of_the_pipeline_says_so() {
    let ran = run_with(
        Manners::WaitingSink,
        Options::default(),
        b"",
        Stop::default(),
    );
    assert!(ran.sealed.is_empty());
    assert!(
        ran.error()
            .contains("nothing arrived, not even a start marker")
    );
}

#[test]
fn w11_a_stage_that_marks_writes_a_whole_stream_from_plain_rows() {
    let ran = run_with(
        Manners::Marks,
        Options::default(),
        b"{\"a\":1}\n",
        Stop::default(),
    );
    let again = run(&ran.out);
    assert_eq!(again.result.unwrap(), Ending::Done);
    assert!(ran.out.lines().last() == Some(END));
}

#[test]
fn w12_a_stage_of_its_own_counts_epochs_across_runs() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        checkpoint: Some(folder.path().join("ck")),
        ..Options::default()
    };
    let first = run_with(Manners::Waits, options(), b"{\"a\":1}\n", Stop::default());
    let second = run_with(Manners::Waits, options(), b"{\"a\":2}\n", Stop::default());
    let nothing = run_with(Manners::Waits, options(), b"", Stop::default());
    assert_eq!(
        (first.sealed, second.sealed, nothing.sealed),
        (vec![0], vec![1], vec![])
    );
    let marked = run_with(
        Manners::Waits,
        options(),
        lines(&[START]).as_bytes(),
        Stop::default(),
    );
    assert!(marked.error().contains(
        "the stream is a query with a source of its own: give --checkpoint to its source (st-rate)"
    ));
}

#[test]
fn w12_a_query_checkpoint_is_refused_on_plain_input() {
    let folder = tempfile::tempdir().unwrap();
    let query = folder.path().join("ck");
    QueryDir::create_or_open(
        &query,
        st_checkpoint::Kind::Query,
        Durability::Process,
        "st-tail",
    )
    .unwrap();
    let options = Options {
        checkpoint: Some(query.clone()),
        ..Options::default()
    };
    for input in ["{\"a\":1}\n", ""] {
        let ran = run_with(
            Manners::Waits,
            options.clone(),
            input.as_bytes(),
            Stop::default(),
        );
        assert!(ran.sealed.is_empty());
        assert!(ran.error().contains(&query.display().to_string()));
    }
}

#[test]
fn w15_a_row_with_the_reserved_key_is_rejected_on_plain_input() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects");
    let options = Options {
        rejects: Some(rejects.clone()),
        ..Options::default()
    };
    let input = b"{\"a\":1}\n{\"b\":2,\"\\u0024st\":\"end\"}\n{\"a\":2}\nnonsense\n";
    let ran = run_with(Manners::RowByRow, options, input, Stop::default());
    assert_eq!(ran.out, "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(std::fs::read_to_string(rejects).unwrap().lines().count(), 2);
}

#[test]
fn w16_no_stage_can_write_a_row_like_a_marker() {
    let mut out = Out::new(
        Writer::new(OwnedFd::from(tempfile::tempfile().unwrap())),
        false,
    );
    let error = out.row(br#"{"$st":"end"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a row would begin like a marker: no column may be called `$st`"
    );
}

#[test]
fn w17_a_line_beyond_the_limit_is_a_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects");
    let options = Options {
        rejects: Some(rejects.clone()),
        ..Options::default()
    };
    let long = format!(
        "{{\"a\":\"{}\"}}\n{{\"a\":1}}\n",
        "x".repeat(2 * 1024 * 1024)
    );
    let ran = run_with(Manners::RowByRow, options, long.as_bytes(), Stop::default());
    assert_eq!(ran.out, "{\"a\":1}\n");
    assert!(
        std::fs::read_to_string(rejects)
            .unwrap()
            .contains("line of 2097160 bytes is too long")
    );
}

#[test]
fn two_stages_of_one_tool_get_two_names() {
    assert_eq!(
        unique_name("st-agg", false, &["st-tail", "st-agg"]).unwrap(),
        "st-agg-2"
    );
    assert_eq!(
        unique_name("a.st-agg", false, &["st-agg"]).unwrap(),
        "a.st-agg"
    );
    assert!(unique_name("mine", true, &["mine"]).is_err());
}

#[test]
fn a_sink_that_has_started_is_no_longer_joining() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ck");
    let kind = st_checkpoint::Kind::Query;
    let dir = QueryDir::create_or_open(&path, kind, Durability::Process, "st-tail").unwrap();
    let start = START.replace(r#""q""#, &format!("{:?}", dir.id())).replace(
        r#""epoch":-1"#,
        &format!(r#""epoch":-1,"branch":"top","checkpoint":{path:?}"#),
    );
    let input = lines(&[&start, END]);
    let announced = path.join("joining/top");
    dir.joining("top", -1).unwrap();
    for (manners, stays) in [(Manners::RowByRow, true), (Manners::Sink, false)] {
        let ran = run_with(
            manners,
            Options::default(),
            input.as_bytes(),
            Stop::default(),
        );
        assert!(ran.result.is_ok());
        assert_eq!(announced.exists(), stays);
    }
}
