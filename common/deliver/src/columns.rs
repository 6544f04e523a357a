//! The columns of a batch: the declared ones in their order, and among them what else the rows have, where they have it.
//!
//! Rows name their columns one by one, so a tree of the names grows as rows are walked. Walking gives the raw value of each
//! column without parsing it. In flat formats the members of a struct are columns of their own: `window_start`, `window_end`.

use std::collections::{HashMap, HashSet};

use st_expr::{Field, Schema, Type};
use st_row::{BadRow, Kind, elements_of, fields_of, parse_i64, unescape};

/// Where the values of one row's columns stand in it; reused from row to row.
#[derive(Default)]
pub struct Cells {
    /// By [`Column::cell`]; a value is never empty, so an empty range is none.
    places: Vec<(usize, usize)>,
}

impl Cells {
    /// The raw value of a cell in `row`, the row that was walked last.
    #[inline]
    pub fn get<'r>(&self, row: &'r [u8], cell: usize) -> Option<&'r [u8]> {
        let &(start, end) = self.places.get(cell)?;
        if start == end {
            None
        } else {
            row.get(start..end)
        }
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if the row that was walked last has no column.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// The columns seen so far.
#[derive(Clone)]
pub struct Columns {
    /// The tree; the first node is its root.
    nodes: Vec<Node>,
    /// Structs are taken apart.
    flat: bool,
    /// Top-level columns that are none of the output's.
    without: Vec<String>,
    /// Top-level columns that are not taken apart, in lower case.
    whole: Vec<String>,
    cells: usize,
}

#[derive(Clone)]
struct Node {
    name: String,
    /// The name as it first stood in a row, without its quotes.
    key: Vec<u8>,
    declared: Type,
    /// The type that holds all values seen; kept for undeclared columns.
    found: Type,
    /// Where its value goes, if it was ever a column.
    cell: Option<usize>,
    /// Its place among the members of its parent.
    place: usize,
    skipped: bool,
    members: Vec<usize>,
    by_key: HashMap<Vec<u8>, usize>,
}

/// One column of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, unique whatever the case.
    pub name: String,
    /// The names that lead to it in a row.
    pub path: Vec<String>,
    /// Its type: declared, or `Any`.
    pub declared: Type,
    /// The type of the values seen; `Null` if there was none.
    pub found: Type,
    /// Index of its value among the cells.
    pub cell: usize,
}

impl Column {
    /// The declared type, else the one found; STRING if nothing is known.
    pub fn kind(&self) -> Type {
        match (&self.declared, &self.found) {
            (Type::Any, Type::Null) => Type::String,
            (Type::Any, found) => found.clone(),
            (declared, _) => declared.clone(),
        }
    }
}

impl Node {
    fn new(name: &str, key: &[u8], declared: Type, place: usize) -> Node {
        Node {
            name: name.to_string(),
            key: key.to_vec(),
            declared,
            found: Type::Null,
            cell: None,
            place,
            skipped: false,
            members: Vec::new(),
            by_key: HashMap::new(),
        }
    }
}

impl Columns {
    /// The columns of `schema`, without the top-level ones named in `without`. `flat`: structs are taken apart.
    pub fn new(schema: &Schema, flat: bool, without: &[String]) -> Columns {
        let root = Node::new("", b"", Type::Any, 0);
        let mut columns = Columns {
            nodes: vec![root],
            flat,
            without: without.to_vec(),
            whole: Vec::new(),
            cells: 0,
        };
        columns.declare(0, &schema.fields);
        columns
    }

    /// The flat columns of `schema`, but top-level ones of these names, whatever the case, hold their value as JSON.
    pub fn with_whole(schema: &Schema, names: impl IntoIterator<Item = String>) -> Columns {
        let whole: Vec<String> = names.into_iter().map(|name| name.to_lowercase()).collect();
        let mut columns = Columns {
            whole,
            ..Columns::new(&Schema::default(), true, &[])
        };
        columns.declare(0, &schema.fields);
        columns
    }

    fn declare(&mut self, parent: usize, fields: &[Field]) {
        for field in fields {
            let place = self.nodes[parent].members.len();
            let node = self.add(
                parent,
                &field.name,
                &escaped(&field.name),
                field.kind.clone(),
                place,
            );
            match &self.nodes[node].declared.clone() {
                _ if self.nodes[node].skipped => {}
                Type::Struct(members) if self.flat => self.declare(node, &members.clone()),
                _ => {
                    self.cell(node);
                }
            }
        }
    }

    fn add(
        &mut self,
        parent: usize,
        name: &str,
        key: &[u8],
        declared: Type,
        place: usize,
    ) -> usize {
        let node = self.nodes.len();
        let whole = parent == 0 && self.whole.contains(&name.to_lowercase());
        let declared = match declared {
            Type::Any | Type::Struct(_) if whole => {
                Type::Map(Box::new(Type::String), Box::new(Type::Any))
            }
            declared => declared,
        };
        self.nodes.push(Node::new(name, key, declared, place));
        self.nodes[node].skipped = parent == 0 && self.without.iter().any(|other| other == name);
        self.nodes[parent].members.insert(place, node);
        for i in place + 1..self.nodes[parent].members.len() {
            let later = self.nodes[parent].members[i];
            self.nodes[later].place = i;
        }
        self.nodes[parent].by_key.insert(key.to_vec(), node);
        self.nodes[parent].by_key.insert(escaped(name), node);
        node
    }

    fn cell(&mut self, node: usize) -> usize {
        let cells = &mut self.cells;
        *self.nodes[node].cell.get_or_insert_with(|| {
            *cells += 1;
            *cells - 1
        })
    }

    /// Puts the raw values of `row` into `cells`; columns not seen before are added. Null counts as a value.
    pub fn walk(&mut self, row: &[u8], cells: &mut Cells) -> Result<(), BadRow> {
        cells.places.clear();
        cells.places.resize(self.cells, (0, 0));
        self.descend(0, row, row.as_ptr().addr(), cells)
    }

    /// `begin`: the address of the row, from which places are told.
    fn descend(
        &mut self,
        parent: usize,
        object: &[u8],
        begin: usize,
        cells: &mut Cells,
    ) -> Result<(), BadRow> {
        let mut next = 0;
        for member in fields_of(object) {
            let (quoted, raw) = member?;
            let key = &quoted[1..quoted.len() - 1];
            let node = match self.nodes[parent].members.get(next) {
                // Rows mostly have their members in one order.
                Some(&node) if self.nodes[node].key == key => node,
                _ => self.find_or_add(parent, key, quoted, next)?,
            };
            next = self.nodes[node].place + 1;
            if !self.nodes[node].skipped {
                self.put(node, raw, begin, cells)?;
            }
        }
        Ok(())
    }

    /// How much is known; it rises with every new column.
    pub fn size(&self) -> usize {
        self.nodes.len() + self.cells
    }

    /// A new column stands where it does in the row: at `place`, behind the member before it.
    fn find_or_add(
        &mut self,
        parent: usize,
        key: &[u8],
        quoted: &[u8],
        place: usize,
    ) -> Result<usize, BadRow> {
        if let Some(&node) = self.nodes[parent].by_key.get(key) {
            return Ok(node);
        }
        let name = unescape(quoted)?;
        // The same name in another spelling.
        if let Some(&node) = self.nodes[parent].by_key.get(&escaped(&name)) {
            self.nodes[parent].by_key.insert(key.to_vec(), node);
            return Ok(node);
        }
        Ok(self.add(parent, &name, key, Type::Any, place))
    }

    fn put(
        &mut self,
        node: usize,
        raw: &[u8],
        begin: usize,
        cells: &mut Cells,
    ) -> Result<(), BadRow> {
        let object = raw.first() == Some(&b'{');
        match &self.nodes[node].declared {
            Type::Struct(_) if self.flat => {
                // What is no object does not fit a struct, so all its members are null.
                return if object {
                    self.descend(node, raw, begin, cells)
                } else {
                    Ok(())
                };
            }
            Type::Any if self.flat && object => return self.descend(node, raw, begin, cells),
            _ => {}
        }
        let cell = self.cell(node);
        if cells.len() <= cell {
            cells.places.resize(cell + 1, (0, 0));
        }
        let start = raw.as_ptr().addr() - begin;
        cells.places[cell] = (start, start + raw.len());
        Ok(())
    }

    /// Widens the types of the undeclared columns so that they hold these values.
    pub fn learn(&mut self, row: &[u8], cells: &Cells) {
        for node in &mut self.nodes {
            let Some(cell) = node.cell else { continue };
            if node.declared == Type::Any
                && let Some(raw) = cells.get(row, cell)
            {
                let kind = type_of(raw);
                if kind != node.found {
                    node.found = wider(&node.found, kind);
                }
            }
        }
    }

    /// The columns, those of one struct together.
    pub fn list(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        let mut path = Vec::new();
        self.collect(0, &mut path, &mut columns);
        make_unique(&mut columns);
        columns
    }

    fn collect(&self, parent: usize, path: &mut Vec<String>, columns: &mut Vec<Column>) {
        for &node in &self.nodes[parent].members {
            let node_ = &self.nodes[node];
            path.push(node_.name.clone());
            // A struct that is null in some rows is no column besides its members.
            let only_null = node_.found == Type::Null && !node_.members.is_empty();
            if let Some(cell) = node_.cell
                && !only_null
            {
                columns.push(Column {
                    name: path.join("_"),
                    path: path.clone(),
                    declared: node_.declared.clone(),
                    found: node_.found.clone(),
                    cell,
                });
            }
            self.collect(node, path, columns);
            path.pop();
        }
    }
}

/// The inside of the name as a JSON string.
fn escaped(name: &str) -> Vec<u8> {
    let mut quoted = Vec::new();
    st_row::write_string(&mut quoted, name);
    quoted[1..quoted.len() - 1].to_vec()
}

/// SQL names do not differ by case alone.
fn make_unique(columns: &mut [Column]) {
    let mut taken = HashSet::new();
    for column in columns {
        let base = column.name.clone();
        let mut number = 2;
        while !taken.insert(column.name.to_lowercase()) {
            column.name = format!("{base}_{number}");
            number += 1;
        }
    }
}

/// The type of a raw value by itself.
fn type_of(raw: &[u8]) -> Type {
    match Kind::of(raw) {
        None | Some(Kind::Null) => Type::Null,
        Some(Kind::Bool) => Type::Boolean,
        Some(Kind::Integer) if parse_i64(raw).is_some() => Type::BigInt,
        Some(Kind::Integer) if raw.len() <= 38 => Type::Decimal {
            precision: 38,
            scale: 0,
        },
        Some(Kind::Integer | Kind::String | Kind::Object) => Type::String,
        Some(Kind::Fraction) => Type::Double,
        Some(Kind::Array) => {
            let elements = elements_of(raw).filter_map(Result::ok).map(type_of);
            Type::Array(Box::new(
                elements.fold(Type::Null, |all, one| wider(&all, one)),
            ))
        }
    }
}

/// The least type that holds the values of both; STRING, as JSON text, if there is no other.
fn wider(a: &Type, b: Type) -> Type {
    match (a, b) {
        (Type::Null, b) => b,
        (a, Type::Null) => a.clone(),
        (a, b) if *a == b => b,
        (Type::BigInt | Type::Decimal { .. } | Type::Double, Type::Double) => Type::Double,
        (Type::Double, Type::BigInt | Type::Decimal { .. }) => Type::Double,
        (Type::BigInt | Type::Decimal { .. }, Type::BigInt | Type::Decimal { .. }) => {
            Type::Decimal {
                precision: 38,
                scale: 0,
            }
        }
        (Type::Array(a), Type::Array(b)) => Type::Array(Box::new(wider(a, *b))),
        _ => Type::String,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn columns(ddl: &str, flat: bool, rows: &[&str]) -> Vec<String> {
        let mut columns = Columns::new(&Schema::parse(ddl).unwrap(), flat, &["skip".to_string()]);
        for row in rows {
            let mut cells = Cells::default();
            columns.walk(row.as_bytes(), &mut cells).unwrap();
            columns.learn(row.as_bytes(), &cells);
        }
        columns
            .list()
            .iter()
            .map(|column| format!("{} {}", column.name, column.kind()))
            .collect()
    }

    #[test]
    fn undeclared_columns_stand_behind_what_stands_before_them_in_the_row() {
        let seen = columns(
            "b INT, a STRING",
            true,
            &[
                r#"{"b":1,"z":1,"a":"x"}"#,
                r#"{"y":[1,2.5],"a":"x","skip":0,"x":true,"z":1.5}"#,
            ],
        );
        assert_eq!(
            seen,
            [
                "y ARRAY<DOUBLE>",
                "b INT",
                "z DOUBLE",
                "a STRING",
                "x BOOLEAN"
            ]
        );
        // Declared ones keep the schema's order.
        assert_eq!(
            columns("b INT, a STRING", true, &[r#"{"a":"x","b":1}"#]),
            ["b INT", "a STRING"]
        );
    }

    #[test]
    fn structs_are_taken_apart_in_flat_formats() {
        let rows = [
            r#"{"window":null,"n":1}"#,
            r#"{"window":{"start":"a","end":"b"},"n":true}"#,
        ];
        assert_eq!(
            columns("", true, &rows),
            ["window_start STRING", "window_end STRING", "n STRING"]
        );
        assert_eq!(columns("", false, &rows), ["window STRING", "n STRING"]);
        let declared = columns(
            "window STRUCT<start: TIMESTAMP, end: TIMESTAMP>",
            true,
            &[r#"{"window":7}"#],
        );
        assert_eq!(declared, ["window_start TIMESTAMP", "window_end TIMESTAMP"]);
    }

    #[test]
    fn names_that_meet_get_numbers() {
        assert_eq!(
            columns("", true, &[r#"{"a_b":1,"a":{"b":2},"A_B":"x"}"#]),
            ["a_b BIGINT", "a_b_2 BIGINT", "A_B_3 STRING"]
        );
    }

    #[test]
    fn large_integers_stay_exact() {
        let seen = columns("", true, &[r#"{"n":1}"#, r#"{"n":123456789012345678901}"#]);
        assert_eq!(seen, ["n DECIMAL(38,0)"]);
    }

    #[test]
    fn a_key_in_another_spelling_is_the_same_column() {
        assert_eq!(
            columns("", true, &[r#"{"a":1}"#, r#"{"\u0061":2}"#]),
            ["a BIGINT"]
        );
    }
}
