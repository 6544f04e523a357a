//! What cannot work is refused before the first row, with what would.

use serde_json::json;

use crate::run::{Wire, fold};

#[test]
fn each_refusal_names_the_mend() {
    let update =
        json!({"mode": "update", "plan": [{"tool": "st-agg", "name": "sums", "options": {}}]});
    let columns = json!({"columns": ["user", "n"]});
    let emits = "emit({n: 1})";
    let replay = "a batch that is repeated after a crash must give the same";
    for (start, args, said) in [
        (json!({}), &["--update", "."][..], "no program calls emit(…), so no row would ever come out: such as --update '… | emit($key + {n: .})'".to_string()),
        (json!({}), &["--update", "timer(1) | emit(.)"], "a timer is set, but what it does is not said: give --on-timer PROGRAM".into()),
        (json!({}), &["--update", emits, "--on-timer", "."], "--on-timer: no program sets a timer: such as --update '… | timer($time + 600)'".into()),
        (json!({}), &["--update", "timer(1) | emit(.)", "--on-timer", "."], "timer: it waits for the watermark, and there is none: put st-watermark TIME '10 minutes' before it, or use clock_timer".into()),
        (update, &["--update", emits], "the rows of sums replace earlier ones (update mode), so they cannot be folded: give sums --mode append, behind st-watermark".into()),
        (columns, &["--update", emits], "--by: no column is called `usr`: did you mean `user`?".into()),
        (json!({}), &["--update", "emit(input)"], format!("--update: `input` is not there: {replay}")),
        (json!({}), &["--update", "emit(inputs)"], format!("--update: `inputs` is not there: {replay}")),
        (json!({}), &["--update", "emit(env)"], format!("--update: `env` is not there: {replay}")),
        (json!({}), &["--update", "emit($ENV)"], format!("--update: `$ENV` is not there: {replay}")),
        (json!({}), &["--update", "emit(0 | localtime)"], format!("--update: `localtime` is not there: {replay}")),
        (json!({}), &["--update", "emit({n: 1}) | halt"], "--update: `halt` is not there: error(…) rejects the row".into()),
        (json!({}), &["--update", "debug | emit({n: 1})"], "--update: `debug` is not there: emit(…) shows a value as a row".into()),
        (json!({}), &["--update", "emit({n: 1}) | frob(1)"], "--update: there is no function `frob`".into()),
        (json!({}), &["--update", "emit({n: $x})"], "--update: there is no variable `$x`".into()),
        (json!({}), &["--update", "emit({n: 1}) | )"], "--update: at column 16, `)`: expected ".into()),
        (json!({}), &["--update", "emit({n: 1"], "--update: at the end: expected closing brace".into()),
        (json!({}), &["--update", emits, "--init", "emit({n: 1})"], "--init: emit has no place there: give it to --update".into()),
        (json!({}), &["--update", emits, "--init", "error(\"no\")"], "--init: no".into()),
        (json!({}), &["--update", emits, "--ttl", "1 month"], "invalid value '1 month' for '--ttl <D>'".into()),
    ] {
        let args = [&["--by", "usr"], args].concat();
        let done = fold(&args, &Wire::new(start, -1, None).end());
        assert_eq!(done.status, 2, "{said}: {}", done.said);
        assert!(done.said.starts_with(&format!("st-fold: {said}")), "{}", done.said);
    }
    let plain = fold(
        &[
            "--by",
            "k",
            "--update",
            "clock_timer(1) | emit(.)",
            "--on-timer",
            ".",
        ],
        "{}\n",
    );
    assert_eq!(plain.status, 2);
    assert_eq!(
        plain.said,
        "st-fold: clock_timer: plain input has no batches while it is silent: read it with st-tail - --heartbeat '1 second'\n"
    );
}
