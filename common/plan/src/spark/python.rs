//! Python text: literals, names, statements that break their lines as people do.

/// The longest line of a program.
const WIDTH: usize = 96;

/// A string literal.
pub fn text(text: &str) -> String {
    let single = text.contains('"') && !text.contains('\'');
    let quote = if single { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => literal += "\\\\",
            '\n' => literal += "\\n",
            '\r' => literal += "\\r",
            '\t' => literal += "\\t",
            c if c == quote => {
                literal.push('\\');
                literal.push(c);
            }
            c if c.is_control() => literal += &format!("\\u{:04x}", c as u32),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

/// A list of string literals, comma-separated.
pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.into_iter().map(text).collect();
    values.join(", ")
}

/// A JSON scalar as a literal: numbers, `True`, texts.
pub fn value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Bool(true) => "True".to_string(),
        serde_json::Value::Bool(false) => "False".to_string(),
        serde_json::Value::String(string) => text(string),
        other => other.to_string(),
    }
}

/// A name that Python takes: letters, digits, underscores.
pub fn identifier(name: &str) -> String {
    const RESERVED: [&str; 41] = [
        "F",
        "False",
        "None",
        "SparkSession",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "batch",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "json",
        "lambda",
        "map",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "spark",
        "sqlite3",
        "try",
        "while",
        "with",
    ];
    let mut name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        name.insert(0, '_');
    }
    if RESERVED.contains(&name.as_str()) || name == "yield" {
        name.push('_');
    }
    name
}

/// A column's name in an expression: in backticks unless it is a plain word.
pub fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if plain {
        name.to_string()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

/// One call of a chain.
#[derive(Clone, Debug)]
pub struct Call {
    /// With its dot: `.where`.
    pub name: String,
    /// Literals and expressions.
    pub args: Vec<String>,
    /// Said in a comment above it.
    pub note: Option<String>,
}

/// A call of a chain.
pub fn call(name: &str, args: impl IntoIterator<Item = String>) -> Call {
    Call {
        name: format!(".{name}"),
        args: args.into_iter().collect(),
        note: None,
    }
}

/// An attribute: `.writeStream`.
pub fn attribute(name: &str) -> Call {
    Call {
        name: format!(".{name}"),
        args: vec!["\0".to_string()],
        note: None,
    }
}

impl Call {
    fn attribute(&self) -> bool {
        self.args.first().is_some_and(|arg| arg == "\0")
    }

    fn short(&self) -> String {
        if self.attribute() {
            self.name.clone()
        } else {
            format!("{}({})", self.name, self.args.join(", "))
        }
    }
}

/// `name = head.call(…).call(…)`, on one line if it fits, else a call per line.
pub fn statement(name: &str, head: &str, calls: &[Call]) -> String {
    let short: String = calls.iter().map(Call::short).collect();
    let noted = calls.iter().any(|call| call.note.is_some());
    let line = format!("{name} = {head}{short}");
    if line.chars().count() <= WIDTH && !noted {
        return line + "\n";
    }
    let mut lines = format!("{name} = (\n    {head}");
    // What reads or writes begins the chain on its head's line.
    let leading = calls.iter().take_while(|call| call.attribute()).count();
    let leading = match calls.get(leading) {
        Some(next) if next.note.is_none() => leading + 1,
        _ => leading,
    };
    let mut column = 4 + head.len();
    for (number, call) in calls.iter().enumerate() {
        if number >= leading {
            lines += "\n";
            if let Some(note) = &call.note {
                lines += &comment(note, "    ");
            }
            lines += "    ";
            column = 4;
        }
        let short = call.short();
        if short.chars().count() + column <= WIDTH || call.attribute() {
            lines += &short;
            column += short.chars().count();
        } else {
            lines += &format!("{}(\n", call.name);
            for arg in &call.args {
                lines += &argument(arg, "        ");
            }
            lines += "    )";
        }
    }
    lines + "\n)\n"
}

/// An argument on a line of its own; a text that is too long goes on in further literals, which Python joins.
fn argument(arg: &str, indent: &str) -> String {
    let wrapped = arg
        .strip_prefix("F.expr(")
        .and_then(|rest| rest.strip_suffix(')'));
    let literal = wrapped.unwrap_or(arg);
    let prefix = if literal.starts_with("f\"") { "f" } else { "" };
    let quote = literal[prefix.len()..].chars().next().unwrap_or(' ');
    let inner = literal[prefix.len()..]
        .strip_prefix(quote)
        .and_then(|rest| rest.strip_suffix(quote));
    let fits = indent.len() + arg.chars().count() < WIDTH;
    let Some(inner) = inner.filter(|_| !fits && matches!(quote, '"' | '\'')) else {
        return format!("{indent}{arg},\n");
    };
    let deeper = if wrapped.is_some() {
        format!("{indent}    ")
    } else {
        indent.to_string()
    };
    let mut parts = Vec::new();
    let mut part = String::new();
    for word in inner.split_inclusive(' ') {
        if deeper.len() + prefix.len() + part.chars().count() + word.chars().count() + 3 > WIDTH
            && !part.is_empty()
        {
            parts.push(std::mem::take(&mut part));
        }
        part += word;
    }
    parts.push(part);
    let lines: Vec<String> = parts
        .iter()
        .map(|part| format!("{deeper}{prefix}{quote}{part}{quote}"))
        .collect();
    let joined = lines.join("\n");
    match wrapped {
        Some(_) => format!("{indent}F.expr(\n{joined}\n{indent}),\n"),
        None => format!("{joined},\n"),
    }
}

/// A comment, its lines broken between words.
pub fn comment(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = format!("{indent}#");
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > WIDTH {
            lines += &line;
            lines.push('\n');
            line = format!("{indent}#");
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_back_as_what_they_stand_for() {
        for (plain, literal) in [
            ("a", r#""a""#),
            (r#"kind = "x""#, r#"'kind = "x"'"#),
            (r#"a 'b' "c""#, r#""a 'b' \"c\"""#),
            (r"split(a, '\\.')", r#""split(a, '\\\\.')""#),
            ("a\nb", r#""a\nb""#),
        ] {
            assert_eq!(text(plain), literal);
        }
    }

    #[test]
    fn names_are_python_s() {
        assert_eq!(identifier("2.top-products"), "_2_top_products");
        assert_eq!(identifier("class"), "class_");
    }
}
