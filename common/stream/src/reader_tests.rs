#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read as _, Write as _};

use super::*;
use crate::out::Out;
use crate::writer::{SPLICED, Writer};

fn piped(limit: usize) -> (Reader, OwnedFd) {
    let (input, output) = rustix::pipe::pipe().unwrap();
    (Reader::new(input, limit), output)
}

#[test]
fn bytes_that_arrive_one_at_a_time_become_whole_lines() {
    let (mut reader, output) = piped(100);
    for (n, byte) in b"ab\nc\n".iter().enumerate() {
        rustix::io::write(&output, &[*byte]).unwrap();
        match n {
            2 => assert_eq!(reader.line().unwrap(), Next::Line(b"ab")),
            4 => assert_eq!(reader.line().unwrap(), Next::Line(b"c")),
            _ => assert_eq!(reader.line().unwrap(), Next::Empty),
        }
    }
    drop(output);
    assert_eq!(reader.line().unwrap(), Next::Eof);
}

#[test]
fn the_last_line_needs_no_newline() {
    let (mut reader, output) = piped(100);
    rustix::io::write(&output, b"a\nb").unwrap();
    drop(output);
    assert_eq!(reader.line().unwrap(), Next::Line(b"a"));
    assert_eq!(reader.line().unwrap(), Next::Line(b"b"));
    assert_eq!(reader.line().unwrap(), Next::Eof);
}

#[test]
fn a_line_beyond_the_limit_is_skipped_and_measured() {
    let (mut reader, output) = piped(2 * BLOCK);
    let long = 5 * BLOCK as u64 + 17;
    let writer = std::thread::spawn(move || {
        let mut left = long;
        while left > 0 {
            let part = left.min(10_000);
            let mut sent = 0;
            while sent < part as usize {
                sent += rustix::io::write(&output, &vec![b'x'; part as usize - sent]).unwrap();
            }
            left -= part;
        }
        rustix::io::write(&output, b"\nnext\n").unwrap();
    });
    let mut seen = Vec::new();
    loop {
        match reader.line().unwrap() {
            Next::TooLong(beginning, length) => seen.push((beginning.to_vec(), length)),
            Next::Line(line) => seen.push((line.to_vec(), line.len() as u64)),
            Next::Empty => {
                reader.wait(None).unwrap();
            }
            Next::Eof => break,
        }
    }
    writer.join().unwrap();
    assert_eq!(seen, [(vec![b'x'; KEPT], long), (b"next".to_vec(), 4)]);
    assert!(reader.buffer.len() < 8 * BLOCK);
}

#[test]
fn the_limit_is_exact_whatever_blocks_the_line_comes_in() {
    for length in [2000, 2001] {
        for newline in ["\n", ""] {
            let (mut reader, output) = piped(2000);
            let line = format!("{}{newline}", "x".repeat(length));
            rustix::io::write(&output, line.as_bytes()).unwrap();
            drop(output);
            let line = line.trim_end();
            let expected = if length == 2000 {
                Next::Line(line.as_bytes())
            } else {
                Next::TooLong(&line.as_bytes()[..KEPT], 2001)
            };
            assert_eq!(reader.line().unwrap(), expected);
            assert_eq!(reader.line().unwrap(), Next::Eof);
        }
    }
}

/// Everything that is read, line by line; with `blocks` as many at a time as there are.
fn read_all(input: &[u8], step: usize, limit: usize, blocks: bool) -> Vec<String> {
    let (mut reader, output) = piped(limit);
    let mut seen = Vec::new();
    let mut parts = input.chunks(step);
    let mut output = Some(output);
    loop {
        if blocks && let Some((lines, _)) = reader.lines() {
            assert_eq!(lines.last(), Some(&b'\n'));
            let text = std::str::from_utf8(lines).unwrap();
            assert!(!text.contains("$st\":"), "{text}");
            seen.extend(text.lines().map(str::to_string));
            continue;
        }
        match reader.line().unwrap() {
            Next::Line(line) => seen.push(String::from_utf8(line.to_vec()).unwrap()),
            Next::TooLong(_, length) => seen.push(format!("too long: {length}")),
            Next::Eof => return seen,
            Next::Empty => match (parts.next(), &output) {
                (Some(part), Some(output)) => _ = rustix::io::write(output, part).unwrap(),
                _ => output = None,
            },
        }
    }
}

#[test]
fn lines_taken_together_are_the_same_and_no_markers() {
    let mut input = Vec::new();
    for n in 0..40 {
        input.extend_from_slice(format!("{{\"n\":{n}}}\n\n").as_bytes());
        if n % 9 == 0 {
            input.extend_from_slice(b"{\"$st\":\"begin\"}\n{\"$st\":\"batch\"}\n");
        }
        if n % 13 == 0 {
            input.extend_from_slice(&[b'x'; 120]);
            input.push(b'\n');
        }
    }
    input.extend_from_slice(b"the end");
    for limit in [100, 1 << 20] {
        for step in [1, 7, 100, 1000] {
            assert_eq!(
                read_all(&input, step, limit, true),
                read_all(&input, step, limit, false),
                "{step} {limit}"
            );
        }
    }
}

/// Lines of all lengths around what a second thread makes room for, some of them too long, with always more to be read.
#[test]
fn a_flood_is_the_same_lines() {
    let lengths = [
        0,
        1,
        200,
        5000,
        HEAD - 1,
        HEAD,
        HEAD + 1,
        BLOCK,
        3 * BLOCK,
        7 * BLOCK,
    ];
    let mut input = Vec::new();
    let mut expected = Vec::new();
    for round in 0..6 {
        for length in lengths {
            for _ in 0..(4 * BLOCK / (length + 1)).clamp(1, 3000) {
                expected.push((length > 4 * BLOCK, length as u64));
                input.extend_from_slice(&vec![b'a' + round; length]);
                input.push(b'\n');
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    std::fs::write(&path, input).unwrap();
    let mut reader = Reader::new(std::fs::File::open(path).unwrap().into(), 4 * BLOCK);
    reader.read_ahead();
    let (mut seen, mut floods) = (Vec::new(), 0);
    loop {
        floods += u32::from(reader.flood.is_some());
        // Now line by line, now many of them.
        if seen.len() % 2 == 0
            && let Some((lines, _)) = reader.lines()
        {
            let lines = lines.split_inclusive(|&byte| byte == b'\n');
            seen.extend(lines.map(|line| (false, line.len() as u64 - 1)));
            continue;
        }
        match reader.line().unwrap() {
            Next::Line(line) => seen.push((false, line.len() as u64)),
            Next::TooLong(beginning, length) => {
                assert_eq!(beginning.len(), KEPT);
                seen.push((true, length));
            }
            Next::Empty => _ = reader.wait(None).unwrap(),
            Next::Eof => break,
        }
    }
    assert!(floods > 0);
    assert!(seen == expected);
}

#[test]
fn a_flood_ends_when_there_is_nothing_to_read() {
    let (input, output) = rustix::pipe::pipe().unwrap();
    let input = Arc::new(input);
    for text in [&b"one"[..], b"another"] {
        rustix::io::write(&output, text).unwrap();
        let flood = Flood::begin(&input).unwrap();
        let Read::Block(block, bytes) = flood.next().unwrap() else {
            panic!("no block")
        };
        assert_eq!(&block[HEAD..][..bytes], text);
        assert!(matches!(flood.next(), Ok(Read::Empty)));
        // Nobody reads any more.
        assert!(matches!(flood.next(), Ok(Read::Empty)));
    }
    drop(output);
    assert!(matches!(
        Flood::begin(&input).unwrap().next(),
        Ok(Read::Eof)
    ));
}

/// What goes out of the lines `taken` that come through a pipe with a twin, by runs of so many lines; and how many blocks were
/// doubled.
fn through_twin(lines: &[Vec<u8>], run: usize, taken: fn(&[u8]) -> bool) -> (Vec<u8>, usize) {
    let (input, feed) = rustix::pipe::pipe().unwrap();
    let (drain, output) = rustix::pipe::pipe().unwrap();
    let mut reader = Reader::new(input, 4 * BLOCK);
    reader.double();
    let mut out = Out::new(Writer::new(output), false);
    let (mut doubled, mut arrived) = (0, Vec::new());
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut feed = File::from(feed);
            lines.iter().for_each(|line| feed.write_all(line).unwrap());
        });
        threads.spawn(|| File::from(drain).read_to_end(&mut arrived).unwrap());
        loop {
            // Whether there is always more depends on the threads.
            reader.since = FLOOD;
            if let Some((block, twin)) = reader.lines() {
                doubled += usize::from(twin.is_some());
                out.doubled = twin;
                let rows: Vec<&[u8]> = block.split_inclusive(|&byte| byte == b'\n').collect();
                let mut at = 0;
                for rows in rows.chunks(run) {
                    let length: usize = rows.iter().map(|row| row.len()).sum();
                    if taken(rows[0]) {
                        out.rows(&block[at..][..length], rows.len() as u64).unwrap();
                    }
                    at += length;
                }
                out.doubled = None;
                continue;
            }
            match reader.line().unwrap() {
                Next::Line(line) => {
                    let row = [line, b"\n"].concat();
                    if taken(&row) {
                        out.rows(&row, 1).unwrap();
                    }
                }
                Next::TooLong(..) => {}
                Next::Empty => _ = reader.wait(None).unwrap(),
                Next::Eof => break,
            }
        }
        out.flush().unwrap();
        drop(out);
    });
    (arrived, doubled)
}

#[test]
fn rows_that_pass_by_reference_are_the_same() {
    // Lines that fill the twin, and one that is too long, among others.
    let lengths = [1, 90, 200, 5000, SPLICED - 1, SPLICED, BLOCK, 5 * BLOCK];
    let mut lines = Vec::new();
    for round in 0..8_u8 {
        for length in lengths {
            for n in 0..(4 * BLOCK / (length + 1)).clamp(1, 3000) {
                let mut line = vec![b'a' + (n + usize::from(round)) as u8 % 26; length];
                line.push(b'\n');
                lines.push(line);
            }
        }
    }
    let taken = |line: &[u8]| !line.len().is_multiple_of(7) && line.len() <= 4 * BLOCK;
    let expected = lines.iter().filter(|line| taken(line));
    let expected: Vec<u8> = expected.flatten().copied().collect();
    let (arrived, doubled) = through_twin(&lines, 1, taken);
    assert!(arrived == expected);
    assert!(doubled > 0);
}

#[test]
fn runs_of_rows_that_pass_by_reference_are_the_same() {
    let line = |n: usize| format!("{{\"n\":{n},\"text\":\"{}\"}}\n", "x".repeat(n % 300));
    let lines: Vec<Vec<u8>> = (0..40_000).map(|n| line(n).into_bytes()).collect();
    for run in [50, usize::MAX] {
        let (arrived, doubled) = through_twin(&lines, run, |_| true);
        assert!(arrived == lines.concat());
        assert!(doubled > 0);
    }
}
