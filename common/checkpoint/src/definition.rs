//! Comparing the definition a file was written under with the one that wants to read it.

use std::fmt;

use serde_json::Value;

/// One difference between two definitions, at a path such as `by[1]` or `agg.revenue`.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where in the definition; empty for the whole of it.
    pub path: String,
    /// What the file was written with; `None` if it had nothing there.
    pub old: Option<Value>,
    /// What is asked for now; `None` if nothing is.
    pub new: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |v: &Option<Value>| match v {
            Some(v) => v.to_string(),
            None => "nothing".to_string(),
        };
        let path = if self.path.is_empty() {
            "definition"
        } else {
            &self.path
        };
        write!(f, "{path} was {}, now {}", show(&self.old), show(&self.new))
    }
}

/// Field by field, what differs; the order of an object's fields does not.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(String::new(), Some(old), Some(new), &mut found);
    found
}

fn compare(path: String, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let dot = if path.is_empty() { "" } else { "." };
                compare(
                    format!("{path}{dot}{name}"),
                    a.get(name),
                    b.get(name),
                    found,
                );
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                compare(format!("{path}[{i}]"), a.get(i), b.get(i), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Change {
            path,
            old: a.cloned(),
            new: b.cloned(),
        }),
    }
}

/// The message for changes of which some are not safe; `None` if all are safe.
pub(crate) fn refusal(found: &[Change], safe: &dyn Fn(&Change) -> bool) -> Option<String> {
    if found.iter().all(safe) {
        return None;
    }
    let listed: Vec<String> = found
        .iter()
        .map(|change| {
            if safe(change) {
                format!("{change} (safe)")
            } else {
                change.to_string()
            }
        })
        .collect();
    Some(format!("the definition changed: {}", listed.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_differing_field_is_named_with_old_and_new() {
        let old = json!({"by": ["category", "window"], "mode": "update", "limit": 3});
        let new = json!({"mode": "append", "by": ["category"], "tz": "UTC"});
        let found: Vec<String> = changes(&old, &new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                r#"by[1] was "window", now nothing"#,
                r#"mode was "update", now "append""#,
                "limit was 3, now nothing",
                r#"tz was nothing, now "UTC""#,
            ]
        );
    }

    #[test]
    fn the_order_of_fields_is_no_change() {
        assert_eq!(
            changes(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})),
            []
        );
    }

    #[test]
    fn a_refusal_tells_safe_changes_from_the_others() {
        let found = changes(&json!({"a": 1, "b": 2}), &json!({"a": 2, "b": 3}));
        let text = refusal(&found, &|c| c.path == "b");
        assert_eq!(
            text.as_deref(),
            Some("the definition changed: a was 1, now 2; b was 2, now 3 (safe)")
        );
        assert_eq!(refusal(&found, &|_| true), None);
    }
}
