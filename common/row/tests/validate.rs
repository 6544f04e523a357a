//! The gate: what is a row, what is not, and the reasons given.
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use st_row::{BadRow, MAX_DEPTH, trim, validate};

fn reason(line: &[u8]) -> String {
    match validate(line) {
        Ok(()) => "a row".to_string(),
        Err(bad) => bad.to_string(),
    }
}

#[test]
fn rows_are_rows() {
    for line in [
        &b"{}"[..],
        b" \t{ } \r",
        b"{\"a\":1}\r",
        br#"{"a":1e999,"b":123456789012345678901234567890,"c":-0,"d":0.5E-7}"#,
        br#"{"a":"\ud800","b":"\udc00\ud800","c":"\u0000"}"#,
        br#"{"a":[],"b":[[],{}],"c":{"d":{}},"":null,"t":true,"f":false}"#,
        br#"{"a":1,"a":2}"#,
        br#"{"x":{"$st":1},"y":["$st"],"$sta":1,"$s":2,"st":3,"\\u0024st":4,"$st ":5}"#,
        "{\"ключ\":\"значение\",\"漢\":\"\u{10ffff}\u{7f}\"}".as_bytes(),
    ] {
        assert_eq!(reason(line), "a row", "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn the_reason_says_what_and_where() {
    for (line, expected) in [
        (&b"[1,2]"[..], "not an object"),
        (b"7", "not an object"),
        (b"\"text\"", "not an object"),
        (b"null ", "not an object"),
        (b"GET / HTTP/1.1", "not JSON at byte 0: expected a value"),
        (b"7 8", "not JSON at byte 2: text after the value"),
        (b"{} {}", "not JSON at byte 3: text after the object"),
        (b"{'a':1}", "not JSON at byte 1: expected a key"),
        (b"{a:1}", "not JSON at byte 1: expected a key"),
        (b"{\"a\" 1}", "not JSON at byte 5: expected ':'"),
        (b"{\"a\":1,}", "not JSON at byte 7: expected a key"),
        (
            b"{\"a\":1 \"b\":2}",
            "not JSON at byte 7: expected ',' or '}'",
        ),
        (b"{\"a\":[1,]}", "not JSON at byte 8: expected a value"),
        (b"{\"a\":[1}", "not JSON at byte 7: expected ',' or ']'"),
        (b"{\"a\":1]", "not JSON at byte 6: expected ',' or '}'"),
        (b"{\"a\":NaN}", "not JSON at byte 5: expected a value"),
        (b"{\"a\":Infinity}", "not JSON at byte 5: expected a value"),
        (b"{\"a\":-Infinity}", "not JSON at byte 6: expected a digit"),
        (b"{\"a\":tru}", "not JSON at byte 5: expected a value"),
        (b"{\"a\":truex}", "not JSON at byte 9: expected ',' or '}'"),
        (
            b"{\"a\":01}",
            "not JSON at byte 5: a number with a leading zero",
        ),
        (b"{\"a\":1.}", "not JSON at byte 7: expected a digit"),
        (b"{\"a\":.5}", "not JSON at byte 5: expected a value"),
        (b"{\"a\":+1}", "not JSON at byte 5: expected a value"),
        (b"{\"a\":1e}", "not JSON at byte 7: expected a digit"),
        (b"{\"a\":\"\\x\"}", "not JSON at byte 6: not an escape"),
        (b"{\"a\":\"\\u12g4\"}", "not JSON at byte 6: not an escape"),
        (
            b"{\"a\":\"tab\there\"}",
            "not JSON at byte 9: a control character in a string",
        ),
        (
            b"{\"a\":\"open}",
            "not JSON at byte 11: the string has no end",
        ),
        (b"{\"a\":", "not JSON at byte 5: the line ends too early"),
        (b"{", "not JSON at byte 1: the line ends too early"),
        (
            b"{\"a\":1 // no\n}",
            "not JSON at byte 7: expected ',' or '}'",
        ),
        (b"\xef\xbb\xbf{}", "not JSON at byte 0: expected a value"),
        (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 6"),
        (b"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8 at byte 6"),
        (b"{\"$st\":1}", "has the reserved key $st"),
    ] {
        assert_eq!(reason(line), expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn no_spelling_of_the_reserved_key_passes() {
    for line in [
        r#"{"$st":"start"}"#,
        r#"{ "$st" : 1 }"#,
        r#"{"a":1,"$st":2}"#,
        r#"{"a":{"b":[{}]},"$st":2,"c":3}"#,
        r#"{"\u0024st":1}"#,
        r#"{"$\u0073t":1}"#,
        r#"{"$s\u0074":1}"#,
        r#"{"\u0024\u0073\u0074":1}"#,
        r#"{"a":[1,{"x":"}"}],"\u0024\u0073\u0074":1}"#,
    ] {
        assert_eq!(validate(line.as_bytes()), Err(BadRow::Reserved), "{line}");
    }
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    assert_eq!(validate(nested(MAX_DEPTH).as_bytes()), Ok(()));
    assert_eq!(
        reason(nested(MAX_DEPTH + 1).as_bytes()),
        "nested deeper than 512"
    );
    // Far deeper is no harm either.
    assert_eq!(
        validate("{\"a\":".repeat(1_000_000).as_bytes()),
        Err(BadRow::TooDeep)
    );
    assert_eq!(
        validate("[".repeat(1_000_000).as_bytes()),
        Err(BadRow::TooDeep)
    );
}

#[test]
fn a_row_cut_anywhere_is_no_row() {
    let row = r#" {"a":"x\"\\\u00e4y","b":[1,-2.5e3,{"c":null}],"d":true,"ä":{}}"#;
    assert_eq!(validate(row.as_bytes()), Ok(()));
    for end in 0..row.len() {
        assert!(
            validate(&row.as_bytes()[..end]).is_err(),
            "{:?}",
            &row.as_bytes()[..end]
        );
    }
}

#[test]
fn white_space_is_trimmed_at_the_ends() {
    assert_eq!(trim(b" \t{ }\r\n"), b"{ }");
    assert_eq!(trim(b"\r"), b"");
    assert_eq!(trim(b""), b"");
}

proptest! {
    #![proptest_config(common::config())]

    #[test]
    fn generated_rows_pass(row in common::row()) {
        // A generated string may happen to be the reserved key, but only by escapes.
        let verdict = validate(row.as_bytes());
        prop_assert!(verdict.is_ok() || verdict == Err(BadRow::Reserved), "{verdict:?}");
        prop_assert!(common::is_json(row.as_bytes()));
    }

    #[test]
    fn the_verdict_is_that_of_another_parser(line in common::mutated()) {
        let object = trim(&line).first() == Some(&b'{');
        match validate(&line) {
            Ok(()) => prop_assert!(object && common::is_json(&line)),
            Err(BadRow::Reserved) => {}
            Err(BadRow::NotObject) => prop_assert!(!object && common::is_json(&line)),
            Err(BadRow::NotUtf8 { at }) => prop_assert_eq!(std::str::from_utf8(&line).unwrap_err().valid_up_to(), at),
            Err(bad) => prop_assert!(!common::is_json(&line), "{}", bad),
        }
    }

    #[test]
    fn any_bytes_get_a_verdict(line in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(validate(&line).is_ok(), trim(&line).first() == Some(&b'{') && common::is_json(&line));
    }
}
