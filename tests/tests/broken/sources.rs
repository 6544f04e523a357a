//! Sources: every line of the corpus is a row or a reject, in every format and by every way in.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::ran::{Folder, Sums};

/// The wire and the rejects of a source that read the corpus as JSON.
fn json(folder: &Folder, line: &str, name: &str) {
    folder.done(line);
    let expected = folder.source();
    assert_eq!(folder.wire_rows("wire"), expected.rows, "{line}");
    folder.rejected("bad", &expected);
    let sums = &folder.wire("wire")[name];
    assert_eq!(
        *sums,
        Sums {
            read: expected.all(),
            out: expected.rows.len() as u64,
            bad: expected.bad.len() as u64,
            ..Sums::default()
        },
        "{line}"
    );
}

#[test]
fn json_from_a_file_a_folder_a_growing_file_and_stdin() {
    for line in [
        "st-tail corpus.json -q --rejects bad > wire",
        "st-tail corpus.json -q --rejects bad --max-rows-per-trigger 1 > wire",
        "st-tail corpus.json -q --rejects bad --max-bytes-per-trigger 100 > wire",
        "mkdir in && cp corpus.json in && st-tail in -q --available-now --rejects bad > wire",
        "gzip -k corpus.json && st-tail corpus.json.gz -q --rejects bad > wire",
        "st-tail -f corpus.json -q --available-now --rejects bad > wire",
        "st-tail -q --rejects bad < corpus.json > wire",
        "cat corpus.json | st-tail - -q --rejects bad > wire",
        "st-tail corpus.json -q --checkpoint ck > wire; cp ck/rejects/st-tail.ndjson bad",
        "st-tail - -q --checkpoint ck < corpus.json > wire; cp ck/rejects/st-tail.ndjson bad",
    ] {
        json(&Folder::new(), line, "st-tail");
    }
}

/// A replay gives the same rows and the same rejects, each once.
#[test]
fn json_replayed_from_files_and_from_the_spool() {
    for line in [
        "for i in 1 2 3; do st-tail corpus.json --max-rows-per-trigger 7 -q --checkpoint ck > wire; done",
        "for i in 1 2 3; do st-tail - --max-rows-per-trigger 7 -q --checkpoint ck < corpus.json > wire; : > corpus.json; done",
    ] {
        let line = format!("{line}; cp ck/rejects/st-tail.ndjson bad");
        json(&Folder::new(), &line, "st-tail");
    }
}

#[test]
fn a_file_that_begins_with_a_byte_order_mark_or_ends_without_a_newline() {
    let mut folder = Folder::new();
    let bytes = folder.read("corpus.json");
    folder.write(
        "corpus.json",
        [b"\xef\xbb\xbf", bytes.strip_suffix(b"\n").unwrap()].concat(),
    );
    json(
        &folder,
        "st-tail corpus.json -q --rejects bad > wire",
        "st-tail",
    );
    // Cut off anywhere in the last line.
    let last = folder.lines.pop().unwrap();
    folder.lines.push(crate::lines::Line {
        bytes: last.bytes[..last.bytes.len() - 1].to_vec(),
        is: crate::lines::Is::Bad("not JSON"),
    });
    folder.write(
        "corpus.json",
        crate::lines::file(&folder.lines)
            .strip_suffix(b"\n")
            .unwrap(),
    );
    json(
        &folder,
        "rm -f bad; st-tail corpus.json -q --rejects bad > wire",
        "st-tail",
    );
}

/// Text that a row's value holds, if the line is text at all.
fn texts(folder: &Folder) -> (Vec<String>, u64) {
    let (mut texts, mut bad) = (Vec::new(), 0);
    for line in &folder.lines {
        let line = line.bytes.strip_suffix(b"\r").unwrap_or(&line.bytes);
        match String::from_utf8(line.to_vec()) {
            Ok(text) => texts.push(text),
            Err(_) => bad += 1,
        }
    }
    (texts, bad)
}

fn check_text(folder: &Folder, name: &str) {
    let (texts, bad) = texts(folder);
    let rows: Vec<String> = folder
        .wire_rows("wire")
        .iter()
        .map(|row| {
            serde_json::from_slice::<Value>(row).unwrap()["value"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert!(
        rows == texts,
        "{} rows, {} expected",
        rows.len(),
        texts.len()
    );
    let reasons = folder.reasons("bad");
    assert_eq!(reasons.len() as u64, bad);
    assert!(reasons.iter().all(|reason| reason.contains("not UTF-8")));
    let sums = &folder.wire("wire")[name];
    sums.balanced();
    assert_eq!((sums.out, sums.bad), (texts.len() as u64, bad));
}

#[test]
fn every_line_is_text_unless_its_bytes_are_none() {
    let folder = Folder::new();
    folder.done("st-tail corpus.json --format text -q --rejects bad > wire");
    check_text(&folder, "st-tail");
}

/// Without quotes a record is a line, its fields what stands between commas; a carriage return ends a line too.
#[test]
fn csv_without_quotes() {
    let folder = Folder::new();
    let (mut rows, mut bad) = (0, 0);
    let bytes = folder.read("corpus.json");
    for record in bytes.split(|b| matches!(b, b'\n' | b'\r')) {
        if record.iter().all(|b| matches!(b, b' ' | b'\t')) {
            continue;
        }
        let fields = record.iter().filter(|b| **b == b',').count() + 1;
        // The first record has three.
        if fields == 3 && std::str::from_utf8(record).is_ok() {
            rows += 1;
        } else {
            bad += 1;
        }
    }
    folder
        .done("st-tail corpus.json --format csv --header false --quote '' -q --rejects bad > wire");
    let sums = folder.wire("wire")["st-tail"].clone();
    sums.balanced();
    assert_eq!((sums.out, sums.bad), (rows, bad));
    assert_eq!(folder.wire_rows("wire").len() as u64, rows);
    assert_eq!(folder.rows("bad").len() as u64, bad);
    assert!(
        folder
            .wire_rows("wire")
            .iter()
            .all(|row| serde_json::from_slice::<Value>(row).unwrap().is_object())
    );
}

/// However CSV is read, what is counted is what is there.
#[test]
fn csv_of_every_dialect() {
    for options in [
        "",
        "--header false",
        "--escape backslash",
        "--format tsv",
        "--sep ';' --quote \"'\"",
        "--schema 'a STRING, b INT, c TIMESTAMP'",
        "--schema 'a STRING, b INT' --header false",
    ] {
        let folder = Folder::new();
        let format = if options.contains("--format") {
            ""
        } else {
            "--format csv"
        };
        folder.done(&format!(
            "st-tail corpus.json {format} {options} -q --rejects bad > wire"
        ));
        let sums = folder.wire("wire")["st-tail"].clone();
        sums.balanced();
        assert!(sums.read > 0, "{options}");
        assert_eq!(folder.wire_rows("wire").len() as u64, sums.out, "{options}");
        assert_eq!(folder.rows("bad").len() as u64, sums.bad, "{options}");
        for row in folder.wire_rows("wire") {
            assert!(
                serde_json::from_slice::<Value>(&row).unwrap().is_object(),
                "{options}"
            );
        }
    }
}

/// Serves the corpus to one client, which it then leaves.
fn serve(bytes: Vec<u8>) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&bytes).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = client.read(&mut [0]);
    });
    (port, server)
}

#[test]
fn lines_from_a_socket() {
    let folder = Folder::new();
    let (port, server) = serve(folder.read("corpus.json"));
    let line = format!(
        "st-listen --connect 127.0.0.1:{port} --no-reconnect --format json -q --rejects bad > wire"
    );
    json(&folder, &line, "st-listen");
    server.join().unwrap();

    let folder = Folder::new();
    let (port, server) = serve(folder.read("corpus.json"));
    folder.done(&format!(
        "st-listen --connect 127.0.0.1:{port} --no-reconnect -q --rejects bad > wire"
    ));
    check_text(&folder, "st-listen");
    server.join().unwrap();
}

/// What came through a socket cannot be read again, so the spool must give the same rows and the same rejects.
#[test]
fn lines_from_a_socket_replayed_from_the_spool() {
    let folder = Folder::new();
    let (port, server) = serve(folder.read("corpus.json"));
    folder.done(&format!(
        "st-listen --connect 127.0.0.1:{port} --no-reconnect --format json --max-rows-per-trigger 9 -q --checkpoint ck > wire"
    ));
    server.join().unwrap();
    let (port, server) = serve(Vec::new());
    let line = format!(
        "st-listen --connect 127.0.0.1:{port} --no-reconnect --format json --max-rows-per-trigger 9 -q --checkpoint ck > wire;
         cp ck/rejects/st-listen.ndjson bad"
    );
    json(&folder, &line, "st-listen");
    server.join().unwrap();
}
