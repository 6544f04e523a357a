//! A value inside a value: `a.b[0]`.

use crate::text::key_is;
use crate::{BadRow, Kind, elements_of, fields_of};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// The raw value that `steps` lead to from the raw `value`; `None` where a member or element is absent or a step does not
/// fit the kind it meets (a name into an array, an index into an object, anything into a scalar).
pub fn path<'r>(value: &'r [u8], steps: &[Step]) -> Result<Option<&'r [u8]>, BadRow> {
    let mut here = value;
    for step in steps {
        let next = match (step, Kind::of(here)) {
            (Step::Name(name), Some(Kind::Object)) => member(here, name)?,
            (Step::Index(index), Some(Kind::Array)) => elements_of(here).nth(*index).transpose()?,
            _ => None,
        };
        match next {
            Some(inner) => here = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The last member called `name`.
fn member<'r>(object: &'r [u8], name: &str) -> Result<Option<&'r [u8]>, BadRow> {
    let mut found = None;
    for item in fields_of(object) {
        let (key, value) = item?;
        if key_is(&key[1..key.len() - 1], name.as_bytes()) {
            found = Some(value);
        }
    }
    Ok(found)
}
