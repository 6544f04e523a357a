#![allow(clippy::unwrap_used, clippy::print_stderr)]
//! No room for what a query writes, whichever file it is: one line says which and what to do, the pipeline fails, and when
//! there is room again the same line delivers what it would have delivered at once.
//!
//! A file that must not grow (`ulimit -f`) picks the writer; a file system that grows by a page from run to run stops
//! whoever comes first, everywhere in turn.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use st_tests::{Outcome, bash, bin, run};

/// Six files of a hundred rows of a quarter of a kilobyte, with lines that are no JSON and, from the second on, late rows.
fn input() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    // Of one id, by which side files name the query.
    std::fs::create_dir_all(folder.path().join("on/ck")).unwrap();
    std::fs::write(folder.path().join("on/ck/metadata"), METADATA).unwrap();
    let pad = "0".repeat(200);
    for file in 0..6 {
        let mut text = String::new();
        for n in file * 100..(file + 1) * 100 {
            let minute = if n % 5 == 4 {
                0
            } else {
                file * 4 + n % 100 / 50
            };
            let second = n % 50;
            writeln!(
                text,
                r#"{{"ts":"2025-01-15T10:{minute:02}:{second:02}Z","kind":"k{}","n":{n},"pad":"{pad}"}}"#,
                n % 7
            )
            .unwrap();
            if n % 10 == 3 {
                writeln!(text, "no JSON {n} {pad}").unwrap();
            }
        }
        std::fs::write(events.join(format!("{file}.json")), text).unwrap();
    }
    at(folder.path(), "touch -d @1700000000 events/*");
    folder
}

const METADATA: &str = "{\"st-checkpoint\":1,\"id\":\"0b52a41f-6d1e-4c1b-9a65-c36c1d2f7e11\",\"kind\":\"query\",\"created_by\":\"test\"}\n";

fn at(folder: &Path, line: &str) -> Outcome {
    let mut command = bash(&bin().unwrap(), folder, line);
    command.env("TMPDIR", folder);
    run(command).unwrap()
}

fn well(folder: &Path, line: &str) -> String {
    let ran = at(folder, line);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{line}");
    ran.out()
}

const SOURCE: &str = "st-tail events/*.json --max-files-per-trigger 1 --checkpoint on/ck -q";
const LATE: &str = "st-watermark ts '1 minute' -q | st-agg --by 'window(ts, \"1 minute\") as w' --agg 'count(*) as n' --mode append -q";
const RESULT: &str = "find on -path on/ck -prune -o -type f ! -name '.*' -print | sort | while read -r f; do echo \"== $f\"; cat \"$f\"; done; cat on/ck/rejects/*";

/// The stage behind `LIMIT` may not write files beyond so many kilobytes: it names `file`, and all say what to do.
fn limited(line: &str, kilobytes: u32, file: &str) {
    let line = line.replace("SOURCE", SOURCE).replace("LATE", LATE);
    let whole = input();
    well(whole.path(), &line.replace("LIMIT ", ""));
    let expected = well(whole.path(), RESULT);

    let folder = input();
    // A stage of the line, up to its bar, in a shell that has the limit.
    let (before, after) = line.split_once("LIMIT ").unwrap();
    let (stage, rest) = after
        .split_once(" | ")
        .map_or((after, String::new()), |(stage, rest)| {
            (stage, format!(" | {rest}"))
        });
    let narrow = format!("{before}{{ trap '' XFSZ; ulimit -f {kilobytes}; {stage}; }}{rest}");
    let ran = at(folder.path(), &narrow);
    let said = ran
        .err()
        .replace(&folder.path().display().to_string(), "$PWD");
    assert_eq!(ran.status, 1, "{narrow}: {said}");
    let told = said.lines().filter(|line| line.starts_with(file)).count();
    assert_eq!(told, 1, "{narrow}: {said}");
    let mend =
        "File too large (os error 27): raise the limit (ulimit -f) and run the same line again";
    for line in said.lines() {
        assert!(
            line.starts_with("st-") && line.ends_with(mend),
            "{narrow}: {said}"
        );
    }
    well(folder.path(), &line.replace("LIMIT ", ""));
    same(&well(folder.path(), RESULT), &expected, &narrow);
}

/// Shows the first line that differs, of many long ones.
fn same(delivered: &str, expected: &str, line: &str) {
    for (n, (delivered, expected)) in delivered.lines().zip(expected.lines()).enumerate() {
        assert_eq!(delivered, expected, "line {n} of {line}");
    }
    assert_eq!(delivered.len(), expected.len(), "{line}");
}

#[test]
fn files_of_a_folder() {
    for (format, kilobytes) in [("json", 10), ("csv", 10), ("parquet", 1)] {
        limited(
            &format!("SOURCE | LIMIT st-sink {format} on/out -q"),
            kilobytes,
            "st-sink: on/out/.st-sink/0-0.tmp: cannot write: ",
        );
    }
    limited(
        "SOURCE | st-map --select pad -q | LIMIT st-sink text on/out -q",
        10,
        "st-sink: on/out/.st-sink/0-0.tmp: cannot write: ",
    );
}

#[test]
fn one_file() {
    for format in ["json", "csv"] {
        limited(
            &format!("SOURCE | LIMIT st-sink {format} --file on/out -q"),
            60,
            "st-sink: on/out: cannot write: ",
        );
    }
    limited(
        "SOURCE | st-agg --by n,pad --mode complete --order-by n -q | LIMIT st-sink json --file on/out -q",
        60,
        "st-sink: on/.out.2.st-tmp: cannot write: ",
    );
}

#[test]
fn the_batch_of_a_command() {
    limited(
        "SOURCE | LIMIT st-sink exec 'cat > on/.$ST_BATCH_ID && mv on/.$ST_BATCH_ID on/$ST_BATCH_ID' -q",
        10,
        "st-sink: $PWD: cannot keep a large batch there: set TMPDIR to a folder with room: ",
    );
}

#[test]
fn offsets() {
    limited(
        "LIMIT SOURCE --max-rows-per-trigger 4 | st-sink json on/out -q",
        1,
        "st-tail: on/ck/offsets/st-tail: cannot write: ",
    );
}

/// The names of a hundred files in each commit are more than all reports.
#[test]
fn commits() {
    limited(
        "SOURCE | LIMIT st-sink json on/out --partition-by n -q",
        7,
        "st-sink: $PWD/on/ck/commits/st-sink: cannot write: ",
    );
}

#[test]
fn progress() {
    limited(
        "SOURCE | LIMIT st-sink null -q",
        2,
        "st-sink: $PWD/on/ck/progress/st-sink: cannot write: ",
    );
}

#[test]
fn rejected_and_late_rows() {
    limited(
        "LIMIT SOURCE | st-sink json on/out -q",
        3,
        "st-tail: on/ck/rejects/st-tail.ndjson: cannot write: ",
    );
    let line = format!(
        "SOURCE | {} | st-sink json on/out -q",
        LATE.replace("| st-agg", "| LIMIT st-agg")
    );
    limited(
        &line,
        5,
        "st-agg: $PWD/on/ck/rejects/st-agg.late.ndjson: cannot write: ",
    );
}

#[test]
fn rows_of_the_other_kind() {
    limited(
        "SOURCE | LIMIT st-map --where 'n % 2 = 0' --else on/else.json -q | st-sink json on/out -q",
        20,
        "st-map: --else on/else.json: cannot write: ",
    );
}

#[test]
fn state() {
    limited(
        "SOURCE | LIMIT st-agg --by n,pad --mode complete --order-by n -q | st-sink json --file on/out -q",
        50,
        "st-agg: $PWD/on/ck/state/st-agg@0.ndjson: cannot write: ",
    );
}

/// What was spooled is delivered once; what was not is the sender's, whose connection breaks.
#[test]
fn the_spool_of_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let line = |limit: &str, end: &str| {
        format!(
            "{{ {limit} st-listen 127.0.0.1:{port} --format json {end} --checkpoint ck -q; }} | st-sink json --file out.json -q"
        )
    };
    let narrow = line("trap '' XFSZ; ulimit -f 20;", "--trigger 10ms");
    let ran = std::thread::scope(|scope| {
        let ran = scope.spawn(|| at(folder.path(), &narrow));
        let mut client = loop {
            if let Ok(client) = std::net::TcpStream::connect(("127.0.0.1", port)) {
                break client;
            }
            assert!(!ran.is_finished(), "{}", ran.join().unwrap().err());
            std::thread::yield_now();
        };
        let mut n = 0;
        while client
            .write_all(format!("{{\"n\":{n},\"pad\":\"{:0100}\"}}\n", 0).as_bytes())
            .is_ok()
        {
            n += 1;
        }
        ran.join().unwrap()
    });
    let said = ran.err();
    assert_eq!(ran.status, 1, "{said}");
    assert!(said.contains("st-listen: ck/sources/st-listen.spool/00000000000000000000: cannot write: File too large"), "{said}");
    well(folder.path(), &line("", "--stop-after 100ms"));
    let rows = well(folder.path(), "jq .n out.json");
    let count = rows.lines().count();
    assert!(count > 50, "{rows}");
    let each_once: String = (0..count).map(|n| format!("{n}\n")).collect();
    assert_eq!(rows, each_once);
}

/// The file system of checkpoint and target, from four pages to as many as are needed.
#[test]
fn a_disk_that_is_full_wherever_the_query_is() {
    for (line, result) in [
        (
            format!("{SOURCE} | {LATE} | st-sink json on/out -q"),
            RESULT,
        ),
        (
            format!("{SOURCE} | st-agg --by kind -q | st-sink sqlite on/out.db --table t -q"),
            "sqlite3 on/out.db 'select * from t order by kind'",
        ),
        (
            format!(
                "{SOURCE} | st-map --where 'n % 4 = 0' --else on/else.json -q | st-sink parquet on/out --partition-by kind -q"
            ),
            RESULT,
        ),
        (
            format!(
                "{SOURCE} | st-tee 'a=st-agg --mode complete --agg \"sum(n) as n\" -q | st-sink json --file on/sum.json -q' 'b=st-sink csv --file on/all.csv -q' -q"
            ),
            RESULT,
        ),
    ] {
        let whole = input();
        well(whole.path(), &line);
        let expected = well(whole.path(), result);
        let folder = input();
        if at(
            folder.path(),
            "mv on off && mkdir on && mount -t tmpfs -o size=32k tmpfs on && cp -r off/ck on",
        )
        .status
            != 0
        {
            eprintln!("left out: no file system can be mounted here");
            return;
        }
        let mut failed = 0;
        let mut fault = None;
        for pages in 9..200 {
            let ran = at(folder.path(), &line);
            if ran.status == 0 {
                break;
            }
            failed += 1;
            let sound = |line: &str| line.ends_with("make room and run the same line again");
            let err = ran.err();
            // Of several branches one says it, st-tee which, and the others that they end with it.
            let told = match line.contains("st-tee") {
                true => {
                    let of_another = |line: &str| {
                        line.starts_with("st-tee: branch ") || line.contains("st-tee failed: ")
                    };
                    err.lines().any(sound)
                        && err.lines().all(|line| sound(line) || of_another(line))
                }
                false => !err.is_empty() && err.lines().all(sound),
            };
            if ran.status != 1 || !told {
                fault = Some(format!("{pages} pages: {}: {err}", ran.status));
                break;
            }
            at(
                folder.path(),
                &format!("mount -o remount,size={}k on", 4 * pages),
            );
        }
        // A start writes a little of its own before it finds that nothing is left to do.
        at(folder.path(), "mount -o remount,size=4m on");
        let again = at(folder.path(), &line);
        let delivered = at(folder.path(), result);
        assert_eq!(at(folder.path(), "umount on").status, 0);
        assert_eq!(fault, None, "{line}");
        assert_eq!((again.status, again.err().as_str()), (0, ""), "{line}");
        assert!(failed > 5, "{line}: {failed}");
        same(&delivered.out(), &expected, &line);
    }
}
