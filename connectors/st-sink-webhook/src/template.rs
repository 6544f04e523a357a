//! A body with values put in: `{"text": "{{host}}: {{message}}"}`.
//!
//! A value stands as text within a JSON string, or with `| json` as JSON; both are escaped for where they stand, so that no
//! value of a row can change the shape of the body.

use anyhow::Result;
use st_row::{Step, path, unescape, write_string};
use st_stream::cli::usage;

/// What is put in at one place.
#[derive(Debug, PartialEq)]
enum Source {
    /// A value inside the row.
    Path(Vec<Step>),
    /// The row, or the array of the batch's rows.
    Whole,
    /// How many rows there are.
    Count,
}

/// A stretch of the body.
#[derive(Debug, PartialEq)]
enum Part {
    Text(Vec<u8>),
    Value { source: Source, json: bool },
}

/// A body with places for values.
#[derive(Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template. With `batch` its places are `rows` and `count`, else paths into the row and `row`.
    ///
    /// # Errors
    /// A place that is not closed or not understood; a body that is no JSON when all values are 0.
    pub fn parse(text: &str, batch: bool) -> Result<Template> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((place, after)) = after.split_once("}}") else {
                return Err(usage(format!(
                    "--template: `{{{{{after}` is not closed by `}}}}`"
                )));
            };
            parts.push(Part::Text(before.as_bytes().to_vec()));
            parts.push(parse_place(place, batch)?);
            rest = after;
        }
        parts.push(Part::Text(rest.as_bytes().to_vec()));
        let template = Template { parts };
        let mut sample = Vec::new();
        template.write_with(&mut sample, |_| Ok(Some(b"0")), 0);
        if let Err(error) = serde_json::from_slice::<serde_json::Value>(&sample) {
            return Err(usage(format!(
                "--template: is not JSON when values are put in ({error}): text stands in \"…\", and {{{{name | json}}}} brings its own quotes"
            )));
        }
        Ok(template)
    }

    /// Appends the body of a row, or of the array of a batch's rows.
    pub fn write(&self, out: &mut Vec<u8>, whole: &[u8], count: u64) {
        self.write_with(
            out,
            |source| match source {
                Source::Path(steps) => path(whole, steps),
                _ => Ok(Some(whole)),
            },
            count,
        );
    }

    fn write_with<'r>(
        &self,
        out: &mut Vec<u8>,
        find: impl Fn(&Source) -> Result<Option<&'r [u8]>, st_row::BadRow>,
        count: u64,
    ) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value {
                    source: Source::Count,
                    ..
                } => out.extend_from_slice(count.to_string().as_bytes()),
                Part::Value { source, json } => {
                    let raw = find(source).ok().flatten().unwrap_or(b"null");
                    if *json {
                        out.extend_from_slice(raw);
                    } else {
                        write_text(out, raw);
                    }
                }
            }
        }
    }
}

/// The value as text within a JSON string: no quotes of its own, null as nothing.
fn write_text(out: &mut Vec<u8>, raw: &[u8]) {
    match raw.first() {
        Some(b'n') | None => {}
        // Escaped already.
        Some(b'"') if unescape(raw).is_ok() => out.extend_from_slice(&raw[1..raw.len() - 1]),
        _ => {
            let mut quoted = Vec::new();
            write_string(&mut quoted, &String::from_utf8_lossy(raw));
            out.extend_from_slice(&quoted[1..quoted.len() - 1]);
        }
    }
}

fn parse_place(place: &str, batch: bool) -> Result<Part> {
    let (name, json) = match place.split_once('|') {
        None => (place.trim(), false),
        Some((name, how)) if how.trim() == "json" => (name.trim(), true),
        Some((_, how)) => {
            return Err(usage(format!(
                "--template: {{{{{place}}}}}: `{}` is no way to write a value: `| json` is the only one",
                how.trim()
            )));
        }
    };
    let source = match (name, batch) {
        ("row", false) | ("rows", true) => Source::Whole,
        ("count", true) => Source::Count,
        (_, true) => {
            return Err(usage(format!(
                "--template: {{{{{place}}}}}: with --batch there are `rows` and `count`"
            )));
        }
        (name, false) => Source::Path(steps(name)?),
    };
    Ok(Part::Value { source, json })
}

/// Reads `a.b[0]`; a name with other characters stands in backticks.
fn steps(text: &str) -> Result<Vec<Step>> {
    let wrong = || {
        usage(format!(
            "--template: {{{{{text}}}}}: is no path such as name, a.b or a[0]"
        ))
    };
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.strip_prefix('`') {
            Some(quoted) => quoted.split_once('`').ok_or_else(wrong)?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        if name.is_empty() {
            return Err(wrong());
        }
        steps.push(Step::Name(name.to_string()));
        rest = after;
        while let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']').ok_or_else(wrong)?;
            steps.push(Step::Index(index.trim().parse().map_err(|_| wrong())?));
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(steps),
            None => return Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn body(template: &str, row: &str) -> String {
        let mut out = Vec::new();
        Template::parse(template, false)
            .unwrap()
            .write(&mut out, row.as_bytes(), 1);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        let row = r#"{"a":"say \"hi\"\n","n":1.50,"o":{"p":[7,"x"]},"z":null,"a b":true}"#;
        assert_eq!(
            body(
                r#"{"text": "{{a}}|{{n}}|{{o.p[1]}}|{{o}}|{{z}}|{{missing}}|{{`a b`}}"}"#,
                row
            ),
            r#"{"text": "say \"hi\"\n|1.50|x|{\"p\":[7,\"x\"]}|||true"}"#
        );
        assert_eq!(
            body(
                r#"{"v": {{a | json}}, "o": {{ o.p | json }}, "m": {{missing|json}}}"#,
                row
            ),
            r#"{"v": "say \"hi\"\n", "o": [7,"x"], "m": null}"#
        );
        assert_eq!(body("{{row | json}}", row), row);
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str, batch| Template::parse(text, batch).unwrap_err().to_string();
        assert!(wrong("{\"a\": \"{{b\"}", false).contains("not closed"));
        assert!(wrong("{\"a\": {{b | upper}}}", false).contains("`upper`"));
        assert!(wrong("{\"a\": {{b}}x}", false).contains("is not JSON"));
        assert!(wrong("{{host | json}}", true).contains("`rows` and `count`"));
        assert!(wrong("{{a..b | json}}", false).contains("no path"));
    }
}
