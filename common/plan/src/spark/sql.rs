//! An expression as Spark SQL: what is spelled otherwise here is translated, what Spark has no function for is refused.

use anyhow::{Result, anyhow};
use st_expr::{Ast, Item, Node, Type, parse_expr, tidy};

use super::python::quoted;

/// The expression in Spark's words, on one line.
///
/// # Errors
/// A function that Spark has not; what is no expression.
pub fn of(text: &str) -> Result<String> {
    let ast = parse_expr(text).map_err(|error| anyhow!("{error}"))?;
    let mut edits = Vec::new();
    collect(&ast, text, &mut edits)?;
    edits.sort_by_key(|(from, _, _)| *from);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (from, to, new) in edits {
        out += text.get(at..from).unwrap_or_default();
        out += &new;
        at = to;
    }
    out += text.get(at..).unwrap_or_default();
    Ok(tidy(&out))
}

/// The items of a list as they were written, names included.
///
/// # Errors
/// As [`of`].
pub fn items(items: &[Item]) -> Result<Vec<String>> {
    let named = |item: &Item| {
        let alias = match item.aliases.as_slice() {
            [] => String::new(),
            [one] => format!(" as {}", quoted(one)),
            several => {
                let names: Vec<String> = several.iter().map(|name| quoted(name)).collect();
                format!(" as ({})", names.join(", "))
            }
        };
        Ok(of(item.source())? + &alias)
    };
    items.iter().map(named).collect()
}

/// The items of a list as text: what stands between commas outside of quotes and brackets.
pub fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut from, mut depth) = (Vec::new(), 0, 0i32);
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(open), '\\') if open != '`' => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                pieces.push(&text[from..at]);
                from = at + 1;
            }
            (None, _) => {}
        }
    }
    pieces.push(&text[from..]);
    pieces
}

/// What is to stand instead of what: from, to, text.
fn collect(ast: &Ast, text: &str, edits: &mut Vec<(usize, usize, String)>) -> Result<()> {
    match &ast.node {
        Node::Call(call) => match call.name.as_str() {
            "iff" => edits.push((call.name_span.start, call.name_span.end, "if".to_string())),
            "regexp_extract_named" => {
                return Err(anyhow!(
                    "regexp_extract_named has no counterpart in Spark: take each group with regexp_extract(text, pattern, number)"
                ));
            }
            _ => {}
        },
        Node::Literal(_, Type::Interval) => {
            let written = text.get(ast.span.start..ast.span.end).unwrap_or_default();
            edits.extend(interval(written).map(|new| (ast.span.start, ast.span.end, new)));
        }
        _ => {}
    }
    ast.parts()
        .into_iter()
        .try_for_each(|part| collect(part, text, edits))
}

/// `interval 10m` and `interval '1h30m'` in full; none if it is written so already.
fn interval(written: &str) -> Option<String> {
    let after = written.get(8..).filter(|_| {
        written
            .get(..8)
            .is_some_and(|word| word.eq_ignore_ascii_case("interval"))
    })?;
    let size = after.trim().trim_matches(['\'', '"']);
    let mut bytes = size.bytes().zip(size.bytes().skip(1));
    if !bytes.any(|(a, b)| a.is_ascii_digit() && b.is_ascii_alphabetic()) {
        return None;
    }
    let duration = size.parse::<st_time::Duration>().ok()?;
    Some(format!("interval '{duration}'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{of, pieces};

    #[test]
    fn what_is_spelled_otherwise_is_translated() {
        for (ours, sparks) in [
            ("f = (a > 1)", "f = (a > 1)"),
            ("(a + b) * (c)", "(a + b) * (c)"),
            (
                "IFF(a > 1,\n 'x', iff(b, 1, 2))",
                "if(a > 1, 'x', if(b, 1, 2))",
            ),
            ("ts + interval 10m", "ts + interval '10 minutes'"),
            (
                "ts - INTERVAL \"1h30m\" > u",
                "ts - interval '1 hour 30 minutes' > u",
            ),
            ("ts + interval 1 hour", "ts + interval 1 hour"),
            (
                "ts + interval '1-2' year to month",
                "ts + interval '1-2' year to month",
            ),
        ] {
            assert_eq!(of(ours).unwrap(), sparks);
        }
        assert!(of("regexp_extract_named(a, '(?<b>x)').b").is_err());
    }

    #[test]
    fn commas_within_brackets_and_quotes_part_nothing() {
        let text = r#"l.*, f(a, b) as c, "x,\", y", `p,q`"#;
        let whole = ["l.*", " f(a, b) as c", r#" "x,\", y""#, " `p,q`"];
        assert_eq!(pieces(text), whole);
    }
}
