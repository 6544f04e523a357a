//! Lines of text: each is a row `{"value":"…"}`, as Spark's text and socket sources have it.

use anyhow::Result;

use crate::decoder::State;
use crate::lines::line_end;
use crate::rows::Rows;

/// Rows are handed on in pieces of this size.
const PIECE: usize = 64 * 1024;

pub(crate) fn decode<R: Rows>(
    state: &mut State,
    block: &[u8],
    last: bool,
    rows: &mut R,
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
        if line.len() > state.limit {
            state.reject_long(line, rows)?;
        } else if let Ok(text) = simdutf8::basic::from_utf8(text) {
            scratch.extend_from_slice(b"{\"value\":");
            st_row::write_string(&mut scratch, text);
            scratch.extend_from_slice(b"}\n");
            count += 1;
            if scratch.len() >= PIECE {
                rows.rows(&scratch, count)?;
                scratch.clear();
                count = 0;
            }
        } else {
            rows.bad(line, "not UTF-8", state.line())?;
        }
        room.take(1, next - at);
        state.pass(next - at, u64::from(end < next));
        at = next;
    }
    if count > 0 {
        rows.rows(&scratch, count)?;
    }
    state.scratch = scratch;
    rows.set_room(room);
    Ok(at)
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
