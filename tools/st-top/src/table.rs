//! Rows under a heading, in columns as wide as they need; where there is no room the least important columns are left out.

use crate::text::{fit, width};

/// Between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub head: &'static str,
    /// Numbers stand to the right.
    pub right: bool,
    /// At least so wide, so that lines printed one by one stand below each other.
    pub least: usize,
    /// At most so wide.
    pub most: usize,
    /// Who is left out: the greatest first, 0 never.
    pub rank: u8,
}

impl Column {
    /// A column of numbers.
    pub const fn number(head: &'static str, rank: u8) -> Column {
        Column {
            head,
            right: true,
            least: 7,
            most: 12,
            rank,
        }
    }

    /// A column of words.
    pub const fn words(head: &'static str, least: usize, most: usize, rank: u8) -> Column {
        Column {
            head,
            right: false,
            least,
            most,
            rank,
        }
    }
}

/// The heading, then a line per row, of at most `wide` columns each. The last column takes what is left.
pub fn lay(columns: &[Column], rows: &[Vec<String>], wide: usize) -> Vec<String> {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let cells = rows.iter().filter_map(|row| row.get(i));
            let need = cells.map(|cell| width(cell)).max().unwrap_or(0);
            need.max(width(column.head))
                .clamp(column.least, column.most.max(column.least))
        })
        .collect();
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needed = |shown: &[usize]| -> usize {
        let gaps = GAP * shown.len().saturating_sub(1);
        let cells = shown.iter().map(|&i| {
            if i + 1 == columns.len() {
                columns[i].least
            } else {
                widths[i]
            }
        });
        cells.sum::<usize>() + gaps
    };
    while needed(&shown) > wide {
        let worst = shown.iter().copied().max_by_key(|&i| columns[i].rank);
        match worst {
            Some(i) if columns[i].rank > 0 => shown.retain(|&other| other != i),
            _ => break,
        }
    }
    let line = |cell: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        let mut left = wide;
        for (place, &i) in shown.iter().enumerate() {
            let last = i + 1 == columns.len();
            let text = cell(i);
            if place > 0 {
                let gap = GAP.min(left);
                line += &" ".repeat(gap);
                left -= gap;
            }
            let take = if last { width(&text) } else { widths[i] }.min(left);
            line += &fit(&text, take, columns[i].right && !last);
            left -= take;
        }
        line.truncate(line.trim_end().len());
        line
    };
    let mut lines = vec![line(&|i| columns[i].head.to_string())];
    lines.extend(
        rows.iter()
            .map(|row| line(&|i| row.get(i).cloned().unwrap_or_default())),
    );
    lines
}
