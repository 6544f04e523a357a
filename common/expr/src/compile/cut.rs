//! `explode(split(column, "c"))`: what it cuts and where, so that its rows can be written from the bytes of the row they
//! are made of, without a value for each piece.

use crate::eval::Op;
use crate::regex::Pattern;
use crate::{Slots, Type, Value};

/// A column of text, and the one character it is cut at.
pub struct Cut {
    field: usize,
    byte: u8,
}

impl Cut {
    /// For an argument of that form.
    pub(super) fn of(arg: &Op) -> Option<Cut> {
        let Op::Call(call) = arg else { return None };
        let [column, pattern] = call.args.as_slice() else {
            return None;
        };
        let field = match column {
            Op::Field(field, Type::String) => *field,
            // Of an undeclared column text is cast to itself.
            Op::Cast(column, Type::Any, Type::String, _) => match **column {
                Op::Field(field, Type::Any) => field,
                _ => return None,
            },
            _ => return None,
        };
        match pattern.constant() {
            Some(Value::String(java)) if call.name == "split" => {
                let byte = Pattern::new(java).ok()?.byte()?;
                Some(Cut { field, byte })
            }
            _ => None,
        }
    }

    /// The character, which is ASCII and none that JSON escapes.
    pub fn byte(&self) -> u8 {
        self.byte
    }

    /// The text, if it stands in the row without escapes; what is between the characters are then the rows' values. `None`
    /// if the generator has to be asked.
    #[inline]
    pub fn text<'r>(&self, slots: &Slots<'_, 'r>) -> Option<&'r [u8]> {
        st_row::plain_text(slots.raw(self.field)?)
    }
}
