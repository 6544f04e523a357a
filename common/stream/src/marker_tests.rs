#![allow(clippy::unwrap_used)]

use super::*;

fn line(marker: &Marker) -> String {
    let mut line = Vec::new();
    marker.write(&mut line).unwrap();
    String::from_utf8(line).unwrap()
}

#[test]
fn unknown_fields_are_carried_along() {
    let text = r#"{"$st":"begin","id":3,"time":"2025-01-15T10:00:00.000Z","colour":"red"}"#;
    let marker = Marker::parse(text.as_bytes()).unwrap();
    assert_eq!(line(&marker), format!("{text}\n"));
}

#[test]
fn a_higher_version_is_refused() {
    let error = Marker::parse(br#"{"$st":"start","v":2}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stream speaks protocol 2, this tool 1: install the newer st tools"
    );
}

#[test]
fn an_unknown_marker_is_refused() {
    let error = Marker::parse(br#"{"$st":"pause"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown marker `pause`: install the same version of every st tool"
    );
}
