//! The names of columns, and how a column writes its fields.

use std::collections::HashMap;

use st_expr::Type;

use super::typed;
use crate::malformed::misfit;
use crate::times::Times;

/// One column.
pub(crate) struct Column {
    /// What stands before its value: `{"name":` in the first column, `,"name":` in the others.
    prefix: Vec<u8>,
    name: String,
    kind: Type,
    reserved: bool,
}

impl Column {
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// True if the name belongs to the markers.
    pub(crate) fn is_reserved(&self) -> bool {
        self.reserved
    }

    /// Appends a field that is not null; false if it does not fit the type.
    pub(crate) fn write(&self, out: &mut Vec<u8>, text: &str, times: &Times) -> bool {
        typed::write(out, text, &self.kind, times)
    }

    /// Why a row with this field is a bad one.
    pub(crate) fn misfit(&self, text: &str) -> String {
        misfit(&self.name, text.as_bytes(), &self.kind)
    }
}

/// Columns of these names; a type is declared by name, and a column without one is text.
pub(crate) fn columns(names: Vec<String>, declared: &[(String, Type)]) -> Vec<Column> {
    let columns = names.into_iter().enumerate().map(|(index, name)| {
        let mut prefix = vec![if index == 0 { b'{' } else { b',' }];
        st_row::write_string(&mut prefix, &name);
        prefix.push(b':');
        let kind = declared
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(Type::String, |(_, kind)| kind.clone());
        Column {
            prefix,
            kind,
            reserved: name == "$st",
            name,
        }
    });
    columns.collect()
}

/// `_c0`, `_c1`, …
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("_c{index}")).collect()
}

/// The names of a header line: an empty one becomes `_c` and its number, one that occurs twice gets its number behind it
/// (Spark's `CSVUtils.makeSafeHeader`).
pub(crate) fn safe(names: Vec<String>) -> Vec<String> {
    let mut times: HashMap<String, u32> = HashMap::new();
    for name in &names {
        *times.entry(name.clone()).or_default() += 1;
    }
    let safe = names.into_iter().enumerate().map(|(index, name)| {
        if name.is_empty() {
            format!("_c{index}")
        } else if times.get(&name).is_some_and(|times| *times > 1) {
            format!("{name}{index}")
        } else {
            name
        }
    });
    safe.collect()
}
