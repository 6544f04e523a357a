//! An answer, Spark's or ours, and when two are the same.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::path::Path;

use serde_json::{Map, Value};

/// What a query gives.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The rows after each input file, and how many were late.
    Rows {
        /// One list per input file.
        steps: Vec<Vec<Value>>,
        /// One number per input file.
        late: Vec<i64>,
    },
    /// Nothing: it is refused before the first row, or fails.
    Refused(String),
}

impl Answer {
    /// Reads the JSON of an answer.
    pub fn parse(text: &str) -> Result<Answer, String> {
        Answer::of(&serde_json::from_str(&exact(text)).map_err(|error| error.to_string())?)
    }

    fn of(value: &Value) -> Result<Answer, String> {
        if let Some(why) = value.get("refused") {
            return Ok(Answer::Refused(why.to_string()));
        }
        let steps = value["steps"]
            .as_array()
            .ok_or("neither steps nor refused")?;
        let steps: Option<Vec<Vec<Value>>> =
            steps.iter().map(|step| step.as_array().cloned()).collect();
        let steps = steps.ok_or("a step is a list of rows")?;
        let mut late: Vec<i64> = value["late"]
            .as_array()
            .map(|late| late.iter().filter_map(Value::as_i64).collect())
            .unwrap_or_default();
        late.resize(steps.len(), 0);
        Ok(Answer::Rows { steps, late })
    }

    /// True if both have the same rows in each step, and the same number of late rows. The order of rows within a step
    /// counts only where the query orders them.
    pub fn agrees(&self, other: &Answer, ordered: bool) -> bool {
        match (self, other) {
            (Answer::Refused(_), Answer::Refused(_)) => true,
            (
                Answer::Rows { steps, late },
                Answer::Rows {
                    steps: have,
                    late: dropped,
                },
            ) => {
                late == dropped
                    && steps.len() == have.len()
                    && steps.iter().zip(have).all(|(a, b)| {
                        let (mut a, mut b) = (normal(a), normal(b));
                        if !ordered {
                            a.sort();
                            b.sort();
                        }
                        a == b
                    })
            }
            _ => false,
        }
    }

    /// The members that differ, of rows at the same place.
    pub fn differences(&self, spark: &Answer) -> String {
        let (Answer::Rows { steps, .. }, Answer::Rows { steps: theirs, .. }) = (self, spark) else {
            return String::new();
        };
        let pairs = steps.iter().flatten().zip(theirs.iter().flatten());
        let mut lines = Vec::new();
        for (number, (ours, theirs)) in pairs.enumerate() {
            let (ours, theirs) = (value(ours), value(theirs));
            let names = |of: &Value| -> Vec<String> {
                of.as_object()
                    .into_iter()
                    .flat_map(Map::keys)
                    .cloned()
                    .collect()
            };
            let mut names: Vec<String> = names(&ours).into_iter().chain(names(&theirs)).collect();
            names.sort();
            names.dedup();
            for name in names
                .iter()
                .filter(|name| ours.get(name) != theirs.get(name))
            {
                let shown = |of: &Value| of.get(name).unwrap_or(&Value::Null).to_string();
                lines.push(format!(
                    "row {number}, {name}: Spark {}, ours {}",
                    shown(&theirs),
                    shown(&ours)
                ));
            }
        }
        lines.join("\n")
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Refused(why) => write!(f, "refused: {why}"),
            Answer::Rows { steps, late } => {
                for (step, late) in steps.iter().zip(late) {
                    write!(f, "\n  -- {late} late")?;
                    for row in step {
                        write!(f, "\n  {row}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Rows as text, equal for equal values.
fn normal(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| value(row).to_string()).collect()
}

/// Instants by value; no member is a null one.
fn value(of: &Value) -> Value {
    match of {
        Value::String(text) => instant(text).into(),
        Value::Array(values) => values.iter().map(value).collect(),
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members
                .iter()
                .filter(|(_, member)| !member.is_null())
                .map(|(name, member)| (name, value(member)))
                .collect();
            let members = members
                .into_iter()
                .map(|(name, member)| (name.clone(), member));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// JSON whose numbers are equal if their values are: whole ones without a fraction, others as the text of the nearest
/// double. (serde_json's own reading of doubles is not exact.)
pub fn exact(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(at) = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        out += &rest[..at];
        rest = &rest[at..];
        if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.bytes().enumerate().skip(1).find(|(_, byte)| {
                let end = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                end
            });
            let end = end.map_or(rest.len(), |(at, _)| at + 1);
            out += &rest[..end];
            rest = &rest[end..];
            continue;
        }
        let end = rest
            .find(|c: char| !"+-.eE0123456789".contains(c))
            .unwrap_or(rest.len());
        let number = &rest[..end];
        match (number.parse::<i64>(), number.parse::<f64>()) {
            (Err(_), Ok(double)) if double.fract() == 0.0 && double.abs() < 9e18 => {
                out += &(double as i64).to_string();
            }
            (Err(_), Ok(double)) => out += &format!("\"{double:?}\""),
            _ => out += number,
        }
        rest = &rest[end..];
    }
    out + rest
}

/// An instant without the zeros at its end, for those that no stage changes keep their spelling; other text as it is.
fn instant(text: &str) -> &str {
    let like = |form: &str, text: &str| {
        form.len() == text.len()
            && form
                .bytes()
                .zip(text.bytes())
                .all(|(form, byte)| match form {
                    b'0' => byte.is_ascii_digit(),
                    form => form == byte,
                })
    };
    match text.strip_suffix('Z').and_then(|text| text.get(..19)) {
        Some(seconds) if like("0000-00-00T00:00:00", seconds) => {
            let end = text[..text.len() - 1]
                .trim_end_matches('0')
                .trim_end_matches('.')
                .len();
            if end < 19 { seconds } else { &text[..end] }
        }
        _ => text,
    }
}

/// The answers of a topic by case; the first line of the file names the Spark that gave them.
pub fn read(folder: &Path, topic: &str) -> Result<BTreeMap<String, Answer>, String> {
    let path = folder.join(format!("answers/{topic}.ndjson"));
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    if !head.starts_with("{\"spark\": \"4.") {
        return Err(format!("{}: which Spark?", path.display()));
    }
    lines
        .map(|line| {
            let value: Value =
                serde_json::from_str(&exact(line)).map_err(|error| error.to_string())?;
            let name = value["case"].as_str().ok_or("an answer without a case")?;
            Ok((name.to_string(), Answer::of(&value)?))
        })
        .collect()
}
