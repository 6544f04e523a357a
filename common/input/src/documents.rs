//! JSON that is spread over lines: Spark's `multiLine`. A record is a document, which ends with its last bracket.
//!
//! Spark reads one document of a file and nothing behind it; here all that follow are read too, as `jq` writes them. Where a
//! document does not end, or what stands there is none, the rest of the input is one bad record, for nothing tells where the
//! next one would begin.

use anyhow::Result;

use crate::decoder::State;
use crate::json;
use crate::rows::Rows;

/// How far a document was looked at, so that one that comes in blocks is looked at once.
#[derive(Default)]
pub(crate) struct Document {
    scanned: usize,
    begun: bool,
    depth: u64,
    ended: bool,
    in_string: bool,
    escaped: bool,
    /// Not an object and not an array: it has no end of its own.
    stray: bool,
    /// Newlines in what was passed over of one beyond the limit.
    lines: u64,
}

impl Document {
    /// Where the document ends; `text` begins with it, or with what follows what was passed over.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        if !self.begun && !text.is_empty() {
            self.begun = true;
            self.stray = !matches!(text[0], b'{' | b'[');
        }
        if self.stray {
            return None;
        }
        if self.ended {
            return Some(self.scanned);
        }
        for (at, byte) in text.iter().enumerate().skip(self.scanned) {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        (self.scanned, self.ended) = (at + 1, true);
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        self.scanned = text.len();
        None
    }
}

pub(crate) fn decode<R: Rows>(
    state: &mut State,
    document: &mut Document,
    block: &[u8],
    last: bool,
    rows: &mut R,
) -> Result<usize> {
    let mut room = rows.room();
    let mut at = 0;
    if let Some(mut long) = state.long.take() {
        document.scanned = 0;
        let end = document.end(block);
        at = end.unwrap_or(block.len());
        long.length += at as u64;
        document.lines += newlines(&block[..at]);
        if end.is_none() && !last {
            state.long = Some(long);
            return Ok(at);
        }
        let reason = too_long(state.limit, long.length);
        rows.refuse(&long.head, &reason, state.line())?;
        room.take(1, long.length as usize);
        state.pass(long.length as usize, document.lines);
        *document = Document::default();
        at += space(state, &block[at..]);
    }
    while room.is_left() {
        at += space(state, &block[at..]);
        let text = &block[at..];
        let end = document.end(text);
        let (text, used) = match end {
            // The newline behind it is its own, so that a batch that is full with the last document ends with the input.
            Some(end) if end < text.len() => (&text[..end], end + usize::from(text[end] == b'\n')),
            Some(_) if !last => break,
            _ if last => (text, text.len()),
            _ => {
                if text.len() > state.limit {
                    state.begin_long(text);
                    document.lines = newlines(text);
                    at = block.len();
                }
                break;
            }
        };
        if text.is_empty() {
            break;
        }
        *document = Document::default();
        let count = if text.len() > state.limit {
            let reason = too_long(state.limit, text.len() as u64);
            state.reject_head(text, &reason, rows).map(|()| 1)?
        } else {
            json::document(state, text, rows)?
        };
        room.take(count, text.len());
        state.pass(used, newlines(&block[at..at + used]));
        at += used;
    }
    rows.set_room(room);
    Ok(at)
}

/// Passes over the space before a document.
fn space(state: &mut State, text: &[u8]) -> usize {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let length = text.iter().take_while(is_space).count();
    state.pass(length, newlines(&text[..length]));
    length
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

fn too_long(limit: usize, length: u64) -> String {
    format!("a document of {length} bytes, longer than {limit}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::testing::{Case, reading};
    use crate::{Format, Reading, Room};

    fn documents() -> Case {
        Case::new(Reading {
            multi_line: true,
            ..reading(Format::Json)
        })
    }

    #[test]
    fn a_document_is_a_row_and_an_array_of_objects_several() {
        let text = "\u{feff}{\n  \"a\": \"}{\\\"\\\\\",\n  \"b\": [1,\r\n   2]\n}\n";
        assert_eq!(
            documents().rows(text),
            "{\"a\": \"}{\\\"\\\\\",\"b\": [1,2]}\n"
        );
        let text = "[\n  {\"a\":1},\n  {\n    \"a\":\t2 }\n]";
        assert_eq!(documents().rows(text), "{\"a\":1}\n{\"a\":\t2 }\n");
        assert_eq!(documents().rows("\n [ ]\n"), "");
        assert_eq!(documents().rows(" \n\n"), "");
    }

    #[test]
    fn documents_follow_one_another() {
        let text = "{\n\"a\":1}{\"a\":2}\n\n[{\"a\":3}]\n{\"a\":4}";
        assert_eq!(
            documents().rows(text),
            "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n"
        );
    }

    #[test]
    fn bad_documents_keep_their_text_and_the_line_they_begin_on() {
        let case = documents().run(
            "{\"a\":1}\n{\n\"a\":}\n{\"\\u0024st\":1}\n[{\"a\":2},\n7]\n{\"a\":\n[3}\n{\"a\":4}\n",
        );
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(case.bad.len(), 4, "{:#?}", case.bad);
        assert!(
            case.bad[0].starts_with("2: not JSON at byte 6: "),
            "{}",
            case.bad[0]
        );
        assert!(case.bad[1].starts_with("4: has the reserved key $st"));
        assert_eq!(case.bad[2], "5: element 2 of the array: not an object: 7");
        // Nothing tells where the next document would begin.
        assert!(case.bad[3].starts_with("7: not JSON") && case.bad[3].ends_with("{\"a\":4}"));
        let case = documents().run("{\"a\":\"x\ny\"}\n, {\"a\":1}\n");
        assert_eq!(case.bad.len(), 2, "{:#?}", case.bad);
        assert!(case.bad[0].contains("control character"), "{}", case.bad[0]);
        assert!(case.bad[1].starts_with("3: ") && case.bad[1].ends_with(", {\"a\":1}"));
    }

    #[test]
    fn a_document_beyond_the_limit_is_passed_over() {
        let long = format!("{{\"a\":\n\"{}\"}}", "}".repeat(5000));
        let mut case = documents();
        case.reading.limit = 2000;
        let case = case.run(&format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}\n{long}"));
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n");
        let head = &long[..1024];
        assert_eq!(
            case.bad,
            [
                format!("2: a document of 5009 bytes, longer than 2000: {head}"),
                format!("5: a document of 5009 bytes, longer than 2000: {head}")
            ]
        );
    }

    #[test]
    fn it_stops_between_documents_where_the_room_ends() {
        let mut case = documents();
        case.room = Room {
            rows: 2,
            bytes: u64::MAX,
        };
        let case = case.run("{\n\"a\":1}\n[{\"a\":2},\n{\"a\":3}]\n{\"a\":4}\n");
        assert_eq!(case.rows, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
        assert_eq!((case.place.offset, case.place.lines), (28, 4));
    }
}
