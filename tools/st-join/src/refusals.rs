//! What cannot work is refused when the streams start: Spark's `UnsupportedOperationChecker`.

use anyhow::Result;
use st_stream::cli::usage;
use st_stream::{Mode, Start};

use crate::bounds::Rule;
use crate::condition::Condition;
use crate::how::How;
use crate::side::{L, R};

/// Refuses joins of two streams that could never be right.
pub fn streams(
    how: How,
    condition: &Condition,
    rules: &[Option<Rule>; 2],
    starts: &[Start],
) -> Result<()> {
    if let Some(start) = starts.iter().find(|start| start.mode != Mode::Append) {
        let above = start
            .plan
            .last()
            .map_or("a stage", |node| node.name.as_str());
        return Err(usage(format!(
            "the rows of {above} replace earlier ones ({} mode), but what was joined stays: \
             give {above} --mode append, behind st-watermark",
            start.mode
        )));
    }
    if how == How::Anti {
        return Err(usage(
            "--how anti: that a row of a stream has no match is known only when it is too late to matter: \
             use --how left and st-map --where 'r_id is null', with a watermark and a time range",
        ));
    }
    if condition.keys.is_empty() {
        return Err(usage(
            "--on: two streams are joined by an equality, such as l.id = r.id: without one every row would meet every other",
        ));
    }
    for side in [L, R] {
        // Semi remembers rows of l that have had no match.
        let waits = how.keeps(side) || how == How::Semi && side == L;
        if waits && rules[side].is_none() {
            return Err(usage(unruled(how, side, starts)));
        }
    }
    Ok(())
}

/// Why rows of a side would wait for ever, and the mend.
fn unruled(how: How, side: usize, starts: &[Start]) -> String {
    let (own, other) = if side == L { ("l", "r") } else { ("r", "l") };
    let time = |number: usize, otherwise: &str| {
        let columns = starts[number]
            .watermarks
            .iter()
            .flat_map(|declared| &declared.columns);
        columns
            .map(|(name, _)| name.clone())
            .next()
            .unwrap_or_else(|| otherwise.to_string())
    };
    let declared = !starts[1 - side].watermarks.is_empty();
    let own_time = time(side, "time");
    let other_time = time(1 - side, "time");
    let range = format!(
        "a time range in --on, such as {other}.{other_time} between {own}.{own_time} and {own}.{own_time} + interval 1 hour"
    );
    let how = how.name();
    match declared {
        true => format!(
            "--how {how}: when a row of {own} will find no match any more is not known: add {range}"
        ),
        false => format!(
            "--how {how}: when a row of {own} will find no match any more is not known: {other} needs st-watermark TIME '10 minutes', and {range}"
        ),
    }
}

/// Refuses joins with a table that have no meaning on a stream.
pub fn table(how: How, condition: &Condition) -> Result<()> {
    if matches!(how, How::Right | How::Full) {
        return Err(usage(format!(
            "--how {}: which rows of a table never match is known only when the stream has ended: use inner, left, semi or anti",
            how.name()
        )));
    }
    let _ = condition;
    Ok(())
}
