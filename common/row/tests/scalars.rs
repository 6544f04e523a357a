//! Strings and numbers, read and written.
#![allow(clippy::unwrap_used)]

mod common;

use std::borrow::Cow;

use proptest::prelude::*;
use st_row::{Kind, parse_f64, parse_i64, unescape, write_f64, write_i64, write_string};

fn written(text: &str) -> String {
    let mut out = Vec::new();
    write_string(&mut out, text);
    String::from_utf8(out).unwrap()
}

#[test]
fn strings_are_decoded() {
    assert!(matches!(unescape(b"\"plain\""), Ok(Cow::Borrowed("plain"))));
    assert_eq!(
        unescape(br#""\"\\\/\b\f\n\r\t\u0041\u00e4\ud83d\ude80""#).unwrap(),
        "\"\\/\u{8}\u{c}\n\r\tAä🚀"
    );
    // Lone surrogates, in every place.
    assert_eq!(unescape(br#""\ud800""#).unwrap(), "\u{fffd}");
    assert_eq!(unescape(br#""\udc00x""#).unwrap(), "\u{fffd}x");
    assert_eq!(unescape(br#""\ud800\ud83d\ude80""#).unwrap(), "\u{fffd}🚀");
    assert_eq!(unescape(br#""\ud800\n""#).unwrap(), "\u{fffd}\n");
    assert!(unescape(b"12").is_err());
    assert!(unescape(b"\"").is_err());
    assert!(unescape(b"\"\xff\"").is_err());
}

#[test]
fn strings_are_written_with_the_escapes_json_asks_for() {
    assert_eq!(written("plain"), "\"plain\"");
    assert_eq!(
        written("a\"b\\c/d\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}ä🚀"),
        "\"a\\\"b\\\\c/d\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}ä🚀\""
    );
    assert_eq!(written(""), "\"\"");
}

#[test]
fn kinds_are_told_by_the_first_byte() {
    for (raw, kind) in [
        ("null", Some(Kind::Null)),
        ("true", Some(Kind::Bool)),
        ("-12", Some(Kind::Integer)),
        ("123456789012345678901234567890", Some(Kind::Integer)),
        ("1.0", Some(Kind::Fraction)),
        ("1e5", Some(Kind::Fraction)),
        ("\"1\"", Some(Kind::String)),
        ("[1]", Some(Kind::Array)),
        ("{}", Some(Kind::Object)),
        ("NaN", None),
        ("", None),
    ] {
        assert_eq!(Kind::of(raw.as_bytes()), kind, "{raw}");
    }
}

#[test]
fn integers_fit_or_are_none() {
    for (raw, value) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-17", Some(-17)),
        ("999999999999999999", Some(999_999_999_999_999_999)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("1.0", None),
        ("1e2", None),
        ("-", None),
        ("", None),
        ("+1", None),
        ("1x", None),
        ("٣", None),
    ] {
        assert_eq!(parse_i64(raw.as_bytes()), value, "{raw}");
    }
}

#[test]
fn doubles_are_read_and_written() {
    assert_eq!(parse_f64(b"0.1"), Some(0.1));
    assert_eq!(parse_f64(b"1e999"), Some(f64::INFINITY));
    assert_eq!(parse_f64(b"-1e-999"), Some(-0.0));
    assert_eq!(
        parse_f64(b"123456789012345678901234567890"),
        Some(1.234_567_890_123_456_8e29)
    );
    for bad in [
        "inf", "nan", "NaN", "-inf", "", "-", "1.", "infinity", "\"1\"",
    ] {
        assert_eq!(parse_f64(bad.as_bytes()), None, "{bad}");
    }
    let text = |value: f64| {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        [
            text(1.0),
            text(0.1),
            text(-0.0),
            text(1e300),
            text(f64::NAN),
            text(f64::INFINITY)
        ],
        ["1.0", "0.1", "-0.0", "1e300", "null", "null"]
    );
    let mut out = b"x".to_vec();
    write_i64(&mut out, i64::MIN);
    assert_eq!(out, b"x-9223372036854775808");
}

proptest! {
    #![proptest_config(common::config())]

    #[test]
    fn what_is_written_reads_back(text in any::<String>()) {
        let raw = written(&text);
        prop_assert_eq!(unescape(raw.as_bytes()).unwrap(), text.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&raw).unwrap(), text);
    }

    #[test]
    fn another_writer_s_strings_are_decoded(text in any::<String>()) {
        let raw = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(unescape(raw.as_bytes()).unwrap(), text);
    }

    #[test]
    fn numbers_read_back(value in any::<f64>(), integer in any::<i64>()) {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        prop_assert_eq!(parse_f64(&out), value.is_finite().then_some(value));
        prop_assert_eq!(parse_i64(integer.to_string().as_bytes()), Some(integer));
    }
}
