#![no_main]
//! The line scanner: what it takes for a row is a row to serde_json too, and the reverse; fields are found where they stand.

use libfuzzer_sys::fuzz_target;
use st_row::{BadRow, Fields, Gate, Spans, elements_of, fields_of};

/// The same verdict from serde_json, which knows neither our depth nor the reserved key.
fn is_object(line: &[u8]) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(line);
    reader.disable_recursion_limit();
    let value: Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut reader);
    value.is_ok()
        && reader.end().is_ok()
        && line.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

/// The gate for many rows and the one for each agree on every line, however often the first one came before.
fn pass(text: &str) {
    let (mut gate, mut at) = (Gate::default(), 0);
    for line in text.split_inclusive('\n') {
        let verdict = st_row::validate(line.trim_end_matches('\n').as_bytes());
        match gate.pass(text.as_bytes(), at) {
            Some(end) => assert!(verdict.is_ok() && end == at + line.len()),
            None if verdict.is_ok() => gate.learn(line.trim_end_matches('\n').as_bytes()),
            None => {}
        }
        at += line.len();
    }
}

fuzz_target!(|line: &[u8]| {
    if line.contains(&b'\n') {
        let Ok(text) = std::str::from_utf8(line) else {
            return;
        };
        pass(text);
        let first = text.split_inclusive('\n').next().unwrap_or_default();
        return pass(&[&first.repeat(40), text].concat());
    }
    let verdict = st_row::validate(line);
    match verdict {
        Ok(()) => assert!(is_object(line)),
        Err(BadRow::TooDeep | BadRow::Reserved | BadRow::NotUtf8 { .. }) => {}
        // serde_json looks into no string it ignores, so only the other direction holds for text.
        Err(_) => assert!(std::str::from_utf8(line).is_ok()),
    }
    let row = st_row::trim(line);
    let fields = Fields::new(["a", "b", "k", "ts", "window", "ключ"]);
    let mut spans = Spans::default();
    let located = fields.locate(row, &mut spans);
    for index in 0..fields.len() {
        if let Some(raw) = spans.get(row, index)
            && verdict.is_ok()
            && located.is_ok()
        {
            // What was found is one value.
            st_row::validate(&[b"{\"v\":", raw, b"}"].concat()).expect("a value");
        }
    }
    let members = fields_of(row).take_while(Result::is_ok).count();
    if verdict.is_ok() {
        assert!(
            fields_of(row).all(|member| member.is_ok()),
            "{members} of a row"
        );
    }
    let _ = elements_of(row).take_while(Result::is_ok).count();
});
