//! Refuses most rows of `--where 'column = "text"'` without scanning them.
//!
//! If a row names the column once, and nothing in it is escaped, then what follows the name is the column's value, or the row has no
//! such column at top level; and if that is another text, the condition is not true in either case, and cannot fail. Finding
//! a name takes a tenth of the time of telling a row's fields apart. All other rows take the long way.

use memchr::memmem::Finder;
use st_expr::Compiled;
use st_row::Fields;

/// The column and the text.
pub struct Quick {
    /// `"column"`
    name: Finder<'static>,
    /// `:"text"`
    value: Vec<u8>,
}

impl Quick {
    /// For a condition of that form.
    pub fn new(condition: &Compiled, fields: &Fields) -> Option<Quick> {
        let (field, text) = condition.is_text()?;
        let name = quoted(fields.names().get(field)?)?;
        let mut value = vec![b':'];
        value.extend_from_slice(&quoted(text)?);
        Some(Quick {
            name: Finder::new(&name).into_owned(),
            value,
        })
    }

    /// True if the condition is surely not true; false if it has to be asked.
    #[inline]
    pub fn refuses(&self, row: &[u8]) -> bool {
        let [b'{', .., b'}'] = row else { return false };
        let Some(at) = self.name.find(row) else {
            return false;
        };
        let rest = &row[at + self.name.needle().len()..];
        rest.starts_with(b":\"")
            && !rest.starts_with(&self.value)
            && self.name.find(rest).is_none()
            && memchr::memchr(b'\\', row).is_none()
    }
}

/// A text in quotes, if JSON writes it as it stands.
fn quoted(text: &str) -> Option<Vec<u8>> {
    let mut quoted = Vec::new();
    st_row::write_string(&mut quoted, text);
    st_row::plain_text(&quoted)?;
    Some(quoted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use st_expr::{Columns, Compiler, Env, Schema, Slots};
    use st_row::Spans;
    use st_time::Zone;

    #[test]
    fn only_rows_are_refused_for_which_the_condition_is_not_true() {
        let mut compiler = Compiler::new(Columns::new(Schema::default()), Zone::UTC);
        let condition = compiler.expression("kind = 'buy'").unwrap();
        let fields = compiler.columns.fields().clone();
        let quick = Quick::new(&condition, &fields).unwrap();
        let rows = [
            (r#"{"kind":"view"}"#, true),
            (r#"{"a":1,"kind":"buyer","b":2}"#, true),
            (r#"{"kind":""}"#, true),
            (r#"{"x":{"kind":"view"}}"#, true),
            (r#"{"kind":"buy"}"#, false),
            (r#"{"kind" :"view"}"#, false),
            (r#"{"kind": "view"}"#, false),
            (r#"{"kind":"view","kind":"buy"}"#, false),
            (r#"{"kind":"view","kind" :"buy"}"#, false),
            (r#"{"kind":"view","kin\u0064":"buy"}"#, false),
            (r#"{"kind":"b\u0075y"}"#, false),
            (r#"{"x":"kind","kind":"buy"}"#, false),
            (r#"{"x":{"kind":"view"},"kind":"buy"}"#, false),
            (r#"{"kind":5}"#, false),
            (r#"{"kind":null}"#, false),
            (r#"{"other":"view"}"#, false),
            (r#"{"kind":"view""#, false),
        ];
        for (row, refused) in rows {
            let row = row.as_bytes();
            assert_eq!(
                quick.refuses(row),
                refused,
                "{}",
                String::from_utf8_lossy(row)
            );
            let mut spans = Spans::default();
            if refused {
                fields.locate(row, &mut spans).unwrap();
                let env = Env::new(Zone::UTC);
                assert!(!condition.test(&env, &Slots::new(row, &spans, &[])));
                assert_eq!(env.failures.count(), 0);
            }
        }
    }

    #[test]
    fn other_conditions_are_asked() {
        for text in [
            "kind != 'buy'",
            "kind = 'b\\\\y'",
            "kind = 'a' or x = 'b'",
            "kind = 5",
        ] {
            let mut compiler = Compiler::new(Columns::new(Schema::default()), Zone::UTC);
            let condition = compiler.expression(text).unwrap();
            assert!(
                Quick::new(&condition, compiler.columns.fields()).is_none(),
                "{text}"
            );
        }
    }
}
