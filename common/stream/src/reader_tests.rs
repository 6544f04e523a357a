#![allow(clippy::unwrap_used)]

use super::*;

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
