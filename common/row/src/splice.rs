//! A changed row in which everything not changed keeps its bytes.
//!
//! A stage locates its fields once and evaluates; the same [`Spans`] then say where to cut. Nothing is scanned a second time,
//! unless a name to be changed occurs twice.

use std::ops::Range;

use crate::bad::not_json;
use crate::scan::{skip_space, string_end};
use crate::text::write_string;
use crate::{BadRow, Fields, Span, Spans, trim};

/// One change, in terms of the [`Fields`] the row was located with. Applied in order: a later edit sees what earlier ones left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The field gets the raw value that stands at this range of the values buffer: in place if the row has the field, else
    /// as a new last member. Of a repeated field the last one stays.
    Set {
        /// The field.
        field: usize,
        /// Where its value is in the values buffer.
        value: Range<usize>,
    },
    /// The field goes, and every repetition of it.
    Drop {
        /// The field.
        field: usize,
    },
    /// The member keeps its place and value, and is called `to`; a member of that name gives way. No change if `from` is absent.
    Rename {
        /// The field now.
        from: usize,
        /// The field whose name it gets.
        to: usize,
    },
}

/// The scratch space of splicing, reused from row to row.
#[derive(Debug, Default)]
pub struct Splice {
    /// The row's members that edits may reach, in their order in the row.
    members: Vec<Member>,
    /// New members, in the order they were set.
    added: Vec<Member>,
    /// For each field, who bears its name now.
    bearer: Vec<Option<Place>>,
    touched: Vec<bool>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Member(usize),
    Added(usize),
}

#[derive(Debug, Clone)]
struct Member {
    /// Where it stands in the row; of no meaning for an added one.
    span: Span,
    /// The field whose name is to be written instead of the key in the row.
    name: Option<usize>,
    /// The value to be written instead of the one in the row.
    value: Option<Range<usize>>,
    live: bool,
}

impl Splice {
    /// Empty scratch space.
    pub fn new() -> Splice {
        Splice::default()
    }

    /// Appends to `out` the row as `edits` change it. `spans` are those of `fields` located in this very `row`; the values of
    /// [`Edit::Set`] are ranges of `values`. After an error `out` may hold part of a row.
    pub fn apply(
        &mut self,
        fields: &Fields,
        row: &[u8],
        spans: &Spans,
        edits: &[Edit],
        values: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), BadRow> {
        self.gather(fields, spans);
        for edit in edits {
            self.edit(edit);
        }
        if spans.repeated() {
            self.drop_repeated(fields, row, spans)?;
        }
        self.write(fields, row, values, out)
    }

    fn gather(&mut self, fields: &Fields, spans: &Spans) {
        self.members.clear();
        self.added.clear();
        self.touched.clear();
        self.touched.resize(fields.len(), false);
        self.bearer.clear();
        self.bearer.resize(fields.len(), None);
        for field in 0..fields.len() {
            if let Some(span) = spans.span(field) {
                self.bearer[field] = Some(Place::Member(self.members.len()));
                self.members.push(Member {
                    span,
                    name: None,
                    value: None,
                    live: true,
                });
            }
        }
    }

    fn at(&mut self, place: Place) -> &mut Member {
        match place {
            Place::Member(i) => &mut self.members[i],
            Place::Added(i) => &mut self.added[i],
        }
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Set { field, value } => {
                self.touched[*field] = true;
                if let Some(place) = self.bearer[*field] {
                    self.at(place).value = Some(value.clone());
                } else {
                    self.bearer[*field] = Some(Place::Added(self.added.len()));
                    let span = Span {
                        key: 0,
                        start: 0,
                        end: 0,
                    };
                    self.added.push(Member {
                        span,
                        name: Some(*field),
                        value: Some(value.clone()),
                        live: true,
                    });
                }
            }
            Edit::Drop { field } => {
                self.touched[*field] = true;
                if let Some(place) = self.bearer[*field].take() {
                    self.at(place).live = false;
                }
            }
            Edit::Rename { from, to } => {
                if from == to {
                    return;
                }
                let Some(place) = self.bearer[*from].take() else {
                    return;
                };
                self.touched[*from] = true;
                self.touched[*to] = true;
                if let Some(other) = self.bearer[*to].replace(place) {
                    self.at(other).live = false;
                }
                self.at(place).name = Some(*to);
            }
        }
    }

    /// Of a name that an edit reached, the earlier repetitions go.
    fn drop_repeated(&mut self, fields: &Fields, row: &[u8], spans: &Spans) -> Result<(), BadRow> {
        let (touched, members) = (&self.touched, &mut self.members);
        fields.scan(row, |field, span| {
            let Some(field) = field else { return };
            if touched[field] && spans.span(field) != Some(span) {
                members.push(Member {
                    span,
                    name: None,
                    value: None,
                    live: false,
                });
            }
        })
    }

    fn write(
        &mut self,
        fields: &Fields,
        row: &[u8],
        values: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), BadRow> {
        self.members.sort_unstable_by_key(|member| member.span.key);
        let begin = out.len();
        // The row is copied up to here.
        let mut done = 0;
        for member in &self.members {
            let Span { key, start, end } = member.span;
            if !member.live {
                // With the comma before it; or, where that is gone or never was, with the one after it.
                let before = trim_end(row, key);
                if before > done && row[before - 1] == b',' {
                    out.extend_from_slice(&row[done..before - 1]);
                    done = end;
                } else {
                    out.extend_from_slice(&row[done..key]);
                    done = skip_space(row, end);
                    if row.get(done) == Some(&b',') {
                        done = skip_space(row, done + 1);
                    }
                }
                continue;
            }
            if let Some(name) = member.name {
                out.extend_from_slice(&row[done..key]);
                write_string(out, &fields.names()[name]);
                done = string_end(row, key + 1)?.0 + 1;
            }
            if let Some(value) = &member.value {
                out.extend_from_slice(&row[done..start]);
                out.extend_from_slice(&values[value.clone()]);
                done = end;
            }
        }
        let end = trim_end(row, row.len());
        if end == 0 || row[end - 1] != b'}' {
            return not_json(end, "expected '}' at the end");
        }
        let added = self.added.iter().filter(|member| member.live);
        let mut inside = trim_end(row, end - 1).max(done);
        for member in added {
            out.extend_from_slice(&row[done..inside]);
            done = inside;
            if out[begin..].iter().rev().find(|b| !is_space(**b)) != Some(&b'{') {
                out.push(b',');
            }
            write_string(out, member.name.map_or("", |field| &fields.names()[field]));
            out.push(b':');
            out.extend_from_slice(&values[member.value.clone().unwrap_or_default()]);
            inside = done;
        }
        out.extend_from_slice(&row[done..end]);
        Ok(())
    }
}

/// Where the text before `end` ends without white space.
fn trim_end(row: &[u8], mut end: usize) -> usize {
    while end > 0 && is_space(row[end - 1]) {
        end -= 1;
    }
    end
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// Appends to `out` the row with one more last member. The caller knows that the row has no such name: nothing is scanned.
pub fn append_member(
    row: &[u8],
    name: &str,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BadRow> {
    let [head @ .., b'}'] = trim(row) else {
        return not_json(row.len(), "expected '}' at the end");
    };
    out.extend_from_slice(head);
    if head.iter().rev().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
    out.extend_from_slice(value);
    out.push(b'}');
    Ok(())
}
