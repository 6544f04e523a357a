//! Formats in which each line is a record: plain text, and logs. Plain text is a row `{"value":"…"}`, as Spark's text and
//! socket sources have it.

use anyhow::Result;
use st_row::BadRow;

use crate::decoder::State;
use crate::lines::line_end;
use crate::rows::Rows;

/// Rows are handed on in pieces of this size.
const PIECE: usize = 64 * 1024;

/// What a line was.
pub(crate) enum Line {
    /// A row, which was appended with its newline.
    Row,
    /// Nothing at all.
    Blank,
    /// No record of the format, and why. What was appended is taken back.
    Bad(&'static str),
    /// One that would be taken for a marker.
    Reserved,
}

/// Appends the row of a line of plain text.
pub(crate) fn value(line: &str, out: &mut Vec<u8>) -> Line {
    out.extend_from_slice(b"{\"value\":");
    st_row::write_string(out, line);
    out.extend_from_slice(b"}\n");
    Line::Row
}

/// Hands on what `make` makes of each line.
pub(crate) fn decode<R: Rows>(
    state: &mut State,
    block: &[u8],
    last: bool,
    rows: &mut R,
    mut make: impl FnMut(&str, &mut Vec<u8>) -> Line,
) -> Result<usize> {
    let mut room = rows.room();
    let mut at = state.pass_long(block, last, &mut room, rows)?;
    let (mut scratch, mut count) = (std::mem::take(&mut state.scratch), 0);
    scratch.clear();
    // What is known to be UTF-8, and where it begins: to look at many lines at once takes less time.
    let (mut known, mut from) = ("", at);
    while room.is_left() && state.long.is_none() {
        let Some((end, next)) = line_end(block, at, last) else {
            if block.len() - at > state.limit {
                state.begin_long(&block[at..]);
                at = block.len();
            }
            break;
        };
        let line = &block[at..end];
        if at >= from + known.len() {
            (known, from) = (whole_lines(&block[at..]), at);
        }
        let mut seen = 1;
        if line.len() > state.limit {
            flush(&mut scratch, &mut count, state.line(), rows)?;
            state.reject_long(line, rows)?;
        } else if let Some(text) = known.get(at - from..end - from).or_else(|| utf8(line)) {
            let text = text.strip_suffix('\r').unwrap_or(text);
            let start = scratch.len();
            match make(text, &mut scratch) {
                Line::Row => {
                    count += 1;
                    if scratch.len() >= PIECE {
                        flush(&mut scratch, &mut count, state.line() + 1, rows)?;
                    }
                }
                Line::Blank => {
                    flush(&mut scratch, &mut count, state.line(), rows)?;
                    seen = 0;
                }
                Line::Bad(reason) => {
                    scratch.truncate(start);
                    flush(&mut scratch, &mut count, state.line(), rows)?;
                    rows.bad(line, reason, state.line())?;
                }
                Line::Reserved => {
                    scratch.truncate(start);
                    flush(&mut scratch, &mut count, state.line(), rows)?;
                    rows.refuse(line, &BadRow::Reserved.to_string(), state.line())?;
                }
            }
        } else {
            flush(&mut scratch, &mut count, state.line(), rows)?;
            rows.bad(line, "not UTF-8", state.line())?;
        }
        room.take(seen, next - at);
        state.pass(next - at, u64::from(end < next));
        at = next;
    }
    flush(&mut scratch, &mut count, state.line(), rows)?;
    state.scratch = scratch;
    rows.set_room(room);
    Ok(at)
}

/// The next lines, some four kilobytes of them, if they are whole and UTF-8; else nothing.
fn whole_lines(block: &[u8]) -> &str {
    let block = &block[..block.len().min(4096)];
    let lines = memchr::memrchr(b'\n', block).map_or(0, |at| at + 1);
    utf8(&block[..lines]).unwrap_or_default()
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Rows keep their order, also among the bad ones, which a reader of both may rely on.
/// `line`: the one after them.
fn flush<R: Rows>(scratch: &mut Vec<u8>, count: &mut u64, line: u64, rows: &mut R) -> Result<()> {
    if *count > 0 {
        rows.at(line - *count);
        rows.rows(scratch, *count)?;
    }
    scratch.clear();
    *count = 0;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Format;
    use crate::testing::{Case, reading};

    #[test]
    fn every_line_is_a_row_even_an_empty_one() {
        let rows = Case::new(reading(Format::Text)).rows("say \"hi\"\r\n\n\ttab\\\nlast");
        assert_eq!(
            rows,
            "{\"value\":\"say \\\"hi\\\"\"}\n{\"value\":\"\"}\n{\"value\":\"\\ttab\\\\\"}\n{\"value\":\"last\"}\n"
        );
    }

    #[test]
    fn bytes_that_are_no_utf8_are_a_bad_row() {
        let case = Case::new(reading(Format::Text)).run_bytes(b"a\n\xff\nb\n");
        assert_eq!(case.rows, "{\"value\":\"a\"}\n{\"value\":\"b\"}\n");
        assert_eq!(case.bad, ["2: not UTF-8: \u{fffd}"]);
    }

    #[test]
    fn one_bad_line_among_many_long_and_short_ones() {
        let long = "é".repeat(3000);
        let lines: Vec<&str> = (0..2000)
            .map(|n| if n % 700 == 699 { &long } else { "漢字 line" })
            .collect();
        let mut text = lines.join("\n").into_bytes();
        text.extend_from_slice(b"\nbad \xff\n");
        text.extend_from_slice(lines.join("\n").as_bytes());
        let case = Case::new(reading(Format::Text)).run_bytes(&text);
        let row = |line: &&str| format!("{{\"value\":\"{line}\"}}\n");
        let expected: String = lines.iter().chain(&lines).map(row).collect();
        assert!(case.rows == expected, "{} bytes", case.rows.len());
        assert_eq!(case.bad, ["2001: not UTF-8: bad \u{fffd}"]);
    }
}
