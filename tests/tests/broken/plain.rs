//! Stages on plain input, where nothing upstream has checked a row.

use serde_json::Value;

use crate::ran::Folder;

/// The stage hands on the same bytes of every row.
#[test]
fn stages_that_change_nothing_keep_the_bytes() {
    for tool in [
        "st-map --where true",
        "st-map --where 'coalesce(k, 1) is not null'",
        "st-map --through cat",
        "st-sink json",
    ] {
        let folder = Folder::new();
        folder.done(&format!("{tool} -q --rejects bad < corpus.json > rows"));
        let expected = folder.plain();
        assert_eq!(folder.rows("rows"), expected.rows, "{tool}");
        folder.rejected("bad", &expected);
    }
}

#[test]
fn a_filter_divides_the_rows() {
    let folder = Folder::new();
    folder.done("st-map --where 'n = 1' --else else.json -q --rejects bad < corpus.json > rows");
    let expected = folder.plain();
    folder.rejected("bad", &expected);
    let mut both = folder.rows("rows");
    assert_eq!(both.len(), 1, "n is 1 in the first row alone");
    both.extend(folder.rows("else.json"));
    assert_eq!(both, expected.rows);
}

/// Expressions over whatever the rows hold: as many rows as there were, each still one object.
#[test]
fn expressions_over_broken_values() {
    for operations in [
        "--set 'x = n + 1, y = upper(k), z = cast(ts as timestamp)'",
        "--set 'x = length(k), y = k || \"!\", n = -n'",
        "--select 'k, n * 2 as m, to_json(struct(k, n)) as j'",
        "--drop k",
        "--rename 'k as key'",
        "--set 'x = get_json_object(to_json(struct(k)), \"$.k\"), y = cast(n as decimal(38, 10))'",
        "--set 'x = cast(n as int), y = cast(n as double), z = cast(k as binary), d = to_date(ts)'",
    ] {
        let folder = Folder::new();
        folder.done(&format!(
            "st-map {operations} -q --rejects bad < corpus.json > rows"
        ));
        let expected = folder.plain();
        let rows = folder.rows("rows");
        let bad = folder.rows("bad").len();
        assert_eq!(rows.len() + bad, expected.all() as usize, "{operations}");
        for row in rows {
            st_row::validate(&row).unwrap_or_else(|bad| {
                panic!("{operations}: {bad}: {}", String::from_utf8_lossy(&row))
            });
        }
    }
}

#[test]
fn windows_take_rows_that_have_a_time() {
    for (window, each) in [
        ("'1 second'", 1),
        ("'4 seconds' '1 second'", 4),
        ("--session '1 minute'", 1),
    ] {
        let folder = Folder::new();
        folder.done(&format!(
            "st-window ts {window} -q --rejects bad < corpus.json > rows"
        ));
        let expected = folder.plain();
        let untimed = expected.rows.len() as u64 - expected.timed;
        assert_eq!(
            folder.rows("rows").len() as u64,
            each * expected.timed,
            "{window}"
        );
        assert_eq!(
            folder.rows("bad").len() as u64,
            untimed + expected.bad.len() as u64,
            "{window}"
        );
    }
}

#[test]
fn a_watermark_drops_nothing() {
    let folder = Folder::new();
    folder.done("st-watermark ts '1 second' -q --rejects bad < corpus.json > wire");
    let expected = folder.plain();
    assert_eq!(folder.wire_rows("wire"), expected.rows);
    folder.rejected("bad", &expected);
    let sums = folder.wire("wire")["st-watermark"].clone();
    sums.balanced();
    assert_eq!(
        (sums.read, sums.bad),
        (expected.all(), expected.bad.len() as u64)
    );
}

/// The sum of a column of integers.
fn total(rows: &[Vec<u8>], column: &str) -> u64 {
    rows.iter()
        .map(|row| {
            serde_json::from_slice::<Value>(row).unwrap()[column]
                .as_u64()
                .unwrap()
        })
        .sum()
}

#[test]
fn groups_count_every_row() {
    for by in [
        "",
        "--by k",
        "--by n",
        "--by 'k, n, ts'",
        "--by 'cast(n as double) as d'",
        "--by 'cast(ts as timestamp) as t'",
    ] {
        for mode in ["update", "complete"] {
            let folder = Folder::new();
            folder.done(&format!(
                "st-agg {by} --mode {mode} -q --rejects bad < corpus.json > rows"
            ));
            let expected = folder.plain();
            let bad = folder.rows("bad").len() as u64;
            assert_eq!(
                total(&folder.rows("rows"), "count") + bad,
                expected.all(),
                "{by} {mode}"
            );
            assert_eq!(
                bad,
                expected.bad.len() as u64,
                "{by} {mode}: every row has a group"
            );
        }
    }
    let folder = Folder::new();
    folder
        .done("st-agg --by 'window(ts, \"1 second\") as w' -q --rejects bad < corpus.json > rows");
    let expected = folder.plain();
    assert_eq!(total(&folder.rows("rows"), "count"), expected.timed);
    assert_eq!(
        folder.rows("bad").len() as u64,
        expected.all() - expected.timed
    );
}

/// Every aggregate meets every value.
#[test]
fn aggregates_over_broken_values() {
    let folder = Folder::new();
    folder.done(
        "st-agg -q --rejects bad < corpus.json --agg 'count(*) as count, count(n) as a, sum(n) as b, avg(n) as c, min(n) as d, max(k) as e,
          first(k) as f, last(n) as g, stddev(n) as h, median(n) as i, mode(k) as j, percentile_approx(n, 0.5) as l, approx_count_distinct(k) as m,
          collect_list(n) as o, collect_set(k) as p, listagg(k) as q, max_by(k, n) as r, corr(n, n) as s, size(collect_set(n)) as t, skewness(n) as u' > rows",
    );
    let expected = folder.plain();
    assert_eq!(
        total(&folder.rows("rows"), "count"),
        expected.rows.len() as u64
    );
    folder.rejected("bad", &expected);
}

#[test]
fn a_tee_gives_every_branch_every_line() {
    let folder = Folder::new();
    folder.done("st-tee -q 'cat > copy' 'st-map --where true -q --rejects bad1 > rows1' 'st-sink json --file rows2 -q --rejects bad2' < corpus.json");
    let expected = folder.plain();
    assert_eq!(folder.read("copy"), folder.read("corpus.json"));
    for branch in ["1", "2"] {
        assert_eq!(folder.rows(&format!("rows{branch}")), expected.rows);
        folder.rejected(&format!("bad{branch}"), &expected);
    }
}

/// `--strict` stops at the first line that is no row, and says which.
#[test]
fn strict_stops_at_the_first_bad_line() {
    for tool in [
        "st-map --where true",
        "st-window ts 1s",
        "st-watermark ts 1s",
        "st-agg",
        "st-sink null",
        "st-tail corpus.json",
    ] {
        let folder = Folder::new();
        let ran = folder.bash(&format!("{tool} --strict -q < corpus.json > rows"));
        assert_eq!(ran.status, 1, "{tool}");
        assert_eq!(ran.err().lines().count(), 1, "{tool}: {}", ran.err());
        assert!(
            ran.err()
                .contains("not JSON at byte 1: the line ends too early: `{`"),
            "{tool}: {}",
            ran.err()
        );
    }
}

/// Without a file for them the bad rows are counted, and one is quoted: one line on stderr.
#[test]
fn the_first_bad_line_is_quoted() {
    for tool in [
        "st-map --where true",
        "st-window ts 1s",
        "st-watermark ts 1s",
        "st-agg",
        "st-sink json",
    ] {
        let folder = Folder::new();
        let ran = folder.done(&format!("{tool} < corpus.json > rows"));
        assert_eq!(
            ran.err().matches("counted and left out").count(),
            1,
            "{tool}: {}",
            ran.err()
        );
    }
}

/// Input that begins with a lookalike of a marker is plain; one that begins with another marker is refused.
#[test]
fn the_first_line_decides() {
    for (first, status) in [
        (r#"{"$st" :"start"}"#, 0),
        (r#" {"$st":"start"}"#, 0),
        (r#"{"\u0024st":"start"}"#, 0),
        (r#"{"$st":"end"}"#, 1),
        (r#"{"$st":"batch","id":0}"#, 1),
        (r#"{"$st":7}"#, 1),
        (r#"{"$st":"start"}"#, 1),
        (r#"{"$st":"start","v":2}"#, 1),
        (
            r#"{"$st":"start","v":1,"query":"q","epoch":-9,"schema":"a","mode":"append","keys":[],"watermarks":[],"plan":[]}"#,
            1,
        ),
        (r#"{"$st":"#, 1),
    ] {
        for tool in [
            "st-map --where true",
            "st-window ts 1s",
            "st-watermark ts 1s",
            "st-agg",
            "st-sink json",
            "st-tee 'st-sink null'",
        ] {
            let folder = Folder::new();
            folder.write("first", format!("{first}\n{{\"k\":1}}\n"));
            let ran = folder.bash(&format!("{tool} -q < first > rows"));
            assert_eq!(ran.status, status, "{tool} {first}: {}", ran.err());
            if !tool.starts_with("st-tee") {
                folder.done(&format!("{tool} --plain -q --rejects bad < first > rows"));
                assert!(!folder.reasons("bad").is_empty(), "{tool} {first}");
            }
        }
    }
}
