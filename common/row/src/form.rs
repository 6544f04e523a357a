//! Rows without what they have in common: their values alone, and which form the rest has.
//!
//! Rows that one program wrote have the same keys in the same order. Of a row that is kept for later the keys need not be kept
//! with it: what stands between the values is noted once, and the row comes back byte for byte.

use crate::fields_of;
use crate::scan::{begins, value_end};

/// How many forms are known at most. Rows of others are kept as they are.
const FORMS: usize = 8;

/// The forms that rows were seen to have.
#[derive(Debug, Default)]
pub struct Forms {
    forms: Vec<Form>,
    /// The form of the last row.
    last: usize,
}

/// What stands before each value, and behind the last one.
#[derive(Debug, Default)]
struct Form {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Forms {
    /// Appends a row as [`Forms::unpack`] takes it: hardly longer than the row, mostly much shorter.
    #[inline]
    pub fn pack(&mut self, row: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if let Some(form) = self.forms.get(self.last) {
            out.push(self.last as u8 + 1);
            if form.pack(row, out) {
                return;
            }
            out.truncate(start);
        }
        self.pack_other(row, out);
    }

    fn pack_other(&mut self, row: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        for number in 0..FORMS {
            if number == self.forms.len() {
                match Form::of(row) {
                    Some(form) => self.forms.push(form),
                    None => break,
                }
            }
            out.push(number as u8 + 1);
            if self.forms[number].pack(row, out) {
                self.last = number;
                return;
            }
            out.truncate(start);
        }
        out.push(0);
        out.extend_from_slice(row);
    }

    /// Appends the row that was packed here as these bytes.
    #[inline]
    pub fn unpack(&self, packed: &[u8], out: &mut Vec<u8>) {
        let Some((number, values)) = packed.split_first() else {
            return;
        };
        match usize::from(*number)
            .checked_sub(1)
            .and_then(|number| self.forms.get(number))
        {
            Some(form) => form.unpack(values, out),
            None => out.extend_from_slice(values),
        }
    }
}

impl Form {
    /// The form of a row, if it is one that is packed.
    fn of(row: &[u8]) -> Option<Form> {
        let mut form = Form::default();
        let mut from = 0;
        for member in fields_of(row) {
            let (_, value) = member.ok()?;
            let start = value.as_ptr() as usize - row.as_ptr() as usize;
            form.bytes.extend_from_slice(row.get(from..start)?);
            form.ends.push(form.bytes.len());
            from = start + value.len();
        }
        form.bytes.extend_from_slice(&row[from..]);
        (!form.ends.is_empty()).then_some(form)
    }

    /// Appends the values of a row of this form; false if it has another, then something may have been appended.
    ///
    /// A value whose own bytes do not tell where it ends, a number or a word, is followed by a comma.
    #[inline]
    fn pack(&self, row: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut at, mut from) = (0, 0);
        for end in &self.ends {
            let between = &self.bytes[from..*end];
            if !begins(row, at, between) {
                return false;
            }
            let start = at + between.len();
            let Ok(after) = value_end(row, start) else {
                return false;
            };
            let value = &row[start..after];
            out.extend_from_slice(value);
            if is_scalar(value) {
                out.push(b',');
            }
            (at, from) = (after, *end);
        }
        row[at..] == self.bytes[from..]
    }

    #[inline]
    fn unpack(&self, mut values: &[u8], out: &mut Vec<u8>) {
        let mut from = 0;
        for end in &self.ends {
            out.extend_from_slice(&self.bytes[from..*end]);
            let length = value_end(values, 0).unwrap_or(values.len());
            let (value, rest) = values.split_at(length);
            out.extend_from_slice(value);
            values = match is_scalar(value) {
                true => rest.get(1..).unwrap_or_default(),
                false => rest,
            };
            from = *end;
        }
        out.extend_from_slice(&self.bytes[from..]);
    }
}

#[inline]
fn is_scalar(value: &[u8]) -> bool {
    !matches!(value.first(), Some(b'"' | b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(forms: &mut Forms, row: &str) -> usize {
        let mut packed = b"before".to_vec();
        forms.pack(row.as_bytes(), &mut packed);
        let mut back = Vec::new();
        forms.unpack(&packed[6..], &mut back);
        assert_eq!(String::from_utf8_lossy(&back), row);
        packed.len() - 6
    }

    #[test]
    fn rows_come_back_byte_for_byte() {
        let mut forms = Forms::default();
        let rows = [
            r#"{"id":"a","n":12,"t":"x, \"y\" }"}"#,
            r#"{"id":"","n":null,"t":""}"#,
            r#"{ "id" : "a" , "n" : 1.5e3 , "t" : [1,{"k":"]"}] }"#,
            r#"{ "id" : "\\" , "n" : true , "t" : {} }"#,
            r#"{"id":"a"}"#,
            "{}",
            r#"{"id":"a","id":"b"} "#,
            "no row",
            "",
        ];
        for _ in 0..2 {
            for row in rows {
                there_and_back(&mut forms, row);
            }
        }
        let long = r#"{"a_long_name":"value","another_long_name":123456}"#;
        there_and_back(&mut forms, long);
        assert_eq!(there_and_back(&mut forms, long), 1 + 7 + 7);
    }

    #[test]
    fn rows_of_many_forms_are_kept_as_they_are() {
        let mut forms = Forms::default();
        for number in 0..100 {
            let row = format!("{{\"k{number}\":1}}");
            let packed = there_and_back(&mut forms, &row);
            assert_eq!(packed < row.len(), number < FORMS);
        }
    }

    proptest! {
        #[test]
        fn any_row_comes_back(rows in prop::collection::vec(("[a-c]{1,2}", any::<String>(), any::<f64>()), 1..20)) {
            let mut forms = Forms::default();
            for (key, text, number) in rows {
                let row = serde_json::json!({key: text, "n": number, "l": [text, null], "z": {"a": text}});
                there_and_back(&mut forms, &row.to_string());
            }
        }

        #[test]
        fn any_bytes_come_back(rows in prop::collection::vec("[\\[\\]{}\",:\\\\a1 ]{0,24}", 1..40)) {
            let mut forms = Forms::default();
            for row in rows {
                there_and_back(&mut forms, &row);
            }
        }
    }
}
