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
        Answer::of(&serde_json::from_str(text).map_err(|error| error.to_string())?)
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

/// Numbers by value, for rows that no stage changes keep their spelling; no member is a null one.
fn value(of: &Value) -> Value {
    match of {
        Value::Number(number) if !number.is_i64() => match number.as_f64() {
            Some(double) if double.fract() == 0.0 && double.abs() < 1e15 => (double as i64).into(),
            Some(double) => double.into(),
            None => of.clone(),
        },
        Value::String(text) => instant(text).into(),
        Value::Array(values) => values.iter().map(value).collect(),
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members
                .iter()
                .filter(|(_, member)| !member.is_null())
                .map(|(name, member)| (name, value(member)))
                .collect();
            Value::Object(
                members
                    .into_iter()
                    .map(|(name, member)| (name.clone(), member))
                    .collect::<Map<_, _>>(),
            )
        }
        other => other.clone(),
    }
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
            let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let name = value["case"].as_str().ok_or("an answer without a case")?;
            Ok((name.to_string(), Answer::of(&value)?))
        })
        .collect()
}
