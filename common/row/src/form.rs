//! Rows without what they have in common: their values alone, and which form the rest has.
//!
//! Rows that one program wrote have the same keys in the same order. Of a row that is kept for later the keys need not be kept
//! with it: what stands between the values is noted once, and the row comes back byte for byte.

use crate::fields_of;
use crate::scan::{Prefix, value_end, word_at};

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
    /// The beginning of what stands before each value, and where in `bytes` that ends.
    parts: Vec<(Prefix, usize)>,
}

/// A packed row that later ones are likely to be similar to: of these only what differs is kept.
#[derive(Debug, Default)]
pub struct Near {
    form: usize,
    values: Vec<u8>,
    ends: Vec<usize>,
}

/// Marks a row of which only what differs from another one of its form is kept.
const NEAR: u8 = 0x80;

impl Forms {
    /// Appends a row as [`Forms::unpack`] takes it: hardly longer than the row, mostly much shorter.
    #[inline]
    pub fn pack(&mut self, row: &[u8], near: &Near, out: &mut Vec<u8>) {
        let start = out.len();
        if let Some(form) = self.forms.get(self.last) {
            let number = self.last as u8 + 1;
            let packed = if near.form == self.last + 1 {
                out.push(number | NEAR);
                form.pack_near(row, near, out)
            } else {
                out.push(number);
                form.pack(row, out)
            };
            if packed {
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

    /// Makes a row that was packed beside none the one that others are packed beside.
    pub fn near(packed: &[u8], near: &mut Near) {
        near.values.clear();
        near.ends.clear();
        let Some((number, values)) = packed.split_first() else {
            return;
        };
        near.form = usize::from(*number);
        let mut rest = values;
        while near.form > 0 && !rest.is_empty() {
            let value = next_value(&mut rest);
            near.values.extend_from_slice(value);
            near.ends.push(near.values.len());
        }
    }

    /// Appends the row that was packed here as these bytes, beside a row that was packed as `near`.
    #[inline]
    pub fn unpack(&self, packed: &[u8], near: &[u8], out: &mut Vec<u8>) {
        let Some((number, values)) = packed.split_first() else {
            return;
        };
        let form = usize::from(number & !NEAR)
            .checked_sub(1)
            .and_then(|number| self.forms.get(number));
        match form {
            Some(form) if number & NEAR != 0 => {
                form.unpack_near(values, near.get(1..).unwrap_or_default(), out);
            }
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
            let between = row.get(from..start)?;
            form.bytes.extend_from_slice(between);
            form.parts.push((Prefix::of(between), form.bytes.len()));
            from = start + value.len();
        }
        form.bytes.extend_from_slice(&row[from..]);
        (!form.parts.is_empty()).then_some(form)
    }

    /// Appends the values of a row of this form; false if it has another, then something may have been appended.
    ///
    /// A value whose own bytes do not tell where it ends, a number or a word, is followed by a comma.
    #[inline]
    fn pack(&self, row: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut at, mut from) = (0, 0);
        for (prefix, end) in &self.parts {
            let between = &self.bytes[from..*end];
            if !prefix.stands(row, at, between) {
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
        for (_, end) in &self.parts {
            out.extend_from_slice(&self.bytes[from..*end]);
            out.extend_from_slice(next_value(&mut values));
            from = *end;
        }
        out.extend_from_slice(&self.bytes[from..]);
    }

    /// As [`Form::pack`], beside a row of the same form. Of each value are kept: how many bytes it begins with as that one's, how
    /// many follow (half a byte each, and the rest of what does not fit there), and these.
    #[inline]
    fn pack_near(&self, row: &[u8], near: &Near, out: &mut Vec<u8>) -> bool {
        let (mut at, mut from, mut near_from) = (0, 0, 0);
        for ((prefix, end), near_end) in self.parts.iter().zip(&near.ends) {
            let between = &self.bytes[from..*end];
            if !prefix.stands(row, at, between) {
                return false;
            }
            let start = at + between.len();
            let Ok(after) = value_end(row, start) else {
                return false;
            };
            let value = &row[start..after];
            let shared = shared(value, &near.values[near_from..*near_end]);
            let own = value.len() - shared;
            out.push((shared.min(MORE) << 4 | own.min(MORE)) as u8);
            push_more(out, shared);
            push_more(out, own);
            out.extend_from_slice(&value[shared..]);
            (at, from, near_from) = (after, *end, *near_end);
        }
        row[at..] == self.bytes[from..]
    }

    fn unpack_near(&self, mut values: &[u8], mut near: &[u8], out: &mut Vec<u8>) {
        let mut from = 0;
        for (_, end) in &self.parts {
            out.extend_from_slice(&self.bytes[from..*end]);
            let both = usize::from(take(&mut values));
            let shared = take_more(&mut values, both >> 4);
            let own = take_more(&mut values, both & MORE);
            let other = next_value(&mut near);
            out.extend_from_slice(&other[..shared.min(other.len())]);
            let (value, rest) = values.split_at(own.min(values.len()));
            out.extend_from_slice(value);
            (values, from) = (rest, *end);
        }
        out.extend_from_slice(&self.bytes[from..]);
    }
}

/// A number from here on is followed by what it has more, seven bits a byte.
const MORE: usize = 15;

#[inline]
fn push_more(out: &mut Vec<u8>, number: usize) {
    let Some(mut more) = number.checked_sub(MORE) else {
        return;
    };
    while more >= 0x80 {
        out.push(more as u8 | 0x80);
        more >>= 7;
    }
    out.push(more as u8);
}

#[inline]
fn take_more(bytes: &mut &[u8], number: usize) -> usize {
    if number < MORE {
        return number;
    }
    let (mut more, mut shift) = (0, 0);
    loop {
        let byte = take(bytes);
        more |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 || shift > 56 {
            return MORE + more;
        }
    }
}

#[inline]
fn take(bytes: &mut &[u8]) -> u8 {
    let Some((first, rest)) = bytes.split_first() else {
        return 0;
    };
    *bytes = rest;
    *first
}

/// How many bytes both begin with.
#[inline]
pub fn shared(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    while let (Some(x), Some(y)) = (word_at(a, at), word_at(b, at)) {
        match (x ^ y).trailing_zeros() / 8 {
            8 => at += 8,
            same => return at + same as usize,
        }
    }
    let pairs = a[at..].iter().zip(&b[at..]);
    at + pairs.take_while(|(x, y)| x == y).count()
}

/// Takes a packed value.
#[inline]
fn next_value<'v>(values: &mut &'v [u8]) -> &'v [u8] {
    let length = value_end(values, 0).unwrap_or(values.len());
    let (value, rest) = values.split_at(length);
    *values = match is_scalar(value) {
        true => rest.get(1..).unwrap_or_default(),
        false => rest,
    };
    value
}

#[inline]
fn is_scalar(value: &[u8]) -> bool {
    !matches!(value.first(), Some(b'"' | b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs and unpacks a row alone, then beside another one; how short it became at least.
    fn there_and_back(forms: &mut Forms, row: &str, other: &str) -> usize {
        let (mut none, mut near) = (Near::default(), Near::default());
        let mut base = Vec::new();
        forms.pack(other.as_bytes(), &none, &mut base);
        Forms::near(&base, &mut near);
        let mut least = usize::MAX;
        for near in [&mut none, &mut near] {
            let mut packed = b"before".to_vec();
            forms.pack(row.as_bytes(), near, &mut packed);
            let mut back = Vec::new();
            forms.unpack(&packed[6..], &base, &mut back);
            assert_eq!(String::from_utf8_lossy(&back), row);
            least = least.min(packed.len() - 6);
        }
        least
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
                for other in rows {
                    there_and_back(&mut forms, row, other);
                }
            }
        }
        let long = r#"{"a_long_name":"value","another_long_name":123456}"#;
        let similar = r#"{"a_long_name":"value","another_long_name":123478}"#;
        there_and_back(&mut forms, long, "{}");
        assert_eq!(there_and_back(&mut forms, long, "{}"), 1 + 7 + 7);
        assert_eq!(there_and_back(&mut forms, long, similar), 1 + 1 + 3);
        let text = |length: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(length));
        for (length, other) in [(10, 12), (15, 100), (100, 15), (5000, 300), (300, 5000)] {
            there_and_back(&mut forms, &text(length), &text(other));
        }
    }

    #[test]
    fn rows_of_many_forms_are_kept_as_they_are() {
        let mut forms = Forms::default();
        for number in 0..100 {
            let row = format!("{{\"k{number}\":1}}");
            let packed = there_and_back(&mut forms, &row, &row);
            assert_eq!(packed < row.len(), number < FORMS);
        }
    }

    proptest! {
        #[test]
        fn any_row_comes_back(rows in prop::collection::vec(("[a-c]{1,2}", any::<String>(), any::<f64>()), 1..20)) {
            let (mut forms, mut last) = (Forms::default(), String::new());
            for (key, text, number) in rows {
                let row = serde_json::json!({key: text, "n": number, "l": [text, null], "z": {"a": text}});
                let row = row.to_string();
                there_and_back(&mut forms, &row, &last);
                last = row;
            }
        }

        #[test]
        fn any_bytes_come_back(rows in prop::collection::vec("[\\[\\]{}\",:\\\\a1 ]{0,24}", 2..40)) {
            let mut forms = Forms::default();
            for pair in rows.windows(2) {
                there_and_back(&mut forms, &pair[0], &pair[1]);
            }
        }
    }
}
