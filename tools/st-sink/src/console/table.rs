//! Spark's `Dataset.showString`: the frame, the widths, the cutting.
//!
//! Widths are Spark's: UTF-16 units, and one more for each character of East Asian width. Cells are flush right when they are
//! cut to a width, flush left when not.

/// How tables look.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Rows shown of a batch.
    pub rows: usize,
    /// Cells are cut to this many characters; 0: not cut.
    pub truncate: usize,
    /// One line per cell.
    pub vertical: bool,
}

/// No column is narrower.
const LEAST: usize = 3;

/// Appends the table of these rows; `more`: there were others, which are not shown. As in Spark a last line that is not the
/// table's has no newline.
pub fn render(
    names: &[String],
    rows: &[Vec<String>],
    more: bool,
    layout: Layout,
    out: &mut String,
) {
    let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|cell| cut(escape(cell), layout.truncate))
                .collect()
        })
        .collect();
    if layout.vertical {
        vertical(&names, &rows, out);
    } else {
        horizontal(&names, &rows, layout.truncate > 0, out);
    }
    if rows.is_empty() && layout.vertical {
        out.push_str("(0 rows)");
    } else if more {
        let plural = if layout.rows == 1 { "row" } else { "rows" };
        out.push_str(&format!("only showing top {} {plural}", layout.rows));
    }
}

fn horizontal(names: &[String], rows: &[Vec<String>], right: bool, out: &mut String) {
    let widths: Vec<usize> = (0..names.len())
        .map(|i| {
            rows.iter()
                .map(|row| width(&row[i]))
                .chain([width(&names[i]), LEAST])
                .max()
                .unwrap_or(LEAST)
        })
        .collect();
    let rule = format!(
        "+{}+\n",
        widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .join("+")
    );
    let line = |out: &mut String, cells: &[String]| {
        out.push('|');
        for (i, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            if i > 0 {
                out.push('|');
            }
            pad(out, cell, *width, right);
        }
        out.push_str("|\n");
    };
    out.push_str(&rule);
    line(out, names);
    out.push_str(&rule);
    rows.iter().for_each(|row| line(out, row));
    out.push_str(&rule);
}

fn vertical(names: &[String], rows: &[Vec<String>], out: &mut String) {
    let name_width = names
        .iter()
        .map(|name| width(name))
        .chain([LEAST])
        .max()
        .unwrap_or(LEAST);
    let cell_width = rows
        .iter()
        .flatten()
        .map(|cell| width(cell))
        .chain([LEAST])
        .max()
        .unwrap_or(LEAST);
    for (i, row) in rows.iter().enumerate() {
        let title = format!("-RECORD {i}");
        out.push_str(&title);
        out.push_str(&"-".repeat((name_width + cell_width + 5).saturating_sub(title.len())));
        out.push('\n');
        for (name, cell) in names.iter().zip(row) {
            out.push(' ');
            pad(out, name, name_width, false);
            out.push_str(" | ");
            pad(out, cell, cell_width, false);
            out.push_str(" \n");
        }
    }
}

fn pad(out: &mut String, cell: &str, to: usize, right: bool) {
    let room = " ".repeat(to.saturating_sub(width(cell)));
    if right {
        out.push_str(&room);
        out.push_str(cell);
    } else {
        out.push_str(cell);
        out.push_str(&room);
    }
}

/// Spark's `Utils.stringHalfWidth`.
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| c.len_utf16() + usize::from(is_wide(c)))
        .sum()
}

fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE10}'..='\u{FE19}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}')
}

/// Spark's `SchemaUtils.escapeMetaCharacters`; other control characters are escaped too, as they could steer the terminal.
fn escape(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{7}' => out.push_str("\\a"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Cuts to `most` UTF-16 units, with dots from four on, never through a character.
fn cut(text: String, most: usize) -> String {
    let units: usize = text.chars().map(char::len_utf16).sum();
    if most == 0 || units <= most {
        return text;
    }
    let (room, dots) = if most < 4 {
        (most, "")
    } else {
        (most - 3, "...")
    };
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= room
        })
        .collect();
    kept.push_str(dots);
    kept
}
