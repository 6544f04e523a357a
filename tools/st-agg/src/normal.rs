//! The normal form of an expression's text: two spellings that differ in white space or quotes alone are one, so that they
//! name the same state and the same aggregate.

/// The text without white space where none is needed, and strings in single quotes where they hold none.
pub fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    let mut gap = false;
    while let Some(c) = rest.chars().next() {
        let piece = if matches!(c, '"' | '\'' | '`') {
            quoted(rest, c)
        } else {
            &rest[..c.len_utf8()]
        };
        rest = &rest[piece.len()..];
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '"' | '`' | '.');
        if std::mem::take(&mut gap) && (word(c) && out.ends_with(word) || same_operator(&out, c)) {
            out.push(' ');
        }
        match piece
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
        {
            Some(inner) if !inner.contains('\'') && piece.len() > 1 => {
                out.push('\'');
                out.push_str(inner);
                out.push('\'');
            }
            _ => out.push_str(piece),
        }
        if c == ',' {
            out.push(' ');
        }
    }
    out
}

/// Two operator characters that would read as one operator if they met: `- -`, `< =`.
fn same_operator(out: &str, next: char) -> bool {
    let operator = |c: char| "+-*/%<>=!&|^~:".contains(c);
    operator(next) && out.ends_with(operator)
}

/// The string or name in quotes that `text` begins with; a backslash keeps the quote behind it from ending it.
fn quoted(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return &text[..at + 1];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn spelling_makes_no_difference() {
        for (text, expected) in [
            ("window( ts , \"5 minutes\" )", "window(ts, '5 minutes')"),
            ("window(ts,'5 minutes')", "window(ts, '5 minutes')"),
            (
                "sum( a+b )  filter ( where  c = \"x y\" )",
                "sum(a+b)filter(where c='x y')",
            ),
            ("a - -1", "a- -1"),
            (
                "case when a then 'b' else `c d` end",
                "case when a then 'b' else `c d` end",
            ),
            ("\"it's\"", "\"it's\""),
            ("'a  \\' b'", "'a  \\' b'"),
            ("a.b [ 0 ]", "a.b[0]"),
        ] {
            assert_eq!(normal(text), expected);
            assert_eq!(normal(&normal(text)), expected);
        }
    }
}
