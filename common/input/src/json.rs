//! Lines of JSON. A line that is a row passes as the same bytes, many of them in one piece.

use anyhow::Result;
use st_row::BadRow;

use crate::decoder::State;
use crate::lines::line_end;
use crate::rows::Rows;

/// Lines of the block that can be handed on as they stand.
struct Run {
    start: usize,
    end: usize,
    count: u64,
}

impl Run {
    /// `line`: the one after the run.
    fn send<R: Rows>(&mut self, block: &[u8], next: usize, line: u64, rows: &mut R) -> Result<()> {
        if self.count > 0 {
            rows.at(line - self.count);
            rows.rows(&block[self.start..self.end], self.count)?;
        }
        *self = Run {
            start: next,
            end: next,
            count: 0,
        };
        Ok(())
    }
}

pub(crate) fn decode<R: Rows>(
    state: &mut State,
    block: &[u8],
    last: bool,
    rows: &mut R,
) -> Result<usize> {
    let mut room = rows.room();
    let mut at = state.pass_long(block, last, &mut room, rows)?;
    let mut run = Run {
        start: at,
        end: at,
        count: 0,
    };
    let known = if utf8_lines(block, at) { block } else { b"" };
    while room.is_left() && state.long.is_none() {
        if let Some(next) = state.gate.pass(known, at)
            && next - at <= state.limit
        {
            run.end = next;
            run.count += 1;
            room.take(1, next - at);
            state.pass(next - at, 1);
            at = next;
            continue;
        }
        let Some((end, next)) = line_end(block, at, last) else {
            if block.len() - at > state.limit {
                run.send(block, at, state.line(), rows)?;
                state.begin_long(&block[at..]);
                at = block.len();
            }
            break;
        };
        let line = &block[at..end];
        let verdict = if line.len() > state.limit {
            None
        } else {
            Some(st_row::validate(line))
        };
        let mut count = 1;
        match verdict {
            Some(Ok(())) if end < next && line[0] == b'{' && line[line.len() - 1] == b'}' => {
                state.gate.learn(line);
                run.end = next;
                run.count += 1;
            }
            verdict => {
                run.send(block, next, state.line(), rows)?;
                count = match verdict {
                    None => state.reject_long(line, rows).map(|()| 1)?,
                    Some(Ok(())) => {
                        rows.at(state.line());
                        send(&mut state.scratch, st_row::trim(line), rows).map(|()| 1)?
                    }
                    Some(Err(reason)) => other(state, st_row::trim(line), reason, rows)?,
                };
            }
        }
        room.take(count, next - at);
        state.pass(next - at, u64::from(end < next));
        at = next;
    }
    run.send(block, at, state.line(), rows)?;
    rows.set_room(room);
    Ok(at)
}

/// True if the whole lines of `block` from `at` on are UTF-8.
fn utf8_lines(block: &[u8], at: usize) -> bool {
    let end = memchr::memrchr(b'\n', &block[at..]).map_or(at, |newline| at + newline);
    simdutf8::basic::from_utf8(&block[at..end]).is_ok()
}

/// A whole document, which may be spread over lines; returns how many rows it was.
pub(crate) fn document<R: Rows>(state: &mut State, text: &[u8], rows: &mut R) -> Result<u64> {
    let text = st_row::trim(text);
    match st_row::validate(text) {
        Ok(()) => {
            rows.at(state.line());
            send(&mut state.scratch, text, rows).map(|()| 1)
        }
        Err(reason) => other(state, text, reason, rows),
    }
}

/// Hands on a row as a line.
fn send<R: Rows>(scratch: &mut Vec<u8>, row: &[u8], rows: &mut R) -> Result<()> {
    scratch.clear();
    let mut rest = row;
    // None of them is in a text, where it would be escaped.
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        scratch.extend_from_slice(&rest[..at]);
        rest = rest[at..].trim_ascii_start();
    }
    scratch.extend_from_slice(rest);
    scratch.push(b'\n');
    rows.rows(scratch, 1)
}

/// A line that is no row by itself: nothing if it is blank, several rows if it is an array of objects (as Spark reads it).
/// Returns how many rows it was.
fn other<R: Rows>(state: &mut State, line: &[u8], reason: BadRow, rows: &mut R) -> Result<u64> {
    if line.is_empty() {
        return Ok(0);
    }
    if reason == BadRow::Reserved {
        return rows
            .refuse(line, &reason.to_string(), state.line())
            .map(|()| 1);
    }
    if reason != BadRow::NotObject || line[0] != b'[' {
        return rows
            .bad(line, &reason.to_string(), state.line())
            .map(|()| 1);
    }
    let mut count = 0;
    rows.at(state.line());
    for element in st_row::elements_of(line) {
        count += 1;
        // The element alone is kept, not the line for each of its elements.
        let (element, verdict) = match element {
            Ok(element) => (element, st_row::validate(element)),
            Err(reason) => (line, Err(reason)),
        };
        match verdict {
            Ok(()) => send(&mut state.scratch, element, rows)?,
            Err(reason) => {
                let text = format!("element {count} of the array: {reason}");
                match reason {
                    BadRow::Reserved => rows.refuse(element, &text, state.line())?,
                    _ => rows.bad(element, &text, state.line())?,
                }
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::testing::{Case, reading};
    use crate::{Format, Room};

    fn json() -> Case {
        Case::new(reading(Format::Json))
    }

    #[test]
    fn rows_pass_as_the_same_bytes() {
        let text = "{\"a\" : 1.50}\n{\"b\":\"\\u00e9\"}\n";
        assert_eq!(json().rows(text), text);
    }

    #[test]
    fn outer_space_carriage_returns_blank_lines_and_a_byte_order_mark_go() {
        assert_eq!(
            json().rows("\u{feff}{\"a\":1}\r\n\n  {\"a\":2} \t\n \r\n{\"a\":3}"),
            "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"
        );
    }

    #[test]
    fn an_array_of_objects_is_several_rows() {
        let case = json().run("[{\"a\":1}, {\"a\":2},3]\n[]\n");
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(case.bad, ["1: element 3 of the array: not an object: 3"]);
    }

    #[test]
    fn bad_lines_keep_their_reason_and_their_line() {
        let case = json().run("{\"a\":1}\n{\"a\":\n7\n{\"x\":0,\"\\u0024st\":1}\n{\"a\":2}\n");
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(
            case.bad,
            [
                "2: not JSON at byte 5: the line ends too early: {\"a\":",
                "3: not an object: 7",
                "4: has the reserved key $st: {\"x\":0,\"\\u0024st\":1}",
            ]
        );
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
        let mut case = json();
        case.reading.limit = 2000;
        let case = case.run(&format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}\n{long}"));
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n");
        let head = &long[..1024];
        assert_eq!(
            case.bad,
            [
                format!("2: a line of 5008 bytes, longer than 2000: {head}"),
                format!("4: a line of 5008 bytes, longer than 2000: {head}")
            ]
        );
    }

    #[test]
    fn it_stops_between_records_where_the_room_ends() {
        let mut case = json();
        case.room = Room {
            rows: 2,
            bytes: u64::MAX,
        };
        let case = case.run("{\"a\":1}\nbad\n{\"a\":3}\n");
        assert_eq!(
            (case.rows.as_str(), case.place.offset, case.place.lines),
            ("{\"a\":1}\n", 12, 2)
        );
        let mut case = json();
        case.room = Room {
            rows: u64::MAX,
            bytes: 9,
        };
        let case = case.run("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
        assert_eq!(
            (case.rows.as_str(), case.place.offset),
            ("{\"a\":1}\n{\"a\":2}\n", 16)
        );
    }
}
