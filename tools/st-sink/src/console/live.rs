//! One table, drawn again in its place whenever a batch has rows: a dashboard.

use super::table::{Layout, render, width};
use crate::terminal;

/// A table on the screen.
#[derive(Default)]
pub struct Live {
    title: String,
    /// Lines it takes now.
    lines: usize,
}

impl Live {
    /// What the rows are.
    pub fn title(&mut self, title: &str) {
        self.title = title.to_string();
    }

    /// Appends what erases the table and draws the new one, no larger than the terminal.
    pub fn draw(
        &mut self,
        batch: i64,
        names: &[String],
        rows: &[Vec<String>],
        more: bool,
        layout: Layout,
        out: &mut String,
    ) {
        let (columns, lines) = terminal::size();
        // Title, frame, the line about more, the status line.
        let room = lines.saturating_sub(7).max(1);
        let (rows, more) = match rows.get(..room) {
            Some(first) if !layout.vertical && rows.len() > room => (first, true),
            _ => (rows, more),
        };
        let mut table = format!("Batch: {batch}, {}\n", self.title);
        render(
            names,
            rows,
            more,
            Layout {
                rows: rows.len(),
                ..layout
            },
            &mut table,
        );
        if self.lines > 0 {
            // Up to its first line, and clear from there.
            out.push_str(&format!("\x1b[{}A\r\x1b[J", self.lines));
        }
        self.lines = 0;
        for line in table.lines().take(lines.saturating_sub(2)) {
            out.push_str(clip(line, columns));
            out.push('\n');
            self.lines += 1;
        }
    }
}

/// The part of a line that fits: a line that wraps would be two when it is erased.
fn clip(line: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in line.char_indices() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > columns {
            return &line[..at];
        }
    }
    line
}
