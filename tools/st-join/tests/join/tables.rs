//! A stream and a table: every format, and a table that changes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use serde_json::{Value, json};

use crate::harness::{Stream, join};

fn orders(folder: &Path, schema: &str, batches: Vec<Vec<Value>>) {
    fs::write(folder.join("left"), Stream::new(schema, batches).text("l")).unwrap();
}

fn two() -> Vec<Vec<Value>> {
    vec![vec![json!({"id": 1, "n": 5}), json!({"id": 3, "n": 6})]]
}

#[test]
fn compressed_tables() {
    let folder = tempfile::tempdir().unwrap();
    orders(folder.path(), "", two());
    let csv = b"id,name\n1,one\n";
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(csv).unwrap();
    fs::write(folder.path().join("t.csv.gz"), gz.finish().unwrap()).unwrap();
    fs::write(
        folder.path().join("t.csv.zst"),
        zstd::encode_all(&csv[..], 1).unwrap(),
    )
    .unwrap();
    fs::write(folder.path().join("cut.csv.gz"), &csv[..]).unwrap();
    for table in ["t.csv.gz", "t.csv.zst"] {
        let schema = ["--using", "id", "--right-schema", "id INT, name STRING"];
        let ran = join(folder.path(), table, &schema);
        assert_eq!(
            ran.rows(),
            [r#"{"id":1,"n":5,"name":"one"}"#],
            "{}",
            ran.err
        );
    }
    let ran = join(folder.path(), "cut.csv.gz", &["--using", "id"]);
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.err,
        "st-join: cut.csv.gz: cannot read: invalid gzip header\n"
    );
}

#[test]
fn csv_and_json() {
    let folder = tempfile::tempdir().unwrap();
    orders(folder.path(), "", two());
    fs::write(
        folder.path().join("t.csv"),
        "id,name\n1,one\n2,\"two, too\"\n",
    )
    .unwrap();
    let schema = ["--using", "id", "--right-schema", "id INT, name STRING"];
    let ran = join(folder.path(), "t.csv", &schema);
    assert_eq!(
        ran.rows(),
        [r#"{"id":1,"n":5,"name":"one"}"#],
        "{}",
        ran.err
    );
    fs::write(
        folder.path().join("t.json"),
        "{\"id\":1,\"name\":\"one\"}\nnot json\n{\"id\":3}\n",
    )
    .unwrap();
    let ran = join(folder.path(), "t.json", &["--using", "id"]);
    assert_eq!(
        ran.rows(),
        [r#"{"id":1,"n":5,"name":"one"}"#, r#"{"id":3,"n":6}"#]
    );
    assert!(
        ran.err.contains(
            "t.json: 1 records are no rows and match nothing; the first: line 2: not JSON"
        ),
        "{}",
        ran.err
    );
    let ran = join(
        folder.path(),
        "t.csv",
        &[
            "--how",
            "left",
            "--using",
            "id",
            "--right-schema",
            "id INT, name STRING",
        ],
    );
    assert_eq!(
        ran.rows(),
        [
            r#"{"id":1,"n":5,"name":"one"}"#,
            r#"{"id":3,"n":6,"name":null}"#
        ]
    );
    assert_eq!(ran.markers("batch")[0]["stages"][0]["table_rows"], 2);
}

#[test]
fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    orders(folder.path(), "", two());
    let database = rusqlite::Connection::open(folder.path().join("t.db")).unwrap();
    database
        .execute_batch("create table names(id integer, name text, size real, raw blob); insert into names values (1, 'one', 1.5, x'00ff'), (3, null, 2, null)")
        .unwrap();
    let ran = join(folder.path(), "t.db", &["--using", "id"]);
    assert_eq!(
        ran.rows(),
        [
            r#"{"id":1,"n":5,"name":"one","size":1.5,"raw":"AP8="}"#,
            r#"{"id":3,"n":6,"name":null,"size":2.0,"raw":null}"#
        ],
        "{}",
        ran.err
    );
    database
        .execute_batch("create table others(id integer)")
        .unwrap();
    let ran = join(folder.path(), "t.db", &["--using", "id"]);
    assert!(
        ran.err
            .contains("has the tables names, others: choose one with --right-table"),
        "{}",
        ran.err
    );
    let ran = join(
        folder.path(),
        "t.db",
        &["--using", "id", "--right-table", "names", "--how", "semi"],
    );
    assert_eq!(ran.rows().len(), 2);
}

#[test]
fn parquet() {
    let folder = tempfile::tempdir().unwrap();
    orders(folder.path(), "id INT, n INT", two());
    let schema = "message t { required int64 id; optional byte_array name (UTF8); required int32 day (DATE); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let file = fs::File::create(folder.path().join("t.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&[1, 3], None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<ByteArrayType>()
        .write_batch(&[ByteArray::from("one")], Some(&[1, 0]), None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int32Type>()
        .write_batch(&[20_103, 0], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let ran = join(folder.path(), "t.parquet", &["--using", "id"]);
    let expected = [
        r#"{"id":1,"n":5,"name":"one","day":"2025-01-15"}"#,
        r#"{"id":3,"n":6,"name":null,"day":"1970-01-01"}"#,
    ];
    assert_eq!(ran.rows(), expected, "{}", ran.err);
    assert_eq!(ran.markers("start")[0]["schema"], "id INT, n INT, day DATE");
}

/// An empty checkpoint in a folder.
fn checkpoint(folder: &std::path::Path) -> std::path::PathBuf {
    let ck = folder.join("ck");
    fs::create_dir(&ck).unwrap();
    fs::write(
        ck.join("metadata"),
        "{\"st-checkpoint\":1,\"id\":\"q\",\"kind\":\"query\",\"created_by\":\"test\"}\n",
    )
    .unwrap();
    ck
}

#[test]
fn a_replay_has_the_columns_that_the_table_had() {
    let folder = tempfile::tempdir().unwrap();
    let ck = checkpoint(folder.path());
    let run = |batches: usize| {
        let rows = vec![json!({"id": "a"}), json!({"id": "b"})];
        let mut l = Stream::new("", vec![rows; batches]);
        l.checkpoint = Some(ck.to_str().unwrap().into());
        fs::write(folder.path().join("left"), l.text("l")).unwrap();
        let ran = join(folder.path(), "t.csv", &["--using", "id", "--how", "left"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran
    };
    let table = |text: &str| fs::write(folder.path().join("t.csv"), text).unwrap();
    table("id,name\na,Ann\n");
    let then = [r#"{"id":"a","name":"Ann"}"#, r#"{"id":"b","name":null}"#];
    assert_eq!(run(1).rows(), then);
    table("id,town,name\na,Rome,Ann\n");
    let now = [
        r#"{"id":"a","town":"Rome","name":"Ann"}"#,
        r#"{"id":"b","town":null,"name":null}"#,
    ];
    assert_eq!(run(3).rows(), [then, now, now].concat());
    table("id\nb\n");
    let last = [r#"{"id":"a"}"#, r#"{"id":"b"}"#];
    assert_eq!(run(4).rows(), [then, now, now, last].concat());
}

#[test]
fn a_copy_without_a_line_on_columns_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let ck = checkpoint(folder.path());
    let run = |batches: usize| {
        let mut l = Stream::new("", vec![vec![json!({"id": 1})]; batches]);
        l.checkpoint = Some(ck.to_str().unwrap().into());
        fs::write(folder.path().join("left"), l.text("l")).unwrap();
        join(folder.path(), "t.json", &["--using", "id"])
    };
    let table = |name: &str| {
        let row = format!("{{\"id\":1,\"name\":\"{name}\"}}\n");
        fs::write(folder.path().join("t.json"), row).unwrap()
    };
    table("old");
    run(1);
    let kept = fs::read_dir(ck.join("tables")).unwrap();
    let mut kept = kept.map(|entry| entry.unwrap().path());
    let copy = kept.find(|path| !path.ends_with("st-join")).unwrap();
    let text = fs::read_to_string(&copy).unwrap();
    let (first, rows) = text.split_once('\n').unwrap();
    assert_eq!(first, r#"{"$table":{"columns":["id","name"],"schema":""}}"#);
    fs::write(&copy, rows).unwrap();
    table("new");
    let ran = run(2);
    let expected = [r#"{"id":1,"name":"old"}"#, r#"{"id":1,"name":"new"}"#];
    assert_eq!(ran.rows(), expected, "{}", ran.err);
}

#[test]
fn a_replay_joins_the_version_that_was_joined() {
    let folder = tempfile::tempdir().unwrap();
    let ck = checkpoint(folder.path());
    let run = |batches: usize| {
        let mut l = Stream::new("", vec![vec![json!({"id": 1})]; batches]);
        l.checkpoint = Some(ck.to_str().unwrap().into());
        fs::write(folder.path().join("left"), l.text("l")).unwrap();
        join(folder.path(), "t.json", &["--using", "id"])
    };
    let table = |name: &str| {
        fs::write(
            folder.path().join("t.json"),
            format!("{{\"id\":1,\"name\":\"{name}\"}}\n"),
        )
        .unwrap()
    };
    table("old");
    let old = r#"{"id":1,"name":"old"}"#;
    assert_eq!(run(2).rows(), [old, old]);
    table("changed");
    let changed = r#"{"id":1,"name":"changed"}"#;
    let ran = run(4);
    assert_eq!(ran.rows(), [old, old, changed, changed], "{}", ran.err);
    let log = fs::read_to_string(ck.join("tables/st-join")).unwrap();
    assert_eq!(log.lines().count(), 5);
    let kept: Vec<_> = fs::read_dir(ck.join("tables"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 3);
    for path in kept.iter().filter(|path| !path.ends_with("st-join")) {
        fs::remove_file(path).unwrap();
    }
    let ran = run(4);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("cannot be read: restore it from a copy"),
        "{}",
        ran.err
    );
}
