//! Rows written around their values are the rows that are made one by one.
#![allow(clippy::unwrap_used)]

use st_expr::Env;
use st_stream::marker::Start;
use st_time::Zone;

use crate::args::Operation;
use crate::build::build;
use crate::operation::parse;
use crate::program::{Became, Machine, Program};
use crate::target::Target;

/// The program of some options, for a stream with this schema.
fn program(options: &[(&'static str, &str)], schema: &str) -> Program {
    let parsed: Vec<_> = options
        .iter()
        .map(|&(kind, text)| {
            let text = text.to_string();
            parse(&Operation { kind, text }).unwrap()
        })
        .collect();
    let mut start = Start::new("q".to_string(), -1);
    start.schema = schema.to_string();
    build(&parsed, &mut start, Zone::UTC, false).unwrap().first
}

/// Lines, what became of the row, and failures.
fn run(machine: &mut Machine, row: &str) -> (String, Became, u64) {
    let env = Env::new(Zone::UTC);
    let mut lines = Vec::new();
    let mut target = Target::Pending(&mut lines);
    let became = machine.run(row.as_bytes(), &env, &mut target).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    (lines, became, env.failures.count())
}

fn rows() -> Vec<String> {
    [
        r#"{"t":"a b c","n":1,"xs":[1,2.50,null,"q\"",{"a":1}]}"#,
        r#"{"t":"one","n":"\u00e9","xs":[]}"#,
        r#"{"t":"","n":null,"xs":null}"#,
        r#"{"t":" ","xs":["",""]}"#,
        r#"{"t":"  a  ","n":{"x" : 1},"xs":"no array"}"#,
        r#"{"t":"é ü 日本 𝄞","xs":[[1],[2]]}"#,
        r#"{"t":"esc\"aped b","n":-0.0}"#,
        r#"{"t":"tab\tbed b"}"#,
        r#"{"t":"\u0020 \ud834\udd1e"}"#,
        r#"{"t":"back\\ slash"}"#,
        r#"{"t":null}"#,
        r#"{}"#,
        r#"{"n":1}"#,
        r#"{"t":12,"n":1e400}"#,
        r#"{"t":true}"#,
        r#"{"t":1.50}"#,
        r#"{"t":["a b","c"]}"#,
        r#"{"t":{"a b":"c d"}}"#,
        r#"{"t":"first one","t":"last one"}"#,
        r#"{"\u0074":"spelled otherwise"}"#,
        r#" { "t" : "white space" , "n" : 7 } "#,
        r#"{"t":"12345678 1234567 123456789 1234567890123456 12345678901234567"}"#,
        r#"{"t":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b"}"#,
    ]
    .map(str::to_string)
    .to_vec()
}

/// Rows with more text than is cut at once.
fn long_rows() -> impl Iterator<Item = String> {
    [16_383, 16_384, 16_385, 40_000]
        .into_iter()
        .flat_map(|size| {
            let texts = [
                "x".repeat(size),
                " ".repeat(size),
                "ab cde  f ".repeat(size / 10),
            ];
            texts.map(|text| format!(r#"{{"n":1,"t":"{text}"}}"#))
        })
}

#[test]
fn rows_are_those_made_one_by_one() {
    let selects = [
        "explode(split(t, ' ')) as w",
        "explode(split(t, 'e')) as `a \"w\"`",
        "explode_outer(split(t, ' ')) as w",
        "n, explode(split(t, ' ')) as w",
        "explode(split(t, ' ')) as w, n",
        "t, n as m, explode(split(t, ' ')) as w, upper(n) as u, xs",
        "n + 1 as x, explode(split(t, '1')) as w, 5 as five, rand() as r",
        "explode(split(t, 'b c')) as w",
        "explode(split(t, '\\\\s+')) as w",
        "explode(split(t, '')) as w",
        "explode(split(t, ' ', 2)) as w",
        "explode(split(upper(t), ' ')) as w",
        "n, explode(xs) as x",
        "n, explode_outer(xs) as x",
        "explode(array(n, t)) as x, t",
    ];
    for schema in ["", "t STRING", "t STRING, n DOUBLE"] {
        for select in selects {
            let options = [("select", select)];
            assert!(program(&options, schema).has_stencil(), "{select}");
            let mut quick = Machine::new(program(&options, schema));
            let mut slow = Machine::new(program(&options, schema).one_by_one());
            for row in rows() {
                let (quick, slow) = (run(&mut quick, &row), run(&mut slow, &row));
                assert_eq!(quick, slow, "{select}: {row}");
            }
        }
    }
}

#[test]
fn long_texts_are_cut_in_parts() {
    let options = [("select", "n, explode(split(t, ' ')) as w")];
    let mut quick = Machine::new(program(&options, ""));
    let mut slow = Machine::new(program(&options, "").one_by_one());
    for row in long_rows() {
        assert!(run(&mut quick, &row) == run(&mut slow, &row), "{row:.20}");
    }
}

#[test]
fn what_stands_before_it_may_be_anything() {
    let options = [
        ("where", "n is not null"),
        ("set", "ys = split(t, ' '), k = explode(array(1, 2))"),
        ("select", "k, explode(ys) as w, size(ys) as n"),
    ];
    assert!(program(&options, "").has_stencil());
    let mut quick = Machine::new(program(&options, ""));
    let mut slow = Machine::new(program(&options, "").one_by_one());
    for row in rows() {
        assert_eq!(run(&mut quick, &row), run(&mut slow, &row), "{row}");
    }
}

#[test]
fn rows_that_differ_in_more_are_made_one_by_one() {
    for options in [
        vec![("select", "posexplode(split(t, ' ')) as (i, w)")],
        vec![
            ("select", "explode(split(t, ' ')) as w"),
            ("set", "n = length(w)"),
        ],
        vec![
            ("select", "explode(split(t, ' ')) as w"),
            ("where", "w != 'a'"),
        ],
        vec![("set", "w = explode(split(t, ' '))")],
        vec![("select", "*, explode(split(t, ' ')) as w")],
    ] {
        assert!(!program(&options, "").has_stencil(), "{options:?}");
    }
}
