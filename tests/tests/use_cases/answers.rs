//! Answers from SQLite over the generated files, and readers of what the queries left.

use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// The lines of all files of a folder as the table `data(n, file, line)`, in order.
pub fn over(folder: &Path) -> Connection {
    let mut database = Connection::open_in_memory().unwrap();
    let all = database.transaction().unwrap();
    all.execute_batch("create table data(n integer primary key, file integer, line text)")
        .unwrap();
    for (number, file) in files(folder).iter().enumerate() {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            all.execute(
                "insert into data(file, line) values (?, ?)",
                (number as i64, line),
            )
            .unwrap();
        }
    }
    all.commit().unwrap();
    database
}

/// The rows of a query, cells between bars, sorted.
pub fn ask(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..columns)
            .map(|at| match row.get_ref(at).unwrap() {
                ValueRef::Null => String::new(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(_) => panic!("a blob"),
            })
            .collect();
        found.push(cells.join("|"));
    }
    found.sort();
    found
}

/// The rows of a table in a file.
pub fn table(file: &Path, sql: &str) -> Vec<String> {
    ask(&Connection::open(file).unwrap(), sql)
}

/// The rows of all Parquet files below a folder, cells between bars, sorted. Doubles have six digits.
pub fn parquet(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(folder) {
        let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let cells: Vec<String> = row
                .get_column_iter()
                .map(|(_, field)| match field {
                    Field::Null => String::new(),
                    Field::Str(text) => text.clone(),
                    Field::Double(number) => format!("{number:.6}"),
                    Field::TimestampMicros(_) | Field::TimestampMillis(_) => {
                        field.to_string().chars().take(19).collect()
                    }
                    other => other.to_string(),
                })
                .collect();
            found.push(cells.join("|"));
        }
    }
    found.sort();
    found
}

/// The visible files below a folder, in order of name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Both hold the same rows, each as often.
#[track_caller]
pub fn same(seen: &[impl AsRef<str>], expected: &[String]) {
    let (mut seen, mut expected) = (seen.iter().map(AsRef::as_ref).peekable(), expected.iter());
    let mut wrong = String::new();
    for expected in expected.by_ref() {
        while let Some(row) = seen.next_if(|row| *row < expected.as_str()) {
            wrong += &format!("more than SQLite has: {row}\n");
        }
        if seen.next_if(|row| *row == expected.as_str()).is_none() {
            wrong += &format!("not there: {expected}\n");
        }
    }
    seen.for_each(|row| wrong += &format!("more than SQLite has: {row}\n"));
    assert!(wrong.is_empty(), "{wrong}");
}
