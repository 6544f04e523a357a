//! The gate for many rows says what the gate for one says.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use st_row::{Gate, validate};

/// Rows of `text` that the gate passed, each taught to it when it was not; panics where the two gates differ.
fn passed(text: &str) -> usize {
    let (mut gate, mut passed, mut at) = (Gate::default(), 0, 0);
    while at < text.len() {
        let line = text[at..].split('\n').next().unwrap();
        let next = at + line.len() + 1;
        match gate.pass(text.as_bytes(), at) {
            Some(end) => {
                assert_eq!(end, next, "{line}");
                assert_eq!(validate(line.as_bytes()), Ok(()), "{line}");
                passed += 1;
            }
            None if validate(line.as_bytes()).is_ok() => gate.learn(line.as_bytes()),
            None => {}
        }
        at = next;
    }
    passed
}

/// So many rows that are as long are compared by stretches from then on.
const ALIKE: usize = 40;

/// Neither gate takes the line, which stands between rows that pass.
fn refuses(first: &str, line: &str) {
    assert!(validate(line.as_bytes()).is_err(), "{line}");
    for before in [1, ALIKE] {
        let text = format!("{}{line}\n{first}", first.repeat(before));
        assert_eq!(passed(&text), before, "{line}");
    }
}

#[test]
fn rows_that_look_alike_pass() {
    let text = concat!(
        "{\"a\":1,\"b\" : \"x\"}\n",
        "{\"a\":-2.5e+9,\"b\" : \"a longer text with \\\"quotes\\\" and \\u00e9\"}\n",
        "{\"a\":null,\"b\" : {\"c\":[1,{\"d\":\"}\"}]}}\n",
        "{\"a\":[],\"b\" : false}\n",
    );
    assert_eq!(passed(text), 3);
}

#[test]
fn a_few_looks_are_known_at_once() {
    let rows = "{\"a\":1}\n{\"a\":1,\"b\":2}\n{\"b\":2}\n{\"c\":1}\n".repeat(10);
    // New looks are learned at the first, second, fourth, eighth … stranger.
    assert!(passed(&rows) > 24, "{}", passed(&rows));
}

#[test]
fn objects_within_a_row_may_be_alike_or_differ() {
    let alike = concat!(
        "{\"w\":{\"start\":\"a\", \"end\":{\"n\":1}},\"e\":{},\"b\":\"x\" }\n",
        "{\"w\":{\"start\":\"\", \"end\":{\"n\":[1]}},\"e\":[],\"b\":{\"w\":0} }\n",
        "{\"w\":{\"start\":null, \"end\":{\"n\":{}}},\"e\":-0.5,\"b\":\"\" }\n",
    );
    assert_eq!(passed(alike), 2);
    let differ: String = (0..50)
        .map(|n| format!("{{\"a\":{{\"k{n}\":{n}}},\"b\":{n}}}\n"))
        .collect();
    assert_eq!(passed(&differ), 50 - 4);
    let first = "{\"a\":{\"b\":1}}\n";
    for line in [
        "{\"a\":{\"b\":1}",
        "{\"a\":{\"b\":1}}}",
        "{\"a\":{\"b\":}}",
        "{\"a\":{\"b\":01}}",
        "{\"a\":{\"b\":{}}",
    ] {
        refuses(first, line);
    }
    for (depth, count) in [(510, 1), (511, 0)] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(
            passed(&format!("{first}{{\"a\":{{\"b\":{deep}}}}}\n")),
            count
        );
    }
}

#[test]
fn what_is_no_row_does_not_pass() {
    let first = "{\"a\":1,\"b\":\"x\"}\n";
    for line in [
        "{\"a\":01,\"b\":\"x\"}",
        "{\"a\":1.,\"b\":\"x\"}",
        "{\"a\":1,\"b\":\"x\t\"}",
        "{\"a\":1,\"b\":\"x\\q\"}",
        "{\"a\":1,\"b\":\"x\"}}",
        "{\"a\":1,\"b\":\"x\"",
        "{\"a\":1,\"b\":\"x}",
        "{\"a\":tru,\"b\":\"x\"}",
        "{\"a\":[1,\"b\":\"x\"}",
        "{\"a\":{\"b\":\"x\"}",
        "{\"a\":,\"b\":\"x\"}",
        "{\"a\":1,\"$st\":\"x\"}",
        "{\"a\":1,\"b\":\"x\"} 7",
    ] {
        refuses(first, line);
    }
    // The next line does not complete a value, and a row without a newline may go on.
    assert_eq!(passed(&format!("{first}{{\"a\":[1,\n2],\"b\":1}}\n")), 0);
    assert_eq!(passed(&format!("{first}{{\"a\":1,\"b\":\"x\"}}")), 0);
    // As deep as a row may be, and one deeper.
    for (depth, count) in [(511, 1), (512, 0)] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(passed(&format!("{first}{{\"a\":1,\"b\":{deep}}}\n")), count);
    }
}

#[test]
fn strings_may_change_their_length() {
    let row = |id: &str, at: &str| format!("{{\"id\":\"{id}\",\"n\":1,\"at\":\"{at}\"}}\n");
    let same = row("e00000001", "2025-01-15T00:00:00.000Z").repeat(ALIKE);
    for (id, at) in [
        ("e0000000", "2025-01-15T00:00:00.000Z"),
        ("e000000001", "2025-01-15T00:00:00.000Z"),
        ("", ""),
        ("e0000000é", "2025-01-15T00:00:00\\u002e"),
        ("a\\\"cdefgh", "2025-01-15T00:00:00.000\\\\"),
    ] {
        let text = [same.clone(), row(id, at).repeat(ALIKE), same.clone()].concat();
        assert_eq!(passed(&text), 3 * ALIKE - 1, "{id} {at}");
    }
    let first = row("abcdefgh", "0123456789abcdefghij");
    for (id, at) in [
        ("abc\"efgh", "0123456789abcdefghij"),
        ("abc\tefgh", "0123456789abcdefghij"),
        ("abcdefgh", "0123456789abcdefghi\""),
        ("abcdefgh", "0123456789abcdefghi\\"),
        ("abcdefgh", "0123456789\u{1}bcdefghij"),
    ] {
        refuses(&first, row(id, at).trim_end());
    }
    // The row behind is no part of this one.
    let text = format!(
        "{}{}{first}",
        first.repeat(ALIKE),
        &first[..first.len() - 3]
    );
    assert_eq!(passed(&text), ALIKE - 1);
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,6})?([eE][+-]?[0-9]{1,3})?",
        Just("true".to_string()),
        Just("null".to_string()),
        "\"([ -!#-\\[\\]-~é漢]|\\\\[\"\\\\nrt]|\\\\u00[0-9a-f]{2}){0,40}\"",
        // Anything at all.
        "[ -~]{0,6}",
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|of| format!("[{}]", of.join(","))),
            inner.prop_map(|of| format!("{{\"k\": {of}}}")),
        ]
    })
}

proptest! {
    #[test]
    fn both_gates_agree_on_rows_that_are_as_long(
        values in prop::collection::vec(("[a-z]{3}", "[ -!#-\\[\\]-~é]{0,3}", "[0-9a-f]{20}", 0u32..1000), 80),
        damage in any::<prop::sample::Index>(),
        by in "[\"{}\\[\\],:\\\\ x\n\t]",
    ) {
        let mut text: String = values
            .iter()
            .map(|(a, b, c, d)| format!("{{\"a\":\"{a}\",\"b\":\"{b}\",\"c\":\"{c}\",\"d\":{d}}}\n"))
            .collect();
        prop_assert_eq!(passed(&text), 79);
        let half = text.len() / 2;
        let at = half + damage.index(half - 1);
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..at + 1, &by);
            passed(&text);
        }
    }

    #[test]
    fn both_gates_agree(values in prop::collection::vec((value(), value()), 1..12), damage in any::<prop::sample::Index>(), by in "[\"{}\\[\\],:\\\\ x\n]") {
        let mut text: String = values.iter().map(|(a, b)| format!("{{\"a\":{a},\"b\":{b}}}\n")).collect();
        passed(&text);
        let at = damage.index(text.len());
        if text.is_char_boundary(at) {
            text.insert_str(at, &by);
            passed(&text);
        }
    }
}
