//! Two streams: what comes out when, and what the stage says of itself. Expected rows are worked out by hand.

use serde_json::{Value, json};

use crate::harness::{Stream, join, streams};

fn at(clock: &str) -> String {
    format!("2025-01-15T{clock}:00.000Z")
}

fn ad(ad: &str, clock: &str) -> Value {
    json!({"ad": ad, "shown": at(clock)})
}

fn click(ad: &str, clock: &str) -> Value {
    json!({"ad": ad, "clicked": at(clock)})
}

const ON: &str = "l.ad = r.ad and r.clicked between l.shown and l.shown + interval 1 hour";
const SELECT: &str = "l.ad, l.shown, r.clicked";

fn ads(batches: Vec<Vec<Value>>) -> Stream {
    Stream::new("ad STRING, shown TIMESTAMP", batches).watermark("shown", 10)
}

fn clicks(batches: Vec<Vec<Value>>) -> Stream {
    Stream::new("ad STRING, clicked TIMESTAMP", batches).watermark("clicked", 10)
}

#[test]
fn a_row_without_a_match_comes_out_in_the_batch_that_proves_it() {
    let l = ads(vec![
        vec![ad("a", "10:00"), ad("b", "10:00")],
        vec![ad("c", "11:10")],
        vec![ad("c", "11:11")],
        vec![ad("late", "11:01"), ad("d", "15:00")],
    ]);
    let r = clicks(vec![
        vec![click("a", "10:30")],
        vec![click("x", "11:10")],
        vec![click("x", "11:11")],
        vec![click("c", "11:30"), click("x", "15:00")],
    ]);
    let ran = streams(&l, &r, &["--how", "left", "--on", ON, "--select", SELECT]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    // The mark is 11:00 after batch 1; a click at 11:00 could still have been for b, by a millisecond. After batch 2 none is.
    let row = |ad: &str, shown: &str, clicked: Option<&str>| {
        json!({"ad": ad, "shown": at(shown), "clicked": clicked.map(at)}).to_string()
    };
    let b = row("b", "10:00", None);
    let expected = [
        vec![row("a", "10:00", Some("10:30"))],
        vec![],
        vec![b],
        vec![
            row("c", "11:10", Some("11:30")),
            row("c", "11:11", Some("11:30")),
        ],
    ];
    assert_eq!(ran.batches(), expected);
    let batches = ran.markers("batch");
    let figures = |batch: usize| batches[batch]["stages"][0].clone();
    assert_eq!(figures(3)["late"], 1);
    // a, b, c, c, x, x, x have come by batch 2; b and a, with the click at 10:30, have gone.
    assert_eq!(figures(1)["state"]["rows"], 4);
    // Behind the join the mark is an hour and a millisecond earlier.
    let marks: Vec<Value> = batches
        .iter()
        .map(|batch| batch["watermark"].clone())
        .collect();
    assert_eq!(marks[1], "2025-01-15T09:59:59.999Z");
    let start = &ran.markers("start")[0];
    assert_eq!(
        start["watermarks"][0]["columns"],
        json!([["shown", "time"], ["clicked", "time"]])
    );
    assert_eq!(start["columns"], json!(["ad", "shown", "clicked"]));
    assert_eq!(
        start["schema"],
        "ad STRING, shown TIMESTAMP, clicked TIMESTAMP"
    );
    assert_eq!(
        start["plan"][1]["right"],
        json!([{"tool": "st-tail", "name": "r", "options": {}}])
    );
}

#[test]
fn a_final_batch_lets_all_rows_go() {
    let mut l = ads(vec![vec![ad("a", "10:00"), ad("b", "10:00")]]);
    let mut r = clicks(vec![vec![click("a", "10:30")], vec![click("c", "10:40")]]);
    (l.last, r.last) = (true, true);
    let ran = streams(
        &l,
        &r,
        &[
            "--how",
            "full",
            "--on",
            ON,
            "--select",
            "l.ad, r.ad as clicked_ad",
        ],
    );
    let expected = [
        vec![r#"{"ad":"a","clicked_ad":"a"}"#],
        vec![
            r#"{"ad":"b","clicked_ad":null}"#,
            r#"{"ad":null,"clicked_ad":"c"}"#,
        ],
    ];
    assert_eq!(ran.batches(), expected, "{}", ran.err);
    assert_eq!(ran.markers("batch")[1]["final"], true);
    // One side that is not final keeps the other's rows waiting.
    l.last = false;
    let ran = streams(
        &l,
        &r,
        &[
            "--how",
            "full",
            "--on",
            ON,
            "--select",
            "l.ad, r.ad as clicked_ad",
        ],
    );
    assert_eq!(ran.rows().len(), 1);
}

#[test]
fn rows_of_both_keep_their_bytes_and_shared_columns_come_once() {
    let l = Stream::new(
        "",
        vec![vec![json!({"k": 1, "a": 1.50}), json!({"k": "x"})]],
    );
    let r = Stream::new(
        "",
        vec![vec![
            json!({"b": [1], "k": 1.0}),
            json!({"k": "x"}),
            json!({"k": null, "b": 2}),
        ]],
    );
    let ran = streams(&l, &r, &["--using", "k"]);
    assert_eq!(
        ran.rows(),
        [r#"{"k":1,"a":1.5,"b":[1]}"#, r#"{"k":"x"}"#],
        "{}",
        ran.err
    );
}

#[test]
fn a_name_on_both_sides_stops_the_query_where_columns_are_not_known() {
    let l = Stream::new(
        "",
        vec![vec![json!({"k": 1, "a": 1})], vec![json!({"k": 1, "n": 1})]],
    );
    let r = Stream::new("", vec![vec![json!({"k": 1, "n": 2})]]);
    let ran = streams(&l, &r, &["--using", "k"]);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.rows(), [r#"{"k":1,"a":1,"n":2}"#]);
    assert_eq!(
        ran.err,
        "st-join: both sides have a column `n`: say which is which, as in --select 'l.n, r.n as r_n, …'\n"
    );
}

#[test]
fn plain_streams_meet_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("left"), "{\"k\":1}\nbad\n{\"k\":2}\n").unwrap();
    let ran = join(
        folder.path(),
        r#"<(echo '{"k":2,"b":3}'; echo '{"k":3}')"#,
        &["--using", "k", "--rejects", "bad"],
    );
    assert_eq!(
        (ran.status, ran.rows()),
        (0, vec![r#"{"k":2,"b":3}"#]),
        "{}",
        ran.err
    );
    let bad = std::fs::read_to_string(folder.path().join("bad")).unwrap();
    assert!(bad.contains("bad"), "{bad}");
}

#[test]
fn a_side_that_dies_ends_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let l = Stream::new("", vec![vec![json!({"k": 1})], vec![json!({"k": 2})]]);
    std::fs::write(folder.path().join("left"), l.text("l")).unwrap();
    std::fs::write(folder.path().join("right"), l.text("r")).unwrap();
    for lines in [3, 4] {
        let ran = join(
            folder.path(),
            &format!("<(head -{lines} right)"),
            &["--using", "k"],
        );
        assert_eq!(ran.status, 1);
        let how = match lines {
            3 => "the stream broke off in batch 0, which is discarded",
            _ => "the stream broke off without its end marker",
        };
        assert!(
            ran.err.starts_with("st-join: /dev/fd/") && ran.err.contains(how),
            "{}",
            ran.err
        );
        assert_eq!(ran.markers("abort")[0]["stage"], "st-join");
    }
    let abort = r#"{"$st":"abort","stage":"other","reason":"it broke"}"#;
    let ran = join(
        folder.path(),
        &format!("<(head -4 right; echo '{abort}')"),
        &["--using", "k"],
    );
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert_eq!(ran.lines.last().unwrap(), abort);
    // Gaps and rows where none can be are told with the input they are in.
    let ran = join(folder.path(), "<(grep -v begin right)", &["--using", "k"]);
    assert!(
        ran.err.contains("/dev/fd/") && ran.err.contains("a row outside a batch"),
        "{}",
        ran.err
    );
    let ran = join(
        folder.path(),
        "<(sed '/\"id\":0/d; /\"k\":1/d' right)",
        &["--using", "k"],
    );
    assert!(
        ran.err.contains("batch 1 begins where batch 0 was due"),
        "{}",
        ran.err
    );
}

#[test]
fn a_flood_on_one_side_does_not_block_the_other() {
    // One writer: it sends nothing to r before all of l is taken, far more than pipes and memory hold.
    let folder = tempfile::tempdir().unwrap();
    let wide = "x".repeat(1000);
    let rows: Vec<Value> = (0..24_000).map(|k| json!({"k": k, "wide": wide})).collect();
    let l = Stream::new("", vec![rows]);
    let r = Stream::new("", vec![vec![json!({"k": 23_999, "b": 1})]]);
    std::fs::write(folder.path().join("l.text"), l.text("l")).unwrap();
    std::fs::write(folder.path().join("r.text"), r.text("r")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .args(["left", "right"])
        .current_dir(folder.path())
        .status();
    assert!(made.unwrap().success());
    let writer = std::process::Command::new("bash")
        .args([
            "-c",
            "exec 3> left; cat l.text >&3; exec 3>&-; cat r.text > right",
        ])
        .current_dir(folder.path())
        .spawn();
    let ran = join(
        folder.path(),
        "right",
        &["--using", "k", "--select", "l.k, r.b"],
    );
    writer.unwrap().wait().unwrap();
    assert_eq!(
        (ran.status, ran.rows()),
        (0, vec![r#"{"k":23999,"b":1}"#]),
        "{}",
        ran.err
    );
}

#[test]
fn state_is_cut_back_and_a_replay_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ck = folder.path().join("ck");
    std::fs::create_dir(&ck).unwrap();
    std::fs::write(
        ck.join("metadata"),
        "{\"st-checkpoint\":1,\"id\":\"q\",\"kind\":\"query\",\"created_by\":\"test\"}\n",
    )
    .unwrap();
    let mut l = ads(vec![
        vec![ad("a", "10:00"), ad("b", "10:00")],
        vec![ad("c", "11:00")],
        vec![ad("d", "14:00")],
    ]);
    let mut r = clicks(vec![
        vec![click("a", "10:30")],
        vec![click("a", "10:31")],
        vec![click("x", "14:00")],
    ]);
    for side in [&mut l, &mut r] {
        side.checkpoint = Some(ck.to_str().unwrap().into());
    }
    std::fs::write(folder.path().join("left"), l.text("l")).unwrap();
    std::fs::write(folder.path().join("right"), r.text("r")).unwrap();
    let arguments = ["--how", "left", "--on", ON, "--select", SELECT];
    let first = join(folder.path(), "<(cat right)", &arguments);
    assert_eq!(first.status, 0, "{}", first.err);
    assert_eq!(first.rows().len(), 4);
    let state = std::fs::read_to_string(ck.join("state/st-join@0.ndjson")).unwrap();
    let line = r#"{"k":["l",1],"v":{"matched":false,"row":{"ad":"b","shown":"2025-01-15T10:00:00.000Z"}}}"#;
    assert!(state.lines().any(|found| found == line), "{state}");
    let second = join(folder.path(), "<(cat right)", &arguments);
    assert_eq!(second.rows(), first.rows());
    let ran = join(
        folder.path(),
        "<(cat right)",
        &["--how", "inner", "--on", ON, "--select", SELECT],
    );
    assert_eq!(ran.status, 0, "at epoch -1 nothing is kept: {}", ran.err);
}

#[test]
fn the_ends_of_a_range_are_in_it_or_not_as_written() {
    let l = ads(vec![vec![
        ad("a", "10:10"),
        ad("a", "10:00"),
        ad("a", "10:05"),
    ]]);
    let mut r = clicks(vec![vec![click("a", "10:05"), click("b", "10:05")]]);
    // A click without a time matches nothing.
    r.batches[0].push(json!({"ad": "a", "clicked": null}));
    let cases: [(&str, &[&str]); 13] = [
        ("r.clicked >= l.shown", &["10:00", "10:05"]),
        ("l.shown < r.clicked", &["10:00"]),
        ("not l.shown < r.clicked", &["10:10", "10:05"]),
        (
            "r.clicked < l.shown + interval 5 minutes",
            &["10:10", "10:05"],
        ),
        (
            "r.clicked <= interval 5 minutes + l.shown",
            &["10:10", "10:00", "10:05"],
        ),
        ("r.clicked - interval 5 minutes >= l.shown", &["10:00"]),
        (
            "r.clicked + interval 1 minute > l.shown - interval 4 minutes + interval 1 second",
            &["10:00", "10:05"],
        ),
        (
            "r.clicked + interval 1 minute > l.shown - interval 4 minutes - interval 1 second",
            &["10:10", "10:00", "10:05"],
        ),
        (
            "l.shown between r.clicked - interval 5 minutes and r.clicked + interval 299 seconds",
            &["10:00", "10:05"],
        ),
        (
            "r.clicked <= l.shown and r.clicked >= l.shown and r.clicked <= l.shown + interval 1 hour",
            &["10:05"],
        ),
        ("r.clicked > l.shown and r.clicked < l.shown", &[]),
        (
            "r.clicked <= l.shown + interval 1 day and minute(l.shown) + minute(r.clicked) > 9",
            &["10:10", "10:05"],
        ),
        (
            "r.clicked <= l.shown + interval 1 month",
            &["10:10", "10:00", "10:05"],
        ),
    ];
    for (on, shown) in cases {
        let on = format!("l.ad = r.ad and {on}");
        let ran = streams(&l, &r, &["--on", &on, "--select", "l.shown"]);
        let expected = shown
            .iter()
            .map(|shown| json!({"shown": at(shown)}).to_string());
        assert_eq!(
            ran.rows(),
            expected.collect::<Vec<_>>(),
            "{on}: {}",
            ran.err
        );
    }
}

#[test]
fn a_day_across_a_change_of_the_clock_is_one_of_the_calendar() {
    // In Berlin the clock goes forward on 30 March 2025: a day after noon is 23 hours.
    let row = |name: &str, time: &str| json!({"ad": "a", name: time});
    let l = Stream::new(
        "ad STRING, shown TIMESTAMP",
        vec![vec![row("shown", "2025-03-29T11:00:00.000Z")]],
    );
    let clicks = ["2025-03-30T10:00:00.000Z", "2025-03-30T10:00:01.000Z"];
    let r = Stream::new(
        "ad STRING, clicked TIMESTAMP",
        vec![clicks.map(|time| row("clicked", time)).to_vec()],
    );
    for day in ["1 day", "24 hours"] {
        let on = format!("l.ad = r.ad and r.clicked <= l.shown + interval {day}");
        let arguments = [
            "--on",
            &on,
            "--select",
            "r.clicked",
            "--tz",
            "Europe/Berlin",
        ];
        let ran = streams(&l, &r, &arguments);
        let expected = json!({"clicked": clicks[0]}).to_string();
        assert_eq!(ran.rows(), [expected], "{}", ran.err);
    }
}
