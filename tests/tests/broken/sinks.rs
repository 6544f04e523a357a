//! Every format: what a sink delivers and what it rejects are the rows it was given.

use crate::ran::Folder;

/// How many rows a target holds, told by another program where there is one.
struct Sink {
    /// The line's end.
    sink: &'static str,
    /// Prints the number of rows delivered.
    count: &'static str,
    /// Rows must have the same columns, of one type each.
    flat: bool,
}

/// A record per line, since no text of the flat rows has a newline.
const SINKS: &[Sink] = &[
    Sink {
        sink: "json out",
        count: "cat out/*.json | wc -l",
        flat: false,
    },
    Sink {
        sink: "json out --ignore-null-fields",
        count: "cat out/*.json | wc -l",
        flat: false,
    },
    Sink {
        sink: "json out --compression gzip",
        count: "zcat out/*.gz | wc -l",
        flat: false,
    },
    Sink {
        sink: "json --file out",
        count: "wc -l < out",
        flat: false,
    },
    Sink {
        sink: "json out --partition-by k",
        count: "find out -name '*.json' -exec cat {} + | wc -l",
        flat: false,
    },
    Sink {
        sink: "csv --file out",
        count: "tail -n +2 out | wc -l",
        flat: true,
    },
    Sink {
        sink: "csv out --no-header --sep ';'",
        count: "cat out/*.csv | wc -l",
        flat: true,
    },
    Sink {
        sink: "text out",
        count: "cat out/*.txt 2>/dev/null | wc -l",
        flat: false,
    },
    Sink {
        sink: "sqlite out.db --table t",
        count: "sqlite3 out.db 'select count(*) from t'",
        flat: false,
    },
    Sink {
        sink: "exec 'cat >> out'",
        count: "wc -l < out",
        flat: false,
    },
    Sink {
        sink: "console --num-rows 100000",
        // Each batch has a line with the names.
        count: "echo $(($(grep -c '^|' shown) - $(grep -c '^Batch' shown)))",
        flat: true,
    },
    Sink {
        sink: "null",
        count: "",
        flat: false,
    },
    Sink {
        sink: "parquet out",
        count: "",
        flat: false,
    },
];

fn number(folder: &Folder, line: &str) -> u64 {
    folder.done(line).out().trim().parse().unwrap()
}

/// What stands in the target and what was rejected are the rows that came.
fn check(folder: &Folder, sink: &Sink, given: u64, rejects: &str) {
    let name = sink.sink;
    let rejected = folder.rows(rejects).len() as u64;
    let delivered = match (sink.count, name) {
        ("", "null") => given - rejected,
        ("", _) => parquet_rows(folder),
        (count, _) => number(folder, count),
    };
    assert_eq!(
        delivered + rejected,
        given,
        "{name}: {delivered} delivered, {rejected} rejected"
    );
    if !matches!(name, "text out") {
        assert!(delivered > 0, "{name}");
    }
}

fn parquet_rows(folder: &Folder) -> u64 {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let files = std::fs::read_dir(folder.path("out"))
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .map(|path| {
            let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
            reader.metadata().file_metadata().num_rows() as u64
        })
        .sum()
}

/// Columns whose text has no newline and no bar, for the targets that are counted by lines.
const FLAT: &str = "st-map --select 'hex(cast(k as string)) as k, hex(cast(n as string)) as n, length(ts) as t' -q";

#[test]
fn in_a_query() {
    for sink in SINKS {
        let folder = Folder::new();
        let flat = if sink.flat {
            FLAT
        } else {
            "st-map --where true -q"
        };
        folder.done(&format!(
            "st-tail corpus.json --max-rows-per-trigger 20 --checkpoint ck -q | {flat} | st-sink {} -q --rejects bad > shown",
            sink.sink
        ));
        let given = folder.source().rows.len() as u64;
        check(&folder, sink, given, "bad");
        let stages = folder.progress("ck/progress/st-sink");
        let sums = &stages["st-sink"];
        assert_eq!(
            (sums.read, sums.bad),
            (given, folder.rows("bad").len() as u64),
            "{}",
            sink.sink
        );
        sums.balanced();
    }
}

#[test]
fn on_plain_input() {
    for sink in SINKS.iter().filter(|sink| !sink.flat) {
        let folder = Folder::new();
        folder.done(&format!(
            "st-sink {} -q --rejects bad < corpus.json",
            sink.sink
        ));
        check(&folder, sink, folder.plain().all(), "bad");
    }
}

/// The rows in a folder and in one file are the bytes that came.
#[test]
fn json_keeps_the_bytes() {
    let folder = Folder::new();
    folder.done(
        "st-tail corpus.json --checkpoint ck -q | st-sink json out -q; cat out/*.json > rows",
    );
    assert_eq!(folder.rows("rows"), folder.source().rows);
}
