//! Changed rows: what is untouched keeps its bytes.
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use st_row::{Edit, Fields, Spans, Splice, append_member, validate};

/// Edits in words: `a=1`, `-a`, `a>b`.
fn change(row: &str, words: &[&str]) -> String {
    let mut fields = Fields::default();
    let (mut edits, mut values) = (Vec::new(), Vec::new());
    for word in words {
        edits.push(if let Some(name) = word.strip_prefix('-') {
            Edit::Drop {
                field: fields.add(name),
            }
        } else if let Some((from, to)) = word.split_once('>') {
            Edit::Rename {
                from: fields.add(from),
                to: fields.add(to),
            }
        } else {
            let (name, value) = word.split_once('=').unwrap();
            let start = values.len();
            values.extend_from_slice(value.as_bytes());
            Edit::Set {
                field: fields.add(name),
                value: start..values.len(),
            }
        });
    }
    let mut spans = Spans::default();
    fields.locate(row.as_bytes(), &mut spans).unwrap();
    let mut out = b"before ".to_vec();
    Splice::new()
        .apply(&fields, row.as_bytes(), &spans, &edits, &values, &mut out)
        .unwrap();
    String::from_utf8(out)
        .unwrap()
        .strip_prefix("before ")
        .unwrap()
        .to_string()
}

#[test]
fn a_new_member_goes_to_the_end() {
    assert_eq!(change(r#"{"a":1}"#, &["x=2"]), r#"{"a":1,"x":2}"#);
    assert_eq!(change("{}", &["x=2", "y=[3]"]), r#"{"x":2,"y":[3]}"#);
    assert_eq!(change("{ }", &["x=2"]), r#"{"x":2 }"#);
    assert_eq!(
        change("{ \"a\": \"}\" }\r", &["x=2", "y=3"]),
        "{ \"a\": \"}\",\"x\":2,\"y\":3 }"
    );
    assert_eq!(change(r#"{"a":{}}"#, &["x=2"]), r#"{"a":{},"x":2}"#);
    assert_eq!(change("{}", &["q\"=1"]), r#"{"q\"":1}"#);
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let row = r#"{ "a" : 1 , "b":2.50,"c":[1, 2] }"#;
    assert_eq!(change(row, &["b=7"]), r#"{ "a" : 1 , "b":7,"c":[1, 2] }"#);
    assert_eq!(
        change(row, &["a=\"x\"", "c=null"]),
        r#"{ "a" : "x" , "b":2.50,"c":null }"#
    );
    assert_eq!(
        change(row, &["a=5", "a=6"]),
        r#"{ "a" : 6 , "b":2.50,"c":[1, 2] }"#
    );
}

#[test]
fn a_dropped_member_takes_one_comma_with_it() {
    let row = r#"{"a":1, "b":2, "c":3}"#;
    assert_eq!(change(row, &["-a"]), r#"{"b":2, "c":3}"#);
    assert_eq!(change(row, &["-b"]), r#"{"a":1, "c":3}"#);
    assert_eq!(change(row, &["-c"]), r#"{"a":1, "b":2}"#);
    assert_eq!(change(row, &["-a", "-b"]), r#"{"c":3}"#);
    assert_eq!(change(row, &["-a", "-c"]), r#"{"b":2}"#);
    assert_eq!(change(row, &["-b", "-c"]), r#"{"a":1}"#);
    assert_eq!(change(row, &["-a", "-b", "-c"]), "{}");
    assert_eq!(change(row, &["-a", "-b", "-c", "x=1"]), r#"{"x":1}"#);
    assert_eq!(change(row, &["-zz"]), row);
    assert_eq!(change("{ \"a\" : 1 }", &["-a", "x=1"]), "{ \"x\":1}");
}

#[test]
fn a_renamed_member_keeps_place_and_value() {
    let row = r#"{"a": 1,"b":2,"c":3}"#;
    assert_eq!(change(row, &["a>z"]), r#"{"z": 1,"b":2,"c":3}"#);
    assert_eq!(change(row, &["a>c"]), r#"{"c": 1,"b":2}"#);
    assert_eq!(
        change(row, &["a>t", "b>a", "t>b"]),
        r#"{"b": 1,"a":2,"c":3}"#
    );
    assert_eq!(change(row, &["zz>a"]), row);
    assert_eq!(change(row, &["a>a"]), row);
}

#[test]
fn edits_see_what_earlier_ones_left() {
    let row = r#"{"a":1,"b":2}"#;
    assert_eq!(change(row, &["-a", "a=9"]), r#"{"b":2,"a":9}"#);
    assert_eq!(change(row, &["x=9", "-x"]), row);
    assert_eq!(
        change(row, &["x=9", "x>y", "x=8"]),
        r#"{"a":1,"b":2,"y":9,"x":8}"#
    );
    assert_eq!(
        change(row, &["a>x", "x=5", "a=6"]),
        r#"{"x":5,"b":2,"a":6}"#
    );
    assert_eq!(change(row, &["a=5", "a>b"]), r#"{"b":5}"#);
    assert_eq!(change(row, &["x=5", "x>a"]), r#"{"b":2,"a":5}"#);
}

#[test]
fn a_repeated_member_is_one_after_an_edit() {
    let row = r#"{"a":1,"b":2,"a":3,"b":4,"a":5}"#;
    assert_eq!(change(row, &["a=9"]), r#"{"b":2,"b":4,"a":9}"#);
    assert_eq!(change(row, &["-a"]), r#"{"b":2,"b":4}"#);
    assert_eq!(change(row, &["a>x"]), r#"{"b":2,"b":4,"x":5}"#);
    assert_eq!(
        change(row, &["c=1"]),
        r#"{"a":1,"b":2,"a":3,"b":4,"a":5,"c":1}"#
    );
    assert_eq!(change(r#"{"\u0061":1,"a":2}"#, &["a=9"]), r#"{"a":9}"#);
    assert_eq!(change(r#"{"a":2,"\u0061":1}"#, &["a=9"]), r#"{"\u0061":9}"#);
}

#[test]
fn one_member_is_appended_without_a_scan() {
    let append = |row: &str| {
        let mut out = Vec::new();
        append_member(row.as_bytes(), "x\n", b"1", &mut out)
            .map(|()| String::from_utf8(out).unwrap())
    };
    assert_eq!(append(r#"{"a":1}"#).unwrap(), r#"{"a":1,"x\n":1}"#);
    assert_eq!(append("{}").unwrap(), r#"{"x\n":1}"#);
    assert_eq!(append(" { } ").unwrap(), r#"{ "x\n":1}"#);
    assert!(append("[]").is_err());
    assert!(append("").is_err());
}

/// The same edits on a tree.
fn on_tree(row: &Map<String, Value>, words: &[(u8, &str, &str)]) -> Map<String, Value> {
    let mut members: Vec<(String, Value)> =
        row.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (n, (how, a, b)) in words.iter().enumerate() {
        let at = members.iter().position(|(name, _)| name == a);
        match how {
            0 => match at {
                Some(at) => members[at].1 = json!(n),
                None => members.push((a.to_string(), json!(n))),
            },
            1 => members.retain(|(name, _)| name != a),
            _ => {
                if let Some(at) = at.filter(|_| a != b) {
                    members[at].0 = b.to_string();
                    let mut index = 0;
                    members.retain(|(name, _)| {
                        index += 1;
                        name != b || index - 1 == at
                    });
                }
            }
        }
    }
    members.into_iter().collect()
}

proptest! {
    #![proptest_config(common::config())]

    #[test]
    fn the_result_is_that_of_a_tree(
        row in common::row(),
        words in prop::collection::vec((0..3u8, prop::sample::select(vec!["a", "b", "name", "ä", "new"]), prop::sample::select(vec!["a", "c", "other"])), 0..6),
    ) {
        let texts: Vec<String> = words.iter().enumerate().map(|(n, (how, a, b))| match how {
            0 => format!("{a}={n}"),
            1 => format!("-{a}"),
            _ => format!("{a}>{b}"),
        }).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let spliced = change(&row, &texts);
        prop_assume!(validate(row.as_bytes()).is_ok());
        prop_assert_eq!(validate(spliced.as_bytes()), Ok(()), "{}", spliced);
        if let Ok(tree) = serde_json::from_str::<Map<String, Value>>(&row) {
            let expected = on_tree(&tree, &words);
            prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&spliced).unwrap(), expected, "{}", spliced);
        }
        if words.is_empty() {
            prop_assert_eq!(spliced, row);
        }
    }
}
