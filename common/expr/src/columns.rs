//! Which columns expressions may read, and where their values are: in the row's bytes, or computed before.
//!
//! All expressions of a stage share one registry, so that a row is scanned once for all of them.

use crate::error::SyntaxError;
use crate::{Schema, Type, Value, suggest};
use st_row::{Fields, Spans};

/// Where a column's value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the row: the field's number in [`Columns::fields`].
    Field(usize),
    /// Among the values computed for the row: the index into [`Slots`]' values.
    Computed(usize),
}

/// The columns known to the expressions of a stage.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    schema: Schema,
    fields: Fields,
    computed: usize,
    /// Names that do not mean the row's own field of that name; the last entry for a name counts.
    bound: Vec<(String, Option<(Place, Type)>)>,
    /// True if only bound names exist.
    closed: bool,
}

impl Columns {
    /// The columns of rows of which a schema declares some.
    pub fn new(schema: Schema) -> Self {
        Columns {
            schema,
            ..Columns::default()
        }
    }

    /// The fields that expressions read: what [`Fields::locate`] has to find in a row.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// How many computed values there are.
    pub fn computed(&self) -> usize {
        self.computed
    }

    /// Where a column is and its type; a field not yet wanted becomes wanted.
    pub fn find(&mut self, name: &str) -> Result<(Place, Type), SyntaxError> {
        if let Some((_, found)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return found
                .clone()
                .ok_or_else(|| SyntaxError::plain(format!("column `{name}` is gone by now")));
        }
        if self.closed {
            let names = self
                .bound
                .iter()
                .filter(|(_, found)| found.is_some())
                .map(|(name, _)| name.as_str());
            let mend = match suggest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(SyntaxError::plain(format!("no column `{name}`: {mend}")));
        }
        let kind = self.schema.kind(name).cloned().unwrap_or(Type::Any);
        Ok((Place::Field(self.fields.add(name)), kind))
    }

    /// From now on `name` means the next computed value, of this type; returns its index.
    pub fn bind(&mut self, name: &str, kind: Type) -> usize {
        let index = self.computed;
        self.computed += 1;
        self.bound
            .push((name.to_owned(), Some((Place::Computed(index), kind))));
        index
    }

    /// From now on `to` means what `from` meant, and `from` nothing.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), SyntaxError> {
        let found = self.find(from)?;
        self.bound.push((from.to_owned(), None));
        self.bound.push((to.to_owned(), Some(found)));
        Ok(())
    }

    /// From now on `name` means nothing.
    pub fn remove(&mut self, name: &str) {
        self.bound.push((name.to_owned(), None));
    }

    /// From now on only computed columns that are bound after this exist.
    pub fn close(&mut self) {
        self.bound.clear();
        self.closed = true;
    }

    /// Columns that are all computed: for expressions over results rather than rows.
    pub fn of_values<'n>(columns: impl IntoIterator<Item = (&'n str, Type)>) -> Self {
        let mut all = Columns::default();
        all.close();
        for (name, kind) in columns {
            all.bind(name, kind);
        }
        all
    }
}

/// The values of one row's columns: the row's bytes with the places of its fields, and what was computed.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'s, 'r> {
    row: &'r [u8],
    spans: Option<&'s Spans>,
    values: &'s [Value<'r>],
}

impl<'s, 'r> Slots<'s, 'r> {
    /// A row in which [`Columns::fields`] were located, and the values computed so far.
    pub fn new(row: &'r [u8], spans: &'s Spans, values: &'s [Value<'r>]) -> Self {
        Slots {
            row,
            spans: Some(spans),
            values,
        }
    }

    /// Computed values alone.
    pub fn of_values(values: &'s [Value<'r>]) -> Self {
        Slots {
            row: &[],
            spans: None,
            values,
        }
    }

    /// The raw JSON of a field, if the row has it.
    #[inline]
    pub fn raw(&self, field: usize) -> Option<&'r [u8]> {
        self.spans?.get(self.row, field)
    }

    /// A computed value; null if it is not there.
    pub fn value(&self, index: usize) -> Value<'r> {
        self.values.get(index).cloned().unwrap_or(Value::Null)
    }
}
