//! Generated rows, as text: odd spacing, escapes, repeated keys, every kind of value.

#![allow(dead_code)] // Each test binary uses its part.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1024,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// White space as JSON allows it.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 1 => "[ \t\r]{1,3}"]
}

/// A raw string with its quotes: plain text, escapes, surrogates that pair or do not.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z0-9 ,:{}\\[\\]/'-]{0,12}",
        1 => "[äöü漢🚀]{1,3}",
        1 => prop::sample::select(vec![
            "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0041", "\\u00e4", "\\ud83d\\ude80", "\\ud800", "\\udc00", "\\u0024",
        ]).prop_map(str::to_string),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn key() -> impl Strategy<Value = String> {
    let names = vec![
        "\"a\"",
        "\"b\"",
        "\"c\"",
        "\"name\"",
        "\"price\"",
        "\"\"",
        "\"\\u0061\"",
        "\"n\\u0061me\"",
        "\"a\\/b\"",
        "\"ä\"",
        "\"\\u00e4\"",
        "\"event_type\"",
    ];
    prop_oneof![6 => prop::sample::select(names).prop_map(str::to_string), 1 => string()]
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        3 => string(),
        1 => prop::sample::select(vec![
            "null", "true", "false", "0", "-0", "1", "-17", "1.5", "-0.25e-3", "1E5", "1e999", "123456789012345678901234567890", "9223372036854775807",
        ]).prop_map(str::to_string),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (
                prop::collection::vec((inner.clone(), space()), 0..4),
                space()
            )
                .prop_map(|(items, space)| {
                    let items: Vec<String> = items
                        .into_iter()
                        .map(|(value, after)| format!("{value}{after}"))
                        .collect();
                    format!("[{space}{}]", items.join(","))
                }),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), key(), space(), space(), value, space())
        .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
    (prop::collection::vec(member, 0..7), space()).prop_map(|(members, space)| {
        if members.is_empty() {
            format!("{{{space}}}")
        } else {
            format!("{{{}}}", members.join(","))
        }
    })
}

/// A row: an object with whatever in it.
pub fn row() -> impl Strategy<Value = String> {
    object(value())
}

/// A row with some bytes changed, dropped or added.
pub fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        prop::sample::select(b"\"\\{}[],:0e-.n u$\x00\x1f\x80\xff\n".to_vec()),
        0..3u8,
    );
    (row(), prop::collection::vec(change, 1..4)).prop_map(|(row, changes)| {
        let mut bytes = row.into_bytes();
        for (place, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => {
                    bytes.remove(at);
                }
            }
        }
        bytes
    })
}

/// What an independent parser says: is this one JSON value (RFC 8259)? Its skipping visitor accepts lone surrogates and
/// numbers of any size, as the grammar does.
pub fn is_json(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok()
        && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}
