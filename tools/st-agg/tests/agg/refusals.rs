//! What cannot work is refused at the start, with the mend.

use serde_json::json;

use crate::run::{Wire, agg};

fn refused(args: &[&str], wire: &str, expected: &str) {
    let done = agg(args, wire);
    assert_eq!(
        done.said.lines().next().unwrap_or_default(),
        expected,
        "{args:?}"
    );
    assert_eq!(done.status, 2, "{args:?}");
    if wire.contains("$st") && !done.lines.is_empty() {
        assert!(
            done.lines[0].starts_with(r#"{"$st":"abort","stage":"st-agg""#),
            "{:?}",
            done.lines
        );
    }
}

#[test]
fn append_needs_a_watermark_on_a_key() {
    refused(
        &["--by", "window(ts, '5 minutes'), user", "--mode", "append"],
        &Wire::bare().end(),
        "st-agg: --mode append: no watermark says when a group is final: put st-watermark ts '10 minutes' before it, \
         or use --mode update",
    );
    refused(
        &["--by", "user", "--mode", "append"],
        &Wire::marked().end(),
        "st-agg: --mode append: the watermark is on `ts`, which is no key, so no group is ever final: \
         --by \"window(ts, '5 minutes'), user\", or use --mode update",
    );
    refused(
        &["--mode", "append"],
        &Wire::marked().end(),
        "st-agg: --mode append: the watermark is on `ts`, which is no key, so no group is ever final: \
         --by \"window(ts, '5 minutes')\", or use --mode update",
    );
    // A time computed from the column is another one.
    refused(
        &[
            "--by",
            "window(ts + interval 1 hour, '5 minutes')",
            "--mode",
            "append",
        ],
        &Wire::marked().end(),
        "st-agg: --mode append: the watermark is on `ts`, which is no key, so no group is ever final: \
         --by \"window(ts, '5 minutes')\", or use --mode update",
    );
}

#[test]
fn sessions_do_not_update_and_need_a_key() {
    refused(
        &["--by", "session_window(ts, '5 minutes'), user"],
        &Wire::marked().end(),
        "st-agg: --mode update: a session that grows would leave its earlier rows behind: use --mode append, or --mode complete",
    );
    refused(
        &[
            "--by",
            "session_window(ts, '5 minutes')",
            "--mode",
            "append",
        ],
        &Wire::marked().end(),
        "st-agg: --by: a session needs a key whose it is: --by \"session_window(ts, '5 minutes'), user\" for a column `user`",
    );
}

#[test]
fn an_updating_stream_is_not_aggregated_again() {
    let upstream = json!([{"tool":"st-rate","name":"st-rate","options":{}},{"tool":"st-agg","name":"hourly","options":{}}]);
    for mode in ["update", "complete"] {
        refused(
            &["--by", "user"],
            &Wire::new(json!({"mode": mode, "keys": ["user"], "plan": upstream})).end(),
            &format!(
                "st-agg: the rows of hourly replace earlier ones ({mode} mode), so they cannot be aggregated again: \
                 give hourly --mode append, behind st-watermark"
            ),
        );
    }
}

#[test]
fn a_wrong_command_line_is_refused_before_any_row() {
    let cases = [
        (
            vec!["--order-by", "count"],
            "--order-by: the rows of update mode are never all there to be sorted or cut: use --mode complete",
        ),
        (
            vec!["--mode", "append", "--limit", "3"],
            "--limit: the rows of append mode are never all there to be sorted or cut: use --mode complete",
        ),
        (
            vec!["--by", "window(ts, '1 hour'), window(ts, '1 day') as d"],
            "--by: a row can be grouped by one window: put the other into an st-agg of its own",
        ),
        (
            vec!["--by", "window(ts, '1 month')"],
            "--by: months differ in length: give days",
        ),
        (
            vec!["--by", "window(ts, '5 minutes', '10 minutes')"],
            "--by: the slide (10 minutes) must not be longer than the window (5 minutes)",
        ),
        (
            vec!["--by", "window(ts)"],
            "--by: window is called so: window(time, size[, slide[, offset]])",
        ),
        (
            vec!["--by", "a, b as a"],
            "--by: two keys are called `a`: name one of them otherwise: `… as name`",
        ),
        (
            vec!["--by", "count(*)"],
            "--by: count is an aggregate: rows are grouped by what they hold; put it into --agg",
        ),
        (
            vec!["--by", "a", "--agg", "b"],
            "--agg: column `b` is neither in --by nor within an aggregate: any_value(b) takes one of the group's values",
        ),
        (
            vec!["--by", "a", "--agg", "count(*) as a"],
            "--agg: two columns are called `a`: name one of them otherwise, as in `… as a_2`",
        ),
        (
            vec!["--agg", "cuont(*)"],
            "--agg: no function cuont: did you mean count?",
        ),
        (
            vec!["--agg", "count(distinct u)"],
            "--agg: a stream has no distinct aggregates: use approx_count_distinct(u), or exactly, keeping every value, size(collect_set(u))",
        ),
        (
            vec!["--agg", "max(sum(v))"],
            "--agg: an aggregate within an aggregate: give the inner one an st-agg --mode append of its own",
        ),
    ];
    for (args, expected) in cases {
        refused(&args, "", &format!("st-agg: {expected}"));
    }
}

#[test]
fn a_wrong_call_is_refused_at_the_start() {
    let cases = [
        ("sum(a, b)", "sum is called so: sum(number)"),
        ("sum(*)", "sum(*) means nothing: sum(number)"),
        ("min_by(a)", "min_by is called so: min_by(value, by)"),
        (
            "percentile(v, 2)",
            "percentile: a percentage is a number from 0 to 1: percentile(number, percentage[, frequency])",
        ),
        (
            "percentile_cont(0.5)",
            "percentile_cont: wants `within group (order by number)` behind it: percentile_cont(percentage) within group (order by number)",
        ),
        (
            "max(map('a', 1))",
            "max: wants a type with an order, not MAP<STRING, INT>: max(expr)",
        ),
        (
            "sum(current_date())",
            "sum: wants a number, not DATE: sum(number)",
        ),
        (
            "first(v, w)",
            "first: ignoreNulls must be a constant: first(expr[, ignoreNulls])",
        ),
    ];
    for (call, expected) in cases {
        refused(
            &["--agg", call],
            &Wire::bare().end(),
            &format!("st-agg: --agg: {expected}"),
        );
    }
}
