//! Finding fields, walking values: against an independent parser, and on bytes that are no rows.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use st_row::{
    BadRow, Fields, Kind, Spans, Step, elements_of, fields_of, path, trim, unescape, validate,
};

fn find(row: &str, names: &[&str]) -> Vec<Option<String>> {
    let mut values = Vec::new();
    Fields::new(names)
        .find(row.as_bytes(), &mut values)
        .unwrap();
    values
        .iter()
        .map(|value| value.map(|raw| String::from_utf8(raw.to_vec()).unwrap()))
        .collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_string())
}

#[test]
fn values_are_found_as_they_stand() {
    let row = r#" { "a" : 1.50 ,"b":"x \" }", "c":{"a":2,"d":[1, 2]},"e":[{"a":3}] , "n":null } "#;
    assert_eq!(find(row, &["a"]), [some("1.50")]);
    assert_eq!(
        find(row, &["e", "zz", "c", "b", "n", ""]),
        [
            some(r#"[{"a":3}]"#),
            None,
            some(r#"{"a":2,"d":[1, 2]}"#),
            some(r#""x \" }""#),
            some("null"),
            None
        ]
    );
    assert_eq!(find("{}", &["a"]), [None]);
    assert_eq!(find(" {\t} ", &["a"]), [None]);
    assert_eq!(find(row, &[]), []);
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    assert_eq!(find(r#"{"a":1,"b":2,"a":3}"#, &["a"]), [some("3")]);
    assert_eq!(find(r#"{"a":1,"\u0061":3}"#, &["a"]), [some("3")]);
    let fields = Fields::new(["a"]);
    let mut spans = Spans::default();
    fields.locate(br#"{"a":1,"a":2}"#, &mut spans).unwrap();
    assert!(spans.repeated());
    fields
        .locate(br#"{"a":1,"b":2,"b":3}"#, &mut spans)
        .unwrap();
    assert!(!spans.repeated());
}

#[test]
fn keys_are_compared_decoded() {
    assert_eq!(
        find(
            r#"{"\u0061":1,"x\/y":2,"\u00e4":3,"\ud83d\ude80":4,"q\"":5}"#,
            &["a", "x/y", "ä", "🚀", "q\""]
        ),
        [some("1"), some("2"), some("3"), some("4"), some("5")]
    );
    assert_eq!(
        find(r#"{"\\u0061":1,"a\n":2}"#, &["a", "\\u0061", "a\n"]),
        [None, some("1"), some("2")]
    );
    // Names that look like an escape are not one.
    assert_eq!(find(r#"{"\u0061":1}"#, &["\\u0061"]), [None]);
}

#[test]
fn spans_tell_where() {
    let row = br#"{"id": 7, "name":"x"}"#;
    let fields = Fields::new(["name", "id", "gone"]);
    let mut spans = Spans::default();
    fields.locate(row, &mut spans).unwrap();
    assert_eq!(spans.get(row, 1), Some(&b"7"[..]));
    assert_eq!(
        spans.span(0).map(|span| (span.key, span.start, span.end)),
        Some((10, 17, 20))
    );
    assert_eq!(spans.get(row, 2), None);
    fields.locate(br#"{"id":null}"#, &mut spans).unwrap();
    assert_eq!(spans.get(br#"{"id":null}"#, 1), Some(&b"null"[..]));
    assert_eq!(spans.present(br#"{"id":null}"#, 1), None);
}

#[test]
fn a_set_of_fields_grows() {
    let mut fields = Fields::default();
    assert_eq!(
        (fields.add("b"), fields.add("a"), fields.add("b")),
        (0, 1, 0)
    );
    assert_eq!(fields.names(), ["b", "a"]);
    let mut values = Vec::new();
    fields.find(br#"{"a":1,"b":2}"#, &mut values).unwrap();
    assert_eq!(values, [Some(&b"2"[..]), Some(&b"1"[..])]);
}

#[test]
fn what_is_no_object_is_an_error() {
    let mut spans = Spans::default();
    let fields = Fields::new(["a"]);
    assert_eq!(fields.locate(b"[1]", &mut spans), Err(BadRow::NotObject));
    assert_eq!(fields.locate(b"", &mut spans), Err(BadRow::NotObject));
    for line in [
        &br#"{"a":1"#[..],
        br#"{"a""#,
        br#"{"a":}"#,
        br#"{"a":1}}"#,
        br#"{"a":[1}"#,
        br#"{"a":"x}"#,
        br#"{"a\"#,
        br#"{"a":1,}"#,
    ] {
        assert!(
            fields.locate(line, &mut spans).is_err(),
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

#[test]
fn a_path_leads_into_values() {
    let value = br#"{"b":[{"c":1},{"c":[10,"x"]}],"d":null,"b.c":5,"\u0065":6,"b2":{"x":1,"x":2}}"#;
    let name = |n: &str| Step::Name(n.to_string());
    let at = |steps: &[Step]| {
        path(value, steps)
            .unwrap()
            .map(|raw| String::from_utf8(raw.to_vec()).unwrap())
    };
    assert_eq!(
        at(&[name("b"), Step::Index(1), name("c"), Step::Index(1)]),
        some("\"x\"")
    );
    assert_eq!(at(&[name("e")]), some("6"));
    assert_eq!(at(&[name("b2"), name("x")]), some("2"));
    assert_eq!(at(&[name("b.c")]), some("5"));
    assert_eq!(at(&[name("d")]), some("null"));
    for nowhere in [
        &[name("x")][..],
        &[name("d"), name("x")],
        &[name("b"), name("c")],
        &[Step::Index(0)],
        &[name("b"), Step::Index(2)],
    ] {
        assert_eq!(at(nowhere), None, "{nowhere:?}");
    }
    assert_eq!(at(&[]).map(|all| all.len()), Some(value.len()));
}

#[test]
fn containers_are_walked() {
    let members: Vec<_> = fields_of(br#"{ "a" : 1 , "a":[ ] }"#)
        .map(Result::unwrap)
        .collect();
    assert_eq!(members, [(&b"\"a\""[..], &b"1"[..]), (b"\"a\"", b"[ ]")]);
    let elements: Vec<_> = elements_of(br#"[ 1 , "x,]" ,{"a":[2]}]"#)
        .map(Result::unwrap)
        .collect();
    assert_eq!(elements, [&b"1"[..], b"\"x,]\"", br#"{"a":[2]}"#]);
    assert_eq!(fields_of(b"{}").count() + elements_of(b"[ ]").count(), 0);
    // An error comes once, at the end.
    let broken: Vec<_> = elements_of(b"[1,2").collect();
    assert!(
        matches!(broken[..], [Ok(b"1"), Ok(b"2"), Err(_)]),
        "{broken:?}"
    );
    assert!(elements_of(b"{}").next().unwrap().is_err());
}

proptest! {
    #![proptest_config(common::config())]

    #[test]
    fn the_same_values_as_another_parser(row in common::row()) {
        let wanted = ["a", "name", "ä", "a/b", "", "event_type", "b"];
        let found = find(&row, &wanted);
        // A map of raw values keeps the last of a repeated key; it cannot hold keys that are lone surrogates.
        if let Ok(all) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&row) {
            for (name, value) in wanted.iter().zip(&found) {
                prop_assert_eq!(value.as_deref(), all.get(*name).map(|raw| raw.get()), "{}", name);
            }
            let mut last = BTreeMap::new();
            for item in fields_of(row.as_bytes()) {
                let (key, value) = item.unwrap();
                last.insert(unescape(key).unwrap().into_owned(), value);
            }
            prop_assert_eq!(last.len(), all.len());
            for (key, value) in last {
                prop_assert_eq!(value, all[&key].get().as_bytes());
            }
        }
    }

    #[test]
    fn garbage_is_survived(line in common::mutated()) {
        let fields = Fields::new(["a", "name", "ä", ""]);
        let mut spans = Spans::default();
        let verdict = fields.locate(&line, &mut spans);
        if validate(&line).is_ok() {
            prop_assert_eq!(verdict, Ok(()));
        }
        for index in 0..fields.len() {
            if let Some(raw) = spans.get(&line, index) {
                let _ = (Kind::of(raw), unescape(raw), fields_of(raw).count(), elements_of(raw).count());
            }
        }
        let _ = path(trim(&line), &[Step::Name("a".into()), Step::Index(0), Step::Name("b".into())]);
    }

    #[test]
    fn any_bytes_are_survived(line in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ a1u$n\n\x80".to_vec()), 0..40)) {
        let mut spans = Spans::default();
        let verdict = Fields::new(["a", "aa"]).locate(&line, &mut spans);
        prop_assert!(verdict.is_ok() || validate(&line).is_err());
        let _ = (unescape(&line), fields_of(&line).count(), elements_of(&line).count());
    }
}

proptest! {
    /// The same where strings stay as long for some time.
    #[test]
    fn lengths_seen_before_change_nothing(
        runs in prop::collection::vec((0usize..4, 0usize..7, 1usize..70), 1..8),
        wanted in prop::collection::vec(prop::sample::select(vec!["a", "bb", "c", "zz"]), 0..4),
    ) {
        let values = ["\"\"", "\"xyz\"", "\"2025-01-15T00:00:00.000Z\"", "\"é\"", "\"\\\"\"", "7", "{\"c\":\"xyz\"}"];
        let fields = Fields::new(wanted);
        let mut used = Spans::default();
        for (shape, value, times) in runs {
            for time in 0..times {
                let x = values[value];
                // Now and then another one.
                let y = values[if time % 37 == 36 { 0 } else { value }];
                let row = match shape {
                    0 => format!("{{\"a\":{x},\"bb\":{y}}}"),
                    1 => format!("{{\"a\":{y},\"bb\":{time},\"c\":{x}}}"),
                    2 => format!("{{\"a\":{x},\"c\":\"{time}\",\"a\":{y}}}"),
                    _ => format!("{{ \"c\": {x}, \"a long name that is not wanted\": {y}, \"bb\": [{time}]}}"),
                };
                let mut new = Spans::default();
                fields.locate(row.as_bytes(), &mut new).unwrap();
                fields.locate(row.as_bytes(), &mut used).unwrap();
                prop_assert_eq!(used.repeated(), new.repeated(), "{}", row);
                for index in 0..fields.len() {
                    prop_assert_eq!(used.span(index), new.span(index), "{}", row);
                }
                // What is cut off is no row.
                prop_assert!(fields.locate(&row.as_bytes()[..row.len() - 1], &mut used).is_err());
            }
        }
    }

    /// Spans that have seen other rows find the same as new ones, whatever the shapes of those rows and of this one.
    #[test]
    fn what_was_seen_before_changes_nothing(
        rows in prop::collection::vec((0usize..9, 0usize..6, 0usize..6), 1..40),
        swaps in prop::collection::vec(any::<bool>(), 40),
    ) {
        let values = ["1", "\"x\"", "\"a\\\"b\"", "{\"k\":[1,\"}\"]}", "null", "-2.5e3"];
        let sets = [Fields::new(["a", "bb", "key_of_a_row"]), Fields::new(["key_of_a_row", "bb"])];
        let mut used = Spans::default();
        for ((shape, one, two), swap) in rows.into_iter().zip(swaps) {
            let (x, y) = (values[one], values[two]);
            let row = match shape {
                0 => format!("{{\"a\":{x},\"bb\":{y}}}"),
                1 => format!("{{\"bb\":{x},\"a\":{y}}}"),
                2 => format!("{{\"key_of_a_row\":{x},\"long_name_here\":{y},\"a\":0}}"),
                3 => format!("{{ \"a\" : {x} , \"a\" : {y} }}"),
                4 => format!("{{\"a\":{x},\"bb\":{y}}} "),
                5 => format!("{{\"a\":{x},\"b\\u0062\":{y}}}"),
                6 => format!("{{\"a\":{x},\"bb\":{y}"),
                7 => format!("{{\"a\":{x},\"bb\":{y},\"key_of_a_row\":{x},\"a\":{y}}}"),
                _ => "{}".to_string(),
            };
            let fields = &sets[usize::from(swap)];
            let mut new = Spans::default();
            let expected = fields.locate(row.as_bytes(), &mut new);
            let found = fields.locate(row.as_bytes(), &mut used);
            prop_assert_eq!(found.is_ok(), expected.is_ok(), "{}", row);
            if expected.is_ok() {
                prop_assert_eq!(used.repeated(), new.repeated(), "{}", row);
                for index in 0..fields.len() {
                    prop_assert_eq!(used.span(index), new.span(index), "{}", row);
                }
            }
        }
    }
}
