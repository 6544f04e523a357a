//! What cannot work is refused when the stream starts, with the command that would: Spark's rules of output modes
//! (`UnsupportedOperationChecker`).

use anyhow::Result;
use st_stream::{Mode, Start, cli};

use crate::plan::Plan;
use crate::query::{Form, Query, Time};
use crate::timing::Timing;

/// Refuses combinations of mode, keys and input that have no meaning on a stream.
pub fn check(query: &Query, plan: &Plan, start: &Start) -> Result<()> {
    if start.mode != Mode::Append {
        let above = start
            .plan
            .last()
            .map_or("the stage above", |node| node.name.as_str());
        return Err(cli::usage(format!(
            "the rows of {above} replace earlier ones ({} mode), so they cannot be aggregated again: \
             give {above} --mode append, behind st-watermark",
            start.mode
        )));
    }
    let sessions = matches!(plan.timing, Timing::Sessions(..) | Timing::GivenSessions(_));
    if sessions && query.keys.len() == 1 {
        let key = &query.keys[0];
        return Err(cli::usage(format!(
            "--by: a session needs a key whose it is: --by \"{}, user\" for a column `user`",
            key.source.replace('"', "'")
        )));
    }
    if sessions && query.mode == Mode::Update {
        let mend = if plan.bounded {
            "append, or --mode complete"
        } else {
            "complete, or --mode append behind st-watermark"
        };
        return Err(cli::usage(format!(
            "--mode update: a session that grows would leave its earlier rows behind: use --mode {mend}"
        )));
    }
    if query.mode == Mode::Append && !plan.bounded {
        return Err(cli::usage(format!(
            "--mode append: {}",
            unbounded(query, start)
        )));
    }
    Ok(())
}

/// Why no watermark closes the groups, and the mend.
fn unbounded(query: &Query, start: &Start) -> String {
    let or = "or use --mode update";
    if start
        .watermarks
        .iter()
        .all(|declared| declared.columns.is_empty())
    {
        // The column of a window is the one to be declared.
        let column = query
            .keys
            .iter()
            .find_map(|key| match (&key.form, &key.column) {
                (Form::Window(_) | Form::Session(_), Some(Time::Column(column))) => {
                    Some(column.as_str())
                }
                _ => None,
            });
        return format!(
            "no watermark says when a group is final: put st-watermark {} '10 minutes' before it, {or}",
            column.unwrap_or("TIME")
        );
    }
    let columns = start
        .watermarks
        .iter()
        .flat_map(|declared| &declared.columns);
    let (column, bound) = match columns.clone().next() {
        Some((column, bound)) => (column.as_str(), *bound),
        None => ("TIME", st_stream::Bound::Time),
    };
    let window = match bound {
        st_stream::Bound::Time => format!("window({column}, '5 minutes')"),
        st_stream::Bound::Window => column.to_string(),
    };
    let keys: Vec<&str> = query
        .keys
        .iter()
        .filter(|key| matches!(key.form, Form::Value))
        .map(|key| key.source.as_str())
        .collect();
    let by = [vec![window.as_str()], keys]
        .concat()
        .join(", ")
        .replace('"', "'");
    format!(
        "the watermark is on `{column}`, which is no key, so no group is ever final: --by \"{by}\", {or}"
    )
}
