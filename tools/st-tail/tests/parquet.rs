#![allow(clippy::unwrap_used)]
//! Parquet files as a user sees them. The files are made here by the library's writer; what their rows look like is what
//! `to_json` of Spark 4.3.0 gives for the same values (`ignoreNullFields=false`, timestamps with six digits).

#[path = "../../../tests/support/source_tool.rs"]
mod source_tool;

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, ListBuilder, MapBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use source_tool::Tool;

fn tool() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_st-tail"))
}

/// Writes a file of these columns, a row group per `group` rows.
fn write(tool: &Tool, name: &str, columns: Vec<(&str, ArrayRef)>, group: usize, how: Compression) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let properties = WriterProperties::builder()
        .set_compression(how)
        .set_max_row_group_row_count(Some(group))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    tool.file(name, bytes);
}

fn ints(range: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

fn simple(tool: &Tool, name: &str, columns: Vec<(&str, ArrayRef)>) {
    write(tool, name, columns, 1000, Compression::SNAPPY);
}

/// The start marker of a run.
fn start(tool: &Tool, arguments: &[&str]) -> String {
    let out = tool.command(arguments).output().unwrap().stdout;
    let text = String::from_utf8(out).unwrap();
    text.lines().next().unwrap_or_default().to_string()
}

/// The rows of a wire, without markers.
fn rows(wire: &[String]) -> Vec<&str> {
    let rows = wire.iter().map(String::as_str);
    rows.filter(|line| line.starts_with('{')).collect()
}

#[test]
fn every_type_is_written_as_spark_writes_it() {
    let tool = tool();
    let micros = 1_736_937_000_123_456;
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1), None]);
    list.append(false);
    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(7);
    map.values().append_value("x\"");
    map.append(true).unwrap();
    map.append(false).unwrap();
    let fields = vec![Arc::new(Field::new("x", DataType::Int32, true))];
    let mut inner = StructBuilder::new(fields, vec![Box::new(Int32Builder::new())]);
    inner
        .field_builder::<Int32Builder>(0)
        .unwrap()
        .append_value(5);
    inner.append(true);
    inner
        .field_builder::<Int32Builder>(0)
        .unwrap()
        .append_null();
    inner.append(false);
    let mut bytes = BinaryBuilder::new();
    bytes.append_value([0, 255]);
    bytes.append_null();
    let decimals = Decimal128Array::from(vec![Some(1250), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("b", Arc::new(Int8Array::from(vec![Some(-5), None]))),
        ("l", Arc::new(Int64Array::from(vec![Some(1 << 40), None]))),
        ("u", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("f", Arc::new(Float32Array::from(vec![Some(1.1), None]))),
        ("d", Arc::new(Float64Array::from(vec![Some(2.5e10), None]))),
        (
            "n",
            Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY])),
        ),
        (
            "dec",
            Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
        ),
        ("s", Arc::new(StringArray::from(vec![Some("é\"x"), None]))),
        ("bin", Arc::new(bytes.finish())),
        ("dt", Arc::new(Date32Array::from(vec![Some(-1), None]))),
        (
            "ts",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(micros), None]).with_timezone("UTC"),
            ),
        ),
        (
            "ntz",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(micros), None])),
        ),
        ("bo", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("arr", Arc::new(list.finish())),
        ("m", Arc::new(map.finish())),
        ("st", Arc::new(inner.finish())),
    ];
    simple(&tool, "a.parquet", columns);
    let wire = tool.run(&["a.parquet"]).ok();
    assert_eq!(
        rows(&wire),
        [
            r#"{"b":-5,"l":1099511627776,"u":18446744073709551615,"f":1.1,"d":2.5E10,"n":"NaN","dec":12.50,"s":"é\"x","bin":"AP8=","dt":"1969-12-31","ts":"2025-01-15T10:30:00.123456Z","ntz":"2025-01-15T10:30:00.123456","bo":true,"arr":[1,null],"m":{"7":"x\""},"st":{"x":5}}"#,
            r#"{"b":null,"l":null,"u":null,"f":null,"d":null,"n":"-Infinity","dec":null,"s":null,"bin":null,"dt":null,"ts":null,"ntz":null,"bo":null,"arr":null,"m":null,"st":null}"#,
        ]
    );
    let schema = "b TINYINT, l BIGINT, u DECIMAL(20,0), f FLOAT, d DOUBLE, n DOUBLE, dec DECIMAL(10,2), s STRING, bin BINARY, dt DATE, ts TIMESTAMP, ntz TIMESTAMP, bo BOOLEAN, arr ARRAY<INT>, m MAP<INT, STRING>, st STRUCT<x: INT>";
    assert!(start(&tool, &["a.parquet"]).contains(schema));
}

#[test]
fn every_codec_is_read() {
    let tool = tool();
    for (name, how) in [
        ("a", Compression::UNCOMPRESSED),
        ("b", Compression::SNAPPY),
        ("c", Compression::GZIP(GzipLevel::default())),
        ("d", Compression::ZSTD(ZstdLevel::default())),
        ("e", Compression::LZ4_RAW),
        ("f", Compression::BROTLI(BrotliLevel::default())),
    ] {
        write(
            &tool,
            &format!("{name}.parquet"),
            vec![("n", ints(0..3))],
            2,
            how,
        );
        let wire = tool.run(&[&format!("{name}.parquet")]).ok();
        assert_eq!(
            rows(&wire),
            [r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":2}"#],
            "{name}"
        );
    }
}

/// Batches of three rows over row groups of four: cut anywhere, replayed to the same rows, gone on behind them.
#[test]
fn a_batch_is_a_range_of_rows_and_is_read_again_exactly() {
    let tool = tool();
    write(
        &tool,
        "in/a.parquet",
        vec![("n", ints(0..10))],
        4,
        Compression::SNAPPY,
    );
    let query = [
        "in",
        "--available-now",
        "--max-rows-per-trigger",
        "3",
        "--checkpoint",
        "ck",
    ];
    let first = tool.run(&query).ok();
    assert_eq!(rows(&first).len(), 10);
    assert_eq!(
        first
            .iter()
            .filter(|line| line.starts_with("batch"))
            .count(),
        4
    );
    // No sink has committed anything: all of it comes again, and then what is new.
    simple(&tool, "in/b.parquet", vec![("n", ints(10..12))]);
    let again = tool.run(&query).ok();
    assert_eq!(again[..first.len() - 1], first[..first.len() - 1]);
    assert_eq!(rows(&again)[10..], [r#"{"n":10}"#, r#"{"n":11}"#]);
    // One that was changed is noticed.
    write(
        &tool,
        "in/a.parquet",
        vec![("n", ints(1..11))],
        4,
        Compression::SNAPPY,
    );
    let err = tool.run(&query).failure(1).to_string();
    assert!(
        err.contains("in/a.parquet: was changed since it was read"),
        "{err}"
    );
}

#[test]
fn columns_are_those_of_the_first_file_or_of_all_or_of_the_schema() {
    let tool = tool();
    let text = |words: &[&str]| -> ArrayRef { Arc::new(StringArray::from(words.to_vec())) };
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![7]));
    simple(&tool, "in/a.parquet", vec![("n", ints(0..1))]);
    simple(
        &tool,
        "in/b.parquet",
        vec![("n", narrow), ("new", text(&["x"]))],
    );
    simple(&tool, "in/c.parquet", vec![("new", text(&["y"]))]);
    let ran = tool.run(&["in", "--available-now"]);
    let said = "in/b.parquet: has columns the first file had not, which are not read: new: --merge-schema reads them";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(rows(&ran.ok()), [r#"{"n":0}"#, r#"{"n":7}"#, "{}"]);
    let merging = ["in", "--available-now", "--merge-schema"];
    let all = [r#"{"n":0}"#, r#"{"n":7,"new":"x"}"#, r#"{"new":"y"}"#];
    assert_eq!(rows(&tool.run(&merging).ok()), all);
    assert!(start(&tool, &merging).contains("\"n BIGINT, new STRING\""));
    let ran = tool.run(&["in", "--available-now", "--schema", "new STRING, other INT"]);
    assert_eq!(rows(&ran.ok()), ["{}", r#"{"new":"x"}"#, r#"{"new":"y"}"#]);
}

#[test]
fn types_that_do_not_meet_are_refused() {
    let tool = tool();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["q"]));
    simple(&tool, "in/a.parquet", vec![("n", ints(0..1))]);
    simple(&tool, "in/b.parquet", vec![("n", text)]);
    let err = tool.run(&["in", "--available-now"]).failure(1).to_string();
    assert!(
        err.contains("in/b.parquet: column `n` is STRING there, and BIGINT is declared: declare a type that holds both with --schema, or go on without it with --skip-lost"),
        "{err}"
    );
    let err = tool
        .run(&["in", "--available-now", "--merge-schema"])
        .failure(1)
        .to_string();
    assert!(
        err.contains("in/b.parquet: column `n` is STRING here, and BIGINT before it: the two cannot be read together"),
        "{err}"
    );
    let ran = tool.run(&["in", "--available-now", "--skip-lost"]);
    assert_eq!(rows(&ran.ok()), [r#"{"n":0}"#]);
}

#[test]
fn what_is_no_parquet_or_damaged_is_named_and_the_rest_is_delivered() {
    let tool = tool();
    simple(&tool, "in/a.parquet", vec![("n", ints(0..1))]);
    tool.file("in/b.parquet", "no such thing, but long enough\n");
    write(
        &tool,
        "in/c.parquet",
        vec![("n", ints(0..4000))],
        1000,
        Compression::SNAPPY,
    );
    let mut bytes = std::fs::read(tool.path("in/c.parquet")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 2000].fill(0xff);
    tool.file("in/c.parquet", bytes);
    simple(&tool, "in/d.parquet", vec![("n", ints(5..6))]);
    let ran = tool.run(&["in", "--available-now"]);
    let err = ran.failure(1).to_string();
    assert!(
        err.contains("in/b.parquet: is no whole Parquet file ("),
        "{err}"
    );
    assert!(
        err.contains("replace it, or go on without it with --skip-lost"),
        "{err}"
    );
    assert_eq!(rows(&ran.wire), [r#"{"n":0}"#]);
    let ran = tool.run(&["in", "--available-now", "--skip-lost", "--checkpoint", "ck"]);
    assert!(
        ran.stderr.contains("in/c.parquet: cannot be read from row"),
        "{}",
        ran.stderr
    );
    let wire = ran.ok();
    assert_eq!(rows(&wire).last(), Some(&r#"{"n":5}"#));
    // Neither is tried again, and what was read of the damaged one is read again.
    let again = tool.run(&["in", "--available-now", "--skip-lost", "--checkpoint", "ck"]);
    assert_eq!(rows(&again.ok()), rows(&wire));
}

#[test]
fn a_restart_keeps_the_types_the_first_run_found() {
    let tool = tool();
    simple(&tool, "in/a.parquet", vec![("n", ints(0..1))]);
    let query = ["in", "--available-now", "--checkpoint", "ck"];
    tool.run(&query).ok();
    let wider: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
    simple(&tool, "in/0.parquet", vec![("n", ints(1..2)), ("z", wider)]);
    assert_eq!(rows(&tool.run(&query).ok()), [r#"{"n":0}"#, r#"{"n":1}"#]);
    assert!(start(&tool, &query).contains("\"schema\":\"n BIGINT\""));
}

#[test]
fn a_pipe_is_no_parquet() {
    let err = tool().run(&["--format", "parquet"]).failure(2).to_string();
    assert!(err.contains("Parquet is read from its end"), "{err}");
}
