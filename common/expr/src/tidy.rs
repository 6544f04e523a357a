//! An expression as it is shown on one line.

/// The text of an expression on one line: white space outside quotes is one blank.
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut escaped = false;
    for c in text.trim().chars() {
        match quote {
            Some(open) => {
                out.push(c);
                if escaped {
                    escaped = false;
                } else if c == '\\' && open != '`' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            None => {
                if matches!(c, '"' | '\'' | '`') {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn texts_in_quotes_keep_their_blanks() {
        assert_eq!(tidy(" a  =\n 'x  y' "), "a = 'x  y'");
        assert_eq!(tidy(r#""a\"  b"   c"#), r#""a\"  b" c"#);
    }
}
