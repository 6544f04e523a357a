//! Which columns rows have, told once per set of columns: so that a column of one side can be seen to bear the name of one
//! of the other without comparing the names of every pair.

use std::collections::HashMap;

use st_row::{fields_of, unescape};

/// The shape of a row that is not there: its known columns, which are null.
pub const ABSENT: u32 = 0;

/// The sets of columns that rows of one side were seen to have.
#[derive(Default)]
pub struct Shapes {
    ids: HashMap<Vec<u8>, u32>,
    names: Vec<Vec<String>>,
    scratch: Vec<u8>,
}

impl Shapes {
    /// With the columns that an absent row has.
    pub fn new(absent: Vec<String>) -> Shapes {
        Shapes {
            names: vec![absent],
            ..Shapes::default()
        }
    }

    /// The shape of a row.
    pub fn of(&mut self, row: &[u8]) -> u32 {
        self.scratch.clear();
        for (key, _) in fields_of(row).flatten() {
            self.scratch.extend_from_slice(key);
        }
        if let Some(id) = self.ids.get(&self.scratch) {
            return *id;
        }
        let names = fields_of(row).flatten();
        let names = names.filter_map(|(key, _)| unescape(key).ok().map(|name| name.into_owned()));
        let id = self.names.len() as u32;
        self.names.push(names.collect());
        self.ids.insert(self.scratch.clone(), id);
        id
    }

    /// The columns of a shape.
    pub fn names(&self, shape: u32) -> &[String] {
        &self.names[shape as usize]
    }
}
