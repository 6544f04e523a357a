#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use st_expr::Schema;

use crate::testing::{Case, reading};
use crate::{Escape, Format, Reading, Room};

fn csv() -> Reading {
    reading(Format::Csv)
}

fn headless() -> Reading {
    let mut reading = csv();
    reading.dialect.headless = true;
    reading
}

fn declared(ddl: &str, mut reading: Reading) -> Reading {
    reading.schema = Schema::parse(ddl).unwrap().into();
    reading
}

fn rows(reading: Reading, text: &str) -> Vec<String> {
    Case::new(reading)
        .rows(text)
        .lines()
        .map(str::to_string)
        .collect()
}

#[test]
fn the_header_gives_the_names() {
    assert_eq!(
        rows(csv(), "id,say \"x\"\n1,a\n2,\"b, c\"\n"),
        [
            r#"{"id":"1","say \"x\"":"a"}"#,
            r#"{"id":"2","say \"x\"":"b, c"}"#
        ]
    );
}

#[test]
fn quoted_fields_hold_newlines_separators_and_quotes() {
    let text = "a,b\r\n\"x\r\ny\",\"say \"\"hi\"\"\"\r\n\"\",z";
    assert_eq!(
        rows(csv(), text),
        [
            "{\"a\":\"x\\r\\ny\",\"b\":\"say \\\"hi\\\"\"}",
            r#"{"a":null,"b":"z"}"#
        ]
    );
}

// The answers of the next four are Spark's (4.3.0): header=true, no schema.

#[test]
fn an_empty_field_is_null_and_blank_lines_are_passed_over() {
    assert_eq!(
        rows(csv(), "a,b,c\n,\"\",x\n\n   \n1,,\n"),
        [
            r#"{"a":null,"b":null,"c":"x"}"#,
            r#"{"a":"1","b":null,"c":null}"#
        ]
    );
}

#[test]
fn spark_escapes_quotes_and_backslashes_with_a_backslash() {
    let mut reading = csv();
    reading.dialect.escape = Escape::Backslash;
    let text = "a,b\n\"x\\\"y\",\"C:\\new\"\n\"p\\\\q\",r\nu\\\"v,w\n";
    assert_eq!(
        rows(reading, text),
        [
            r#"{"a":"x\"y","b":"C:\\new"}"#,
            r#"{"a":"p\\q","b":"r"}"#,
            r#"{"a":"u\\\"v","b":"w"}"#
        ]
    );
}

#[test]
fn names_that_occur_twice_or_are_empty_get_numbers() {
    assert_eq!(
        rows(csv(), "a,a,,b\n1,2,3,4\n"),
        [r#"{"a0":"1","a1":"2","_c2":"3","b":"4"}"#]
    );
}

#[test]
fn text_behind_a_closing_quote_makes_it_plain() {
    assert_eq!(
        rows(csv(), "a,b\n\"x\"y,z\nx\"y\"z,w\n"),
        [r#"{"a":"\"x\"y","b":"z"}"#, r#"{"a":"x\"y\"z","b":"w"}"#]
    );
}

#[test]
fn declared_types_are_read_as_spark_reads_them() {
    let ddl = "i INT, l BIGINT, t TINYINT, d DOUBLE, b BOOLEAN, m DECIMAL(5,2), dt DATE, ts TIMESTAMP, s STRING, f FLOAT";
    let text = "1,2,3,1.5,true,1.005,2025-01-15,2025-01-15T10:30:00Z,x,1.1\n \
                1, 2,300, 1.5 ,TRUE, 12.3 ,2025-1-5,2025-01-15 10:30:00.123456,,-0.5\n\
                1.0,9223372036854775808,-1,NaN,1,1234.5,2025,2025-01-15,\"\",Inf\n\
                +1,1e3,1_0,1e3,yes,1e2,junk,junk,null,-Infinity\n\
                abc,-0,0x1,1d,t,-0.001,20250115,2025,a,.5\n";
    assert_eq!(
        rows(declared(ddl, headless()), text),
        [
            r#"{"i":1,"l":2,"t":3,"d":1.5,"b":true,"m":1.01,"dt":"2025-01-15","ts":"2025-01-15T10:30:00Z","s":"x","f":1.1}"#,
            r#"{"i":null,"l":null,"t":null,"d":1.5,"b":true,"m":null,"dt":"2025-1-5","ts":"2025-01-15 10:30:00.123456","s":null,"f":-0.5}"#,
            r#"{"i":null,"l":null,"t":-1,"d":"NaN","b":null,"m":null,"dt":"2025","ts":"2025-01-15","s":null,"f":"Infinity"}"#,
            r#"{"i":1,"l":null,"t":null,"d":1e3,"b":null,"m":100.00,"dt":null,"ts":null,"s":"null","f":"-Infinity"}"#,
            r#"{"i":null,"l":0,"t":null,"d":1.0,"b":null,"m":0.00,"dt":null,"ts":"2025","s":"a","f":0.5}"#,
        ]
    );
}

#[test]
fn a_schema_gives_types_by_the_headers_names_and_pads_short_rows() {
    assert_eq!(
        rows(declared("n INT, late STRING", csv()), "name,n\nx,1\ny\n"),
        [r#"{"name":"x","n":1}"#, r#"{"name":"y","n":null}"#]
    );
}

#[test]
fn without_a_header_columns_are_numbered() {
    assert_eq!(rows(headless(), "a,b\n"), [r#"{"_c0":"a","_c1":"b"}"#]);
    let mut tsv = reading(Format::Tsv);
    tsv.dialect.headless = true;
    assert_eq!(rows(tsv, "a,b\tc\n"), [r#"{"_c0":"a,b","_c1":"c"}"#]);
}

#[test]
fn rows_of_another_width_are_bad() {
    let case = Case::new(csv()).run("a,b\n1\n2,3,4\n5,6\n");
    assert_eq!(case.rows, "{\"a\":\"5\",\"b\":\"6\"}\n");
    assert_eq!(
        case.bad,
        [
            "2: 1 fields, but 2 columns: 1",
            "3: 3 fields, but 2 columns: 2,3,4"
        ]
    );
    let case = Case::new(declared("a INT", headless())).run("1,2\n3\n");
    assert_eq!((case.rows.as_str(), case.bad.len()), ("{\"a\":3}\n", 1));
}

#[test]
fn an_open_quote_costs_one_line() {
    let case = Case::new(csv()).run("a,b\n\"open,2\n3,4\n5,6\n");
    assert_eq!(
        case.rows,
        "{\"a\":\"3\",\"b\":\"4\"}\n{\"a\":\"5\",\"b\":\"6\"}\n"
    );
    assert_eq!(case.bad, ["2: a quote is not closed: \"open,2"]);
    let mut reading = csv();
    reading.limit = 20;
    let case = Case::new(reading).run("a,b\n\"open,2\n3,4\n5,6\n7,8\n9,10\n11,12\n13,14\n");
    assert_eq!(
        case.bad,
        ["2: a record longer than 20 bytes; is a quote not closed?: \"open,2"]
    );
    assert_eq!(case.rows.lines().count(), 6);
}

#[test]
fn no_column_is_named_like_a_marker() {
    let case = Case::new(csv()).run("$st,b\nstart,1\n");
    assert_eq!(
        (case.rows.as_str(), case.bad),
        ("", vec!["2: has the reserved key $st: start,1".to_string()])
    );
}

#[test]
fn the_header_takes_no_room() {
    let mut case = Case::new(csv());
    case.room = Room {
        rows: 1,
        bytes: u64::MAX,
    };
    let outcome = case.run("a\n\"1\n2\"\n3\n");
    assert_eq!(
        (
            outcome.rows.as_str(),
            outcome.place.offset,
            outcome.place.lines
        ),
        ("{\"a\":\"1\\n2\"}\n", 8, 3)
    );
}

proptest! {
    /// What the csv crate writes and reads is what we read.
    #[test]
    fn it_agrees_with_the_csv_crate(table in proptest::collection::vec(proptest::collection::vec("[a,\"\n\r é\\\\]{0,6}", 3), 0..6)) {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        for record in &table {
            writer.write_record(record).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let want: String = table
            .iter()
            .map(|record| {
                let mut line = String::new();
                for (i, value) in record.iter().enumerate() {
                    let value = if value.is_empty() { "null".into() } else { serde_json::to_string(value).unwrap() };
                    line.push_str(&format!("{}\"_c{i}\":{value}", if i == 0 { '{' } else { ',' }));
                }
                line + "}\n"
            })
            .collect();
        prop_assert_eq!(Case::new(headless()).rows(&text), want);
    }
}
