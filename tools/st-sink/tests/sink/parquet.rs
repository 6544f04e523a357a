//! Parquet files: typed columns, the same bytes for the same rows.

use std::fs::File;

use ::parquet::file::reader::{FileReader, SerializedFileReader};

use crate::harness::{Dir, Stream};

/// The schema as the file has it, and each row as the reader prints it.
fn read(dir: &Dir, name: &str) -> (String, Vec<String>) {
    let reader = SerializedFileReader::new(File::open(dir.path(name)).unwrap()).unwrap();
    let mut schema = Vec::new();
    ::parquet::schema::printer::print_schema(
        &mut schema,
        reader.metadata().file_metadata().schema(),
    );
    let rows = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().to_string())
        .collect();
    (String::from_utf8(schema).unwrap(), rows)
}

#[test]
fn columns_have_their_declared_types_or_those_found() {
    let dir = Dir::new();
    let ddl = "a TINYINT, price DECIMAL(10,2), t TIMESTAMP, d DATE, window STRUCT<start: TIMESTAMP, end: TIMESTAMP>, xs ARRAY<INT>";
    let input = Stream::new(-1, &format!("\"schema\":\"{ddl}\""))
        .batch(&[
            r#"{"a":1,"price":12.30,"t":"2025-01-15T10:30:00.123Z","d":"2025-01-15","xs":[1,null],"n":1,"s":"x","ok":true}"#,
            r#"{"a":300,"window":{"start":"2025-01-15T10:30:00Z","end":"2025-01-15T10:35:00Z"},"n":2.5,"s":7,"deep":[{"k":[1]}]}"#,
        ])
        .end();
    dir.sink(&["parquet", "out"], &input).quietly();
    let (schema, rows) = read(&dir, "out/batch-00000000.parquet");
    for column in [
        "OPTIONAL INT32 a (INTEGER(8,true))",
        "price (DECIMAL(10,2))",
        "OPTIONAL INT64 t (TIMESTAMP(MICROS,true))",
        "OPTIONAL INT32 d (DATE)",
        "OPTIONAL INT64 window_start (TIMESTAMP(MICROS,true))",
        "OPTIONAL INT64 window_end (TIMESTAMP(MICROS,true))",
        "OPTIONAL INT32 element",
        "OPTIONAL DOUBLE n",
        "OPTIONAL BYTE_ARRAY s (STRING)",
        "OPTIONAL BOOLEAN ok",
    ] {
        assert!(schema.contains(column), "no `{column}` in {schema}");
    }
    assert!(
        rows[0].contains("a: 1, price: 12.30")
            && rows[0].contains("xs: [1, null], n: 1.0, s: \"x\", deep: null, ok: true"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("{a: null, price: null") && rows[1].contains(r#"s: "7""#),
        "{rows:?}"
    );
    assert!(rows[1].contains(r#"deep: ["{"k":[1]}"]"#), "{rows:?}");
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let dir = Dir::new();
    let rows: Vec<String> = (0..20_000)
        .map(|n| format!("{{\"n\":{n},\"s\":\"{}\",\"x\":{}.5}}", n % 7, n % 100))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let input = Stream::new(-1, "\"schema\":\"\"").batch(&rows).end();
    dir.sink(&["parquet", "a"], &input).quietly();
    dir.sink(&["parquet", "b"], &input).quietly();
    let bytes = |name: &str| std::fs::read(dir.path(name)).unwrap();
    assert_eq!(
        bytes("a/batch-00000000.parquet"),
        bytes("b/batch-00000000.parquet")
    );
    assert_eq!(read(&dir, "a/batch-00000000.parquet").1.len(), 20_000);
}

#[test]
fn complete_mode_replaces_one_file_and_append_mode_is_refused() {
    let dir = Dir::new();
    let input = Stream::new(-1, "\"mode\":\"complete\"")
        .batch(&[r#"{"n":1}"#])
        .batch(&[r#"{"n":2}"#])
        .end();
    dir.sink(&["parquet", "--file", "f.parquet"], &input)
        .quietly();
    assert_eq!(read(&dir, "f.parquet").1, ["{n: 2}"]);
    let append = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&["parquet", "--file", "g.parquet"], &append)
        .refused(&["cannot be added to", "st-sink parquet DIR"]);
}
