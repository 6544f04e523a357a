//! What cannot work is refused before the first row, with the mend.

use crate::harness::{Stream, join, streams};

fn refused(l: &Stream, r: &Stream, arguments: &[&str]) -> String {
    let ran = streams(l, r, arguments);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert_eq!(ran.markers("abort").len(), 1, "{:?}", ran.lines);
    ran.err.trim_end().to_string()
}

fn l() -> Stream {
    Stream::new("k STRING, lt TIMESTAMP", vec![vec![]])
}

fn r() -> Stream {
    Stream::new("k STRING, rt TIMESTAMP", vec![vec![]])
}

const RANGE: &str = "l.k = r.k and r.rt between l.lt and l.lt + interval 1 hour";

#[test]
fn streams_need_an_equality() {
    let said = refused(&l(), &r(), &["--on", "l.lt < r.rt"]);
    assert_eq!(
        said,
        "st-join: --on: two streams are joined by an equality, such as l.id = r.id: without one every row would meet every other"
    );
}

#[test]
fn rows_without_a_match_need_a_watermark_and_a_range() {
    for how in ["left", "semi", "full"] {
        let said = refused(
            &l(),
            &r(),
            &["--how", how, "--on", RANGE, "--select", "l.k"],
        );
        assert_eq!(
            said,
            format!(
                "st-join: --how {how}: when a row of l will find no match any more is not known: r needs st-watermark TIME '10 minutes', and a time range in --on, such as r.time between l.time and l.time + interval 1 hour"
            )
        );
    }
    let (l, r) = (l().watermark("lt", 10), r().watermark("rt", 10));
    let said = refused(
        &l,
        &r,
        &["--how", "right", "--on", "l.k = r.k", "--select", "l.k"],
    );
    assert_eq!(
        said,
        "st-join: --how right: when a row of r will find no match any more is not known: add a time range in --on, such as l.lt between r.rt and r.rt + interval 1 hour"
    );
    // A bound on one side alone does not tell when the other's rows go.
    let said = refused(
        &l,
        &r,
        &[
            "--how",
            "full",
            "--on",
            "l.k = r.k and l.lt <= r.rt",
            "--select",
            "l.k",
        ],
    );
    assert!(
        said.starts_with("st-join: --how full: when a row of l "),
        "{said}"
    );
}

#[test]
fn anti_is_for_tables() {
    let said = refused(&l(), &r(), &["--how", "anti", "--on", "l.k = r.k"]);
    assert!(said.contains("--how left and st-map --where"), "{said}");
}

#[test]
fn a_column_of_both_sides_has_to_be_named() {
    let both = Stream::new("k STRING, t TIMESTAMP", vec![vec![]]);
    assert_eq!(
        refused(&both, &both, &["--using", "k"]),
        "st-join: both sides have a column `t`: say which is which, as in --select 'l.t, r.t as r_t, …'"
    );
    assert_eq!(
        refused(&l(), &r(), &["--on", "l.k = r.k", "--select", "l.k, r.k"]),
        "st-join: --select: two columns are called `k`: give one another name with `as`"
    );
    let ran = streams(
        &both,
        &both,
        &["--using", "k", "--select", "l.*, r.t as other"],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn a_column_says_its_side() {
    assert!(
        refused(&l(), &r(), &["--on", "k = r.k"]).contains("`k`: of which side? write l.k or r.k")
    );
    assert!(
        refused(&l(), &r(), &["--on", "l.k = r.k", "--select", "lt"])
            .contains("`lt`: of which side?")
    );
    assert!(refused(&l(), &r(), &["--on", "l = r.k"]).contains("`l` is a whole row"));
    let said = refused(
        &l(),
        &r(),
        &["--how", "semi", "--on", "l.k = r.k", "--select", "r.k"],
    );
    assert!(
        said.contains("no match any more") || said.contains("rows of l alone"),
        "{said}"
    );
}

#[test]
fn options_of_a_table_are_none_of_a_stream() {
    let ran = streams(
        &l(),
        &r(),
        &["--on", "l.k = r.k", "--right-schema", "k STRING"],
    );
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("is a stream: give its source --schema"),
        "{}",
        ran.err
    );
}

#[test]
fn a_table_keeps_no_rows_of_its_own_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("left"), l().text("l")).unwrap();
    std::fs::write(folder.path().join("t.csv"), "k,v\n").unwrap();
    for how in ["right", "full"] {
        let ran = join(folder.path(), "t.csv", &["--how", how, "--using", "k"]);
        assert_eq!(ran.status, 2);
        assert!(
            ran.err.contains("use inner, left, semi or anti"),
            "{}",
            ran.err
        );
    }
    for (right, said) in [
        (
            "nothing.csv",
            "nothing.csv: No such file or directory (os error 2): give a file, or a stream",
        ),
        (".", ".: is a folder: give one file as a table"),
        (
            "left",
            "left: its name tells no format: give --right-format",
        ),
    ] {
        let ran = join(folder.path(), right, &["--using", "k"]);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    let ran = join(folder.path(), "t.csv", &["--using", "id"]);
    assert_eq!(
        ran.err,
        "st-join: --using: r has no column `id`: there are k, v\n"
    );
}

#[test]
fn inputs_have_to_belong_together() {
    let mut with = l();
    with.checkpoint = Some("/nowhere".into());
    let ran = streams(&with, &r(), &["--on", "l.k = r.k"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("has no checkpoint, and stdin has the checkpoint /nowhere: give the sources of both the same --checkpoint"), "{}", ran.err);
    let mut later = r();
    later.checkpoint = Some("/nowhere".into());
    later.epoch = 3;
    let ran = streams(&with, &later, &["--on", "l.k = r.k"]);
    assert!(
        ran.err
            .contains("an earlier run was still ending; run the same line again"),
        "{}",
        ran.err
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("left"), l().text("l")).unwrap();
    let ran = join(folder.path(), "<(echo '{}')", &["--on", "l.k = r.k"]);
    assert!(
        ran.err
            .contains("holds plain rows, and stdin is a marked stream: read it by a source"),
        "{}",
        ran.err
    );
    let ran = join(folder.path(), "<(true)", &["--on", "l.k = r.k"]);
    assert!(
        ran.err.contains("nothing arrived, not even a start marker"),
        "{}",
        ran.err
    );
}
