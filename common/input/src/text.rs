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
    while room.is_left() && state.long.is_none() {
        let Some((end, next)) = line_end(block, at, last) else {
            if block.len() - at > state.limit {
                state.begin_long(&block[at..]);
                at = block.len();
            }
            break;
        };
        let line = &block[at..end];
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let mut seen = 1;
        if line.len() > state.limit {
            flush(&mut scratch, &mut count, state.line(), rows)?;
            state.reject_long(line, rows)?;
        } else if let Ok(text) = simdutf8::basic::from_utf8(text) {
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
}
