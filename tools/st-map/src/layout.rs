//! What the finished row looks like: the row that came with changes, or members made anew.
//!
//! Operations change the layout once, when they are compiled; per row it is only written.

use st_expr::{Compiled, Env, Slots, Value, write_json};
use st_row::{BadRow, Edit, Fields, Spans, Splice, write_string};
use st_time::Zone;

use crate::stencil::Stencil;

/// Where a member's value comes from.
pub enum Source {
    /// The values computed for the row.
    Value(usize),
    /// A field of the row as it came: its bytes, or null.
    Field(usize),
    /// An expression nothing else reads: evaluated when the row is written, or copied if it is a value of the row.
    Expression(Compiled),
}

/// A member that is written before or instead of the row's own.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its value.
    pub source: Source,
    label: Vec<u8>,
}

impl Member {
    /// A member of that name.
    pub fn new(name: String, source: Source) -> Member {
        let mut label = Vec::new();
        write_string(&mut label, &name);
        label.push(b':');
        Member {
            name,
            source,
            label,
        }
    }

    /// Its name as it is written: `"name":`
    pub fn label(&self) -> &[u8] {
        &self.label
    }
}

/// A change of the row that came, by its fields.
pub enum Change {
    /// The field gets the member's value, and if the row has none, the member becomes its last.
    Set(usize, Member),
    /// The field goes.
    Drop(usize),
    /// The first field gets the second one's name.
    Rename(usize, usize),
}

/// The row that is handed on.
pub enum Layout {
    /// The row that came: new members in front of it, then itself with changes.
    Row {
        /// New members that stand in front.
        front: Vec<Member>,
        /// Applied in order.
        changes: Vec<Change>,
    },
    /// These members alone.
    Made(Vec<Member>),
}

/// One row's parts while it is written.
pub struct Parts<'s, 'r> {
    /// Instant, zone, chance.
    pub env: &'s Env,
    /// The row that came.
    pub row: &'r [u8],
    /// Where its fields are.
    pub spans: &'s Spans,
    /// What was computed.
    pub values: &'s [Value<'r>],
}

/// Buffers that are reused from row to row.
#[derive(Default)]
pub struct Scratch {
    splice: Splice,
    edits: Vec<Edit>,
    values: Vec<u8>,
    row: Vec<u8>,
    /// For rows that a generator makes.
    pub stencil: Stencil,
}

impl Layout {
    /// The row that came, as it came.
    pub fn unchanged() -> Layout {
        Layout::Row {
            front: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// True if the row that came is handed on as it is.
    pub fn is_unchanged(&self) -> bool {
        matches!(self, Layout::Row { front, changes } if front.is_empty() && changes.is_empty())
    }

    /// Sets a column: in its place if there is one, else as the last.
    pub fn set(&mut self, name: &str, field: impl FnOnce() -> usize, source: Source) {
        match self {
            Layout::Made(members) => put(members, name, source),
            Layout::Row { front, .. } if front.iter().any(|member| member.name == name) => {
                put(front, name, source)
            }
            Layout::Row { changes, .. } => {
                let field = field();
                // A value that is overwritten need not be made, unless the field has had another name since.
                let last = changes
                    .iter_mut()
                    .rev()
                    .find(|change| change.touches(field));
                match last {
                    Some(Change::Set(_, earlier)) => earlier.source = source,
                    _ => changes.push(Change::Set(field, Member::new(name.to_string(), source))),
                }
            }
        }
    }

    /// Leaves a column out.
    pub fn drop(&mut self, name: &str, field: impl FnOnce() -> usize) {
        match self {
            Layout::Made(members) => members.retain(|member| member.name != name),
            Layout::Row { front, changes } => {
                let before = front.len();
                front.retain(|member| member.name != name);
                if front.len() < before {
                    return;
                }
                let field = field();
                if let Some(last) = changes
                    .iter_mut()
                    .rev()
                    .find(|change| change.touches(field))
                    && matches!(last, Change::Set(..))
                {
                    *last = Change::Drop(field);
                } else {
                    changes.push(Change::Drop(field));
                }
            }
        }
    }

    /// Gives a column another name; a column of that name gives way.
    pub fn rename(&mut self, old: &str, new: &str, mut field: impl FnMut(&str) -> usize) {
        if old == new {
            return;
        }
        match self {
            Layout::Made(members) => {
                members.retain(|member| member.name != new);
                rename(members, old, new);
            }
            Layout::Row { front, changes } => {
                front.retain(|member| member.name != new);
                if rename(front, old, new) {
                    // The row's own column of that name gives way.
                    changes.push(Change::Drop(field(new)));
                } else {
                    changes.push(Change::Rename(field(old), field(new)));
                }
            }
        }
    }

    /// Puts new members in front of all others; the row has no other members of their names.
    pub fn prepend(&mut self, mut members: Vec<Member>) {
        match self {
            Layout::Made(rest) => {
                members.append(rest);
                *rest = members;
            }
            Layout::Row { front, .. } => {
                members.append(front);
                *front = members;
            }
        }
    }

    /// Appends the row.
    pub fn write(
        &self,
        parts: &Parts<'_, '_>,
        fields: &Fields,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), BadRow> {
        match self {
            Layout::Made(members) => {
                out.push(b'{');
                write_members(members, parts, out);
                out.push(b'}');
                Ok(())
            }
            Layout::Row { front, changes } if front.is_empty() => {
                changed(changes, parts, fields, scratch, out)
            }
            Layout::Row { front, changes } => {
                out.push(b'{');
                write_members(front, parts, out);
                let mut row = std::mem::take(&mut scratch.row);
                row.clear();
                let spliced = changed(changes, parts, fields, scratch, &mut row);
                let inside = row.get(1..).unwrap_or_default();
                if st_row::trim(inside) != b"}" {
                    out.push(b',');
                }
                out.extend_from_slice(inside);
                scratch.row = row;
                spliced
            }
        }
    }
}

impl Change {
    fn touches(&self, field: usize) -> bool {
        match self {
            Change::Set(set, _) => *set == field,
            Change::Drop(dropped) => *dropped == field,
            Change::Rename(old, new) => *old == field || *new == field,
        }
    }
}

impl Source {
    fn write(&self, parts: &Parts<'_, '_>, out: &mut Vec<u8>) {
        let slots = Slots::new(parts.row, parts.spans, parts.values);
        let raw = match self {
            Source::Value(index) => {
                let value = parts.values.get(*index).unwrap_or(&Value::Null);
                return write_json(out, value, Zone::UTC);
            }
            Source::Field(field) => slots.raw(*field).unwrap_or(b"null"),
            Source::Expression(expression) => return expression.write(parts.env, &slots, out),
        };
        out.extend_from_slice(raw);
    }
}

/// The row that came, with changes.
fn changed(
    changes: &[Change],
    parts: &Parts<'_, '_>,
    fields: &Fields,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), BadRow> {
    if appended(changes, parts, out) {
        return Ok(());
    }
    spliced(changes, parts, fields, scratch, out)
}

/// The same, whatever the changes are.
fn spliced(
    changes: &[Change],
    parts: &Parts<'_, '_>,
    fields: &Fields,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), BadRow> {
    let Scratch {
        splice,
        edits,
        values,
        ..
    } = scratch;
    edits.clear();
    values.clear();
    for change in changes {
        edits.push(match change {
            Change::Set(field, member) => {
                let start = values.len();
                member.source.write(parts, values);
                Edit::Set {
                    field: *field,
                    value: start..values.len(),
                }
            }
            Change::Drop(field) => Edit::Drop { field: *field },
            Change::Rename(from, to) => Edit::Rename {
                from: *from,
                to: *to,
            },
        });
    }
    splice.apply(fields, parts.row, parts.spans, edits, values, out)
}

/// The row that came with new last members, if the changes are just that; else false, and nothing was written.
#[inline]
fn appended(changes: &[Change], parts: &Parts<'_, '_>, out: &mut Vec<u8>) -> bool {
    let new = |change: &Change| matches!(change, Change::Set(field, _) if parts.spans.span(*field).is_none());
    let [inside @ .., b'}'] = parts.row else {
        return false;
    };
    // An object without members, or white space: the general way.
    let closes = |last: &u8| *last > b' ' && *last != b'{';
    if !inside.last().is_some_and(closes) || !changes.iter().all(new) {
        return false;
    }
    out.extend_from_slice(inside);
    for change in changes {
        if let Change::Set(_, member) = change {
            out.push(b',');
            out.extend_from_slice(&member.label);
            member.source.write(parts, out);
        }
    }
    out.push(b'}');
    true
}

/// Appends members, with commas between them.
pub fn write_members(members: &[Member], parts: &Parts<'_, '_>, out: &mut Vec<u8>) {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&member.label);
        member.source.write(parts, out);
    }
}

fn put(members: &mut Vec<Member>, name: &str, source: Source) {
    match members.iter_mut().find(|member| member.name == name) {
        Some(member) => member.source = source,
        None => members.push(Member::new(name.to_string(), source)),
    }
}

fn rename(members: &mut [Member], old: &str, new: &str) -> bool {
    let found = members.iter_mut().find(|member| member.name == old);
    found
        .map(|member| {
            let source = std::mem::replace(&mut member.source, Source::Value(0));
            *member = Member::new(new.to_string(), source);
        })
        .is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use st_expr::{Columns, Compiler, Schema};

    #[test]
    fn appended_members_stand_where_splicing_puts_them() {
        let mut compiler = Compiler::new(Columns::new(Schema::default()), Zone::UTC);
        let sum = compiler.expression("a + b").unwrap();
        let copy = compiler.expression("a").unwrap();
        for name in ["sum", "a \"c\""] {
            compiler.columns.find(name).unwrap();
        }
        let fields = compiler.columns.fields().clone();
        let set = |name: &str, expression| {
            let member = Member::new(name.to_string(), Source::Expression(expression));
            Change::Set(fields.position(name).unwrap(), member)
        };
        let changes = [set("sum", sum), set("a \"c\"", copy)];
        let rows = [
            "{}",
            "{ }",
            r#"{"a":1,"b":2}"#,
            r#"{"a":1,"b":2 }"#,
            r#" {"a":1,"b":2} "#,
            r#"{"a":1.50,"b":{}}"#,
            r#"{"a":"x}","b":"{"}"#,
            r#"{"a":[{}]}"#,
            r#"{"a":1,"a":2,"b":3}"#,
            r#"{"a":1,"sum":0,"b":3}"#,
            r#"{"a":1,"b":3,"sum":0,"sum":1}"#,
            r#"{"a":1,"b":3,"a \u0022c\"":null}"#,
            r#"{"":"é","b":-0.0,"a":1e400}"#,
        ];
        let mut scratch = Scratch::default();
        for row in rows {
            let mut spans = Spans::default();
            fields.locate(row.as_bytes(), &mut spans).unwrap();
            let parts = Parts {
                env: &Env::new(Zone::UTC),
                row: row.as_bytes(),
                spans: &spans,
                values: &[],
            };
            let (mut quick, mut whole) = (Vec::new(), Vec::new());
            changed(&changes, &parts, &fields, &mut scratch, &mut quick).unwrap();
            spliced(&changes, &parts, &fields, &mut scratch, &mut whole).unwrap();
            assert_eq!(
                String::from_utf8(quick).unwrap(),
                String::from_utf8(whole).unwrap(),
                "{row}"
            );
        }
    }
}
