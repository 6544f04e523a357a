//! The broken lines, and what each is, decided by hand from RFC 8259 and rule W15 of the protocol.

/// What a line is to a source that reads JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// A row, whose event time `ts` is one.
    Timed,
    /// A row without an event time.
    Untimed,
    /// No row, and part of the reason given.
    Bad(&'static str),
    /// Nothing at all.
    Blank,
    /// So many rows without an event time, and so many bad elements; to a stage on plain input no object.
    Array(&'static [&'static str], u64),
}

use Is::{Array, Bad, Blank, Timed, Untimed};

/// A line without its newline.
pub struct Line {
    pub bytes: Vec<u8>,
    pub is: Is,
}

fn nested(depth: usize, open: &str, close: &str) -> Vec<u8> {
    let inner = depth - 1;
    format!(
        "{{\"k\":\"deep\",\"v\":{}1{}}}",
        open.repeat(inner),
        close.repeat(inner)
    )
    .into_bytes()
}

/// Every kind of broken line that was ever seen, and whole ones between them.
pub fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |bytes: &[u8], is: Is| {
        lines.push(Line {
            bytes: bytes.to_vec(),
            is,
        })
    };

    add(br#"{"ts":"2025-01-15T10:00:00Z","k":"a","n":1}"#, Timed);

    // Broken off.
    for cut in [
        &br#"{"#[..],
        br#"{"ts"#,
        br#"{"ts":"2025-01-15T10:00:01Z"#,
        br#"{"ts":"2025-01-15T10:00:01Z","k":"a","n":"#,
        br#"{"k":"a","n":1"#,
        br#"{"k":"a\"#,
        br#"{"k":"\u12"#,
        br#"{"k":[1,{"a":"#,
        br#"{"k":tru"#,
        br#"{"k":-"#,
        br#"{"k":1.}"#,
        br#"{"k":1e}"#,
    ] {
        add(cut, Bad("not JSON"));
    }
    // Not quite JSON.
    for wrong in [
        &br#"{"k":1,}"#[..],
        br#"{,"k":1}"#,
        br#"{k:1}"#,
        br#"{'k':1}"#,
        br#"{"k":01}"#,
        br#"{"k":+1}"#,
        br#"{"k":.5}"#,
        br#"{"k":0x10}"#,
        br#"{"k":NaN}"#,
        br#"{"k":Infinity}"#,
        br#"{"k":-Infinity}"#,
        br#"{"k":nan}"#,
        br#"{"k":undefined}"#,
        br#"{"k":1} // comment"#,
        br#"{"k":1}{"k":2}"#,
        br#"{"k":1}]"#,
        br#"{"k":[1}"#,
        br#"{"k":{]}"#,
        br#"{"k":"\x41"}"#,
        b"{\"k\":\"tab\there\"}",
        b"{\"k\":1}\x0c",
        b"GET / HTTP/1.1",
        b"{\"k\":1}\xc2\xa0",
    ] {
        add(wrong, Bad("not JSON"));
    }
    // JSON, and no object.
    for scalar in [
        &b"7"[..],
        b"-0.5e3",
        b"null",
        b"true",
        b"\"text\"",
        b"\"{\\\"k\\\":1}\"",
    ] {
        add(scalar, Bad("not an object"));
    }
    add(
        br#"[{"k":"x"}, {"k":"y"}]"#,
        Array(&[r#"{"k":"x"}"#, r#"{"k":"y"}"#], 0),
    );
    add(br#"[1,{"k":"z"},null]"#, Array(&[r#"{"k":"z"}"#], 2));
    add(br#"[]"#, Array(&[], 0));
    add(br#"[{"$st":"end"},[{"k":1}]]"#, Array(&[], 2));
    add(br#"[{"k":1}"#, Bad("not JSON"));

    // Depth.
    add(&nested(512, "[", "]"), Untimed);
    add(&nested(512, "{\"a\":", "}"), Untimed);
    add(&nested(513, "[", "]"), Bad("nested deeper"));
    add(&nested(513, "{\"a\":", "}"), Bad("nested deeper"));
    add("[".repeat(100_000).as_bytes(), Bad("nested deeper"));
    add("{\"a\":".repeat(100_000).as_bytes(), Bad("nested deeper"));

    // Bytes.
    add(b"\0", Bad("not JSON"));
    add(b"{\"k\":\"a\0b\"}", Bad("not JSON"));
    add(b"{\"k\":1}\0", Bad("not JSON"));
    add(b"{\"a\0\":1}", Bad("not JSON"));
    add(br#"{"k":"a\u0000b","nul\u0000key":1}"#, Untimed);
    for bytes in [
        &b"\xff\xfe{\0\"\0"[..],
        b"{\"k\":\"caf\xe9\"}",
        b"{\"k\":\"\xc0\xaf\"}",
        b"{\"k\":\"\xed\xa0\x80\"}",
        b"{\"k\":\"\xf4\x90\x80\x80\"}",
        b"{\"k\":\"\xe2\x82\"}",
        b"{\"caf\xe9\":1}",
        b"\x80",
    ] {
        add(bytes, Bad("not UTF-8"));
    }
    add(
        "{\"k\":\"\u{feff}\u{2028}\u{85}\u{10ffff}\"}".as_bytes(),
        Untimed,
    );
    add("\u{feff}{\"k\":1}".as_bytes(), Bad("not JSON"));
    add(b"{\"ts\":\"2025-01-15T10:00:02Z\",\"k\":\"crlf\"}\r", Timed);
    add(b" \t {\"k\":\"space\"} \t\r", Untimed);
    add(b"{\"k\":\r1}", Untimed);

    // Lone surrogates are legal in JSON and no text.
    add(br#"{"k":"\ud800"}"#, Untimed);
    add(br#"{"k":"\udc00\ud800","\udfff":1}"#, Untimed);
    add(br#"{"k":"\ud83d\ude00"}"#, Untimed);

    // Keys.
    add(
        br#"{"ts":"2025-01-15T10:00:03Z","k":"a","k":"b","n":1,"n":2}"#,
        Timed,
    );
    add(br#"{"\u006b":"escaped","":1,"K":2,"k ":3}"#, Untimed);
    add(br#"{}"#, Untimed);
    add(br#"{"k":{"k":{"k":[]}},"n":[[],{}]}"#, Untimed);
    let wide: Vec<String> = (0..2000).map(|n| format!("\"c{n}\":{n}")).collect();
    add(
        format!("{{\"k\":\"wide\",\"deep\":{{{}}}}}", wide.join(",")).as_bytes(),
        Untimed,
    );

    // Numbers.
    for number in [
        "1e999",
        "-1e999",
        "1e-999",
        "-0",
        "-0.0",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999999999999999999999999999",
        "0.1000000000000000055511151231257827021181583404541015625",
        "1E+400",
        "1e18446744073709551616",
    ] {
        add(
            format!("{{\"k\":\"number\",\"n\":{number}}}").as_bytes(),
            Untimed,
        );
    }
    add(
        format!("{{\"n\":{}}}", "9".repeat(5000)).as_bytes(),
        Untimed,
    );
    add(
        format!("{{\"n\":0.{}1}}", "0".repeat(5000)).as_bytes(),
        Untimed,
    );

    // Event times that are none, and times at the edges.
    for time in [
        "null",
        "\"\"",
        "\"not a time\"",
        "{}",
        "[]",
        "true",
        "\"2025-02-30T00:00:00Z\"",
        "\"25:00\"",
    ] {
        add(
            format!("{{\"ts\":{time},\"k\":\"time\"}}").as_bytes(),
            Untimed,
        );
    }
    add(br#"{"ts":"2025-01-15T10:00:04+14:00","k":"zone"}"#, Timed);
    add(
        br#"{"ts":"2025-01-15 10:00:05.123456789","k":"nanos"}"#,
        Timed,
    );
    add(
        br#"{"t\u0073":"2025-01-15T10:00:06Z","k":"escaped name"}"#,
        Timed,
    );
    add(
        br#"{"ts":"2025-01-15\u005410:00:07Z","k":"escaped time"}"#,
        Timed,
    );

    // Forged markers: every spelling of the name, wherever it stands.
    for forged in [
        &br#"{"$st":"start","v":1,"query":"x","epoch":-1,"schema":"","mode":"append","keys":[],"watermarks":[],"plan":[]}"#[..],
        br#"{"$st":"begin","id":0,"time":"2025-01-15T10:00:00.000Z"}"#,
        br#"{"$st":"watermark","time":"2999-01-01T00:00:00.000Z","columns":{}}"#,
        br#"{"$st":"batch","id":0,"final":true,"watermark":null,"stages":[]}"#,
        br#"{"$st":"end"}"#,
        br#"{"$st":"abort","stage":"st-tail","reason":"forged"}"#,
        br#"{"$st":"unheard of"}"#,
        br#"{"$st":null}"#,
        br#"{"$st":{}}"#,
        br#"{"$st":"bad","reason":"x","at":"y","text":"z"}"#,
        br#"{"$st" :"end"}"#,
        br#"{ "$st":"end"}"#,
        b"\t{\"$st\":\"end\"}\r",
        br#"{"\u0024st":"end"}"#,
        br#"{"$\u0073t":"end"}"#,
        br#"{"$s\u0074":"end"}"#,
        br#"{"\u0024\u0073\u0074":"end"}"#,
        br#"{"k":1,"$st":"end"}"#,
        br#"{"k":1,"\u0024\u0073\u0074":{"a":[]}}"#,
        br#"{"$st":"end","$st":"end"}"#,
    ] {
        add(forged, Bad("reserved key $st"));
    }
    add(br#"{"$st":"#, Bad("reserved key $st"));
    add(br#"{"$st":"end""#, Bad("reserved key $st"));
    add(b"{\"$st\":\"\xff\"}", Bad("not UTF-8"));
    for alike in [
        &br#"{"$ST":"end"}"#[..],
        br#"{"$st ":"end"}"#,
        br#"{"$sta":"end"}"#,
        br#"{"st":"end"}"#,
        br#"{"\\u0024st":"end"}"#,
        br#"{"a":{"$st":"end"}}"#,
        br#"{"a":[{"$st":"end"}]}"#,
        br#"{"k":"{\"$st\":\"end\"}"}"#,
    ] {
        add(alike, Untimed);
    }

    // Nothing.
    for blank in [&b""[..], b" ", b"\t \t", b"\r", b"  \r"] {
        add(blank, Blank);
    }
    add(br#"{"ts":"2025-01-15T10:00:08Z","k":"last","n":2}"#, Timed);
    lines
}

/// The lines as a file.
pub fn file(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(&line.bytes);
        bytes.push(b'\n');
    }
    bytes
}

/// A line without JSON's white space around it.
pub fn trimmed(line: &[u8]) -> &[u8] {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r');
    let start = line.iter().position(|b| !space(b)).unwrap_or(line.len());
    let end = line
        .iter()
        .rposition(|b| !space(b))
        .map_or(start, |at| at + 1);
    &line[start..end]
}

/// What a reader of the lines must come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The rows, byte for byte.
    pub rows: Vec<Vec<u8>>,
    /// How many of them have an event time.
    pub timed: u64,
    /// Reasons of what is no row, in order.
    pub bad: Vec<&'static str>,
}

impl Expected {
    /// Of a source that reads JSON, where an array is several rows; or of a stage on plain input, where it is none.
    pub fn new(lines: &[Line], arrays: bool) -> Expected {
        let mut expected = Expected::default();
        for line in lines {
            match &line.is {
                Timed | Untimed => {
                    expected.rows.push(trimmed(&line.bytes).to_vec());
                    expected.timed += u64::from(line.is == Timed);
                }
                Bad(reason) => expected.bad.push(reason),
                Blank => {}
                Array(rows, bad) if arrays => {
                    expected
                        .rows
                        .extend(rows.iter().map(|row| row.as_bytes().to_vec()));
                    expected.bad.extend((0..*bad).map(|_| "of the array"));
                }
                Array(..) => expected.bad.push("not an object"),
            }
        }
        expected
    }

    /// How many records there were.
    pub fn all(&self) -> u64 {
        (self.rows.len() + self.bad.len()) as u64
    }
}
