//! The whole row as a key, for `st-dedup` without `--by`: an object of the row's values in canonical form, by name.
//!
//! Rows without a declared schema may have other fields, or the same in another order, from one to the next. What is known of
//! an order of fields is kept, so that a row of the same order as the last one costs no look-up of names.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::Result;
use st_expr::{KeyColumn, Schema};
use st_row::{BadRow, fields_of, unescape, write_string};
use st_time::Zone;

/// So many orders of fields are remembered; rows whose names are data would fill memory with them.
const ORDERS: usize = 1000;

/// One field of the key.
struct Part {
    /// `"name":`
    label: Vec<u8>,
    column: KeyColumn,
    /// Where it stands in the row.
    place: usize,
}

/// Writes the key of a row of any fields.
pub struct Whole {
    schema: Schema,
    zone: Zone,
    /// The column that is kept beside the key, as its moment.
    apart: Option<String>,
    orders: HashMap<Vec<u8>, Vec<Part>>,
    /// The names of the last row, as they stand in it, and of this one.
    last: Vec<u8>,
    names: Vec<u8>,
    values: Vec<Range<usize>>,
    parts: Vec<Part>,
}

impl Whole {
    /// Keys of rows of that schema, without the column `apart`.
    pub fn new(schema: Schema, zone: Zone, apart: Option<String>) -> Whole {
        Whole {
            schema,
            zone,
            apart,
            orders: HashMap::new(),
            last: Vec::new(),
            names: Vec::new(),
            values: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Appends the key of a row. A null is as if the field were not there; of a field that is there twice the last counts.
    ///
    /// # Errors
    /// What is wrong with the row.
    #[inline]
    pub fn write(&mut self, row: &[u8], key: &mut Vec<u8>) -> Result<(), BadRow> {
        self.names.clear();
        self.values.clear();
        for member in fields_of(row) {
            let (name, value) = member?;
            self.names.extend_from_slice(name);
            let from = value.as_ptr() as usize - row.as_ptr() as usize;
            self.values.push(from..from + value.len());
        }
        if self.names != self.last {
            self.turn(row)?;
        }
        key.push(b'{');
        let begin = key.len();
        for part in &self.parts {
            let before = key.len();
            if before > begin {
                key.push(b',');
            }
            key.extend_from_slice(&part.label);
            let from = key.len();
            let value = self.values[part.place].clone();
            part.column.write(row.get(value), key);
            if &key[from..] == b"null" {
                key.truncate(before);
            }
        }
        key.push(b'}');
        Ok(())
    }

    /// Takes up the order of the fields of this row.
    #[cold]
    fn turn(&mut self, row: &[u8]) -> Result<(), BadRow> {
        let parts = match self.orders.remove(&self.names) {
            Some(parts) => parts,
            None => self.order(row)?,
        };
        if self.orders.len() >= ORDERS {
            self.orders.clear();
        }
        let before = std::mem::replace(&mut self.parts, parts);
        let last = std::mem::replace(&mut self.last, self.names.clone());
        self.orders.insert(last, before);
        Ok(())
    }

    /// The fields of this row by name.
    fn order(&self, row: &[u8]) -> Result<Vec<Part>, BadRow> {
        let mut names = Vec::new();
        for (place, member) in fields_of(row).enumerate() {
            names.push((unescape(member?.0)?, place));
        }
        names.sort_unstable();
        let mut parts: Vec<Part> = Vec::with_capacity(names.len());
        for (at, (name, place)) in names.iter().enumerate() {
            let again = names.get(at + 1).is_some_and(|(next, _)| next == name);
            if again || self.apart.as_deref() == Some(name.as_ref()) {
                continue;
            }
            let mut label = Vec::new();
            write_string(&mut label, name);
            label.push(b':');
            parts.push(Part {
                label,
                column: KeyColumn::new(name, &self.schema, self.zone),
                place: *place,
            });
        }
        Ok(parts)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn keys(schema: &str, apart: Option<&str>, rows: &[&str]) -> Vec<String> {
        let schema = Schema::parse(schema).unwrap();
        let mut whole = Whole::new(schema, Zone::UTC, apart.map(str::to_string));
        let key = |row: &&str| {
            let mut key = Vec::new();
            whole.write(row.as_bytes(), &mut key).unwrap();
            String::from_utf8(key).unwrap()
        };
        rows.iter().map(key).collect()
    }

    #[test]
    fn one_row_has_one_key_however_it_is_written() {
        let rows = [
            r#"{"a":1,"b":"x"}"#,
            r#"{ "b" : "\u0078" , "a" : 1.0 }"#,
            r#"{"b":"x","c":null,"\u0061":10e-1}"#,
            r#"{"a":7,"b":"x","a":1}"#,
            r#"{"a":1,"b":"x"}"#,
        ];
        assert_eq!(keys("", None, &rows), [r#"{"a":1,"b":"x"}"#; 5]);
        let typed = keys(
            "a STRING, t TIMESTAMP",
            None,
            &[
                r#"{"a":1,"t":"2025-01-15T10:00:00Z"}"#,
                r#"{"t":"2025-01-15 10:00:00","a":"1"}"#,
            ],
        );
        assert_eq!(typed[0], typed[1]);
    }

    #[test]
    fn other_rows_have_other_keys() {
        let rows = [
            r#"{}"#,
            r#"{"a":1}"#,
            r#"{"b":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a,":1}"#,
            r#"{"a":"null"}"#,
            r#"{"a":{}}"#,
        ];
        let mut all = keys("", None, &rows);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), rows.len());
    }

    #[test]
    fn the_moment_stands_apart_and_many_orders_are_forgotten() {
        let rows = [r#"{"t":1,"a":2}"#, r#"{"a":2,"t":3}"#, r#"{"t":null}"#];
        assert_eq!(
            keys("", Some("t"), &rows),
            [r#"{"a":2}"#, r#"{"a":2}"#, "{}"]
        );
        let mut whole = Whole::new(Schema::default(), Zone::UTC, None);
        for n in 0..3000 {
            let row = format!(r#"{{"n{n}":{n}}}"#);
            let mut key = Vec::new();
            whole.write(row.as_bytes(), &mut key).unwrap();
            assert_eq!(key, row.as_bytes());
        }
        assert!(whole.orders.len() <= ORDERS);
    }
}
