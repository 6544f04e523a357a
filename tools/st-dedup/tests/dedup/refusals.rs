//! What cannot work is refused before the first row, with what would.

use serde_json::json;

use crate::run::{Wire, dedup};

#[test]
fn each_refusal_names_the_mend() {
    let marked = json!({"watermarks": [{"delay": "1 hour", "columns": [["ts", "time"]]}]});
    let two = json!({"watermarks": [{"delay": "1 hour", "columns": [["ts", "time"]]}, {"delay": "1 day", "columns": [["us", "time"]]}]});
    let update =
        json!({"mode": "update", "plan": [{"tool": "st-agg", "name": "sums", "options": {}}]});
    let columns = json!({"columns": ["user", "n"]});
    for (start, args, said) in [
        (
            json!({}),
            &["--by", "id"][..],
            "--by 'id': without a watermark every key would be kept for ever: put st-watermark TIME '10 minutes' before it and add --within-watermark, or say --forever",
        ),
        (
            json!({}),
            &[],
            "without a watermark every row would be kept for ever: put st-watermark TIME '10 minutes' before it, or say --forever",
        ),
        (
            marked.clone(),
            &["--by", "a, b"],
            "--by 'a, b': without the event time among them every key would be kept for ever: --by 'a, b, ts', or --within-watermark to forget keys after 1 hour, or --forever to keep them",
        ),
        (
            json!({}),
            &["--by", "id", "--within-watermark"],
            "--within-watermark: there is no watermark: put st-watermark TIME '10 minutes' before it",
        ),
        (
            two,
            &["--by", "id", "--within-watermark"],
            "--within-watermark: `ts` and `us` have a watermark each: leave one of the two out",
        ),
        (
            update,
            &["--by", "id", "--forever"],
            "the rows of sums replace earlier ones (update mode), so none is a duplicate: give sums --mode append, behind st-watermark",
        ),
        (
            columns.clone(),
            &["--by", "usr", "--forever"],
            "--by: no column is called `usr`: did you mean `user`?",
        ),
        (
            columns,
            &["--by", "window", "--forever"],
            "--by: no column is called `window`: there are user, n",
        ),
        (
            json!({}),
            &["--by", "a, a", "--forever"],
            "--by: `a` is there twice: leave one out",
        ),
        (
            marked,
            &["--by", "a", "--forever", "--within-watermark"],
            "the argument '--forever' cannot be used with '--within-watermark'",
        ),
    ] {
        let done = dedup(args, &Wire::new(start, -1, None).end());
        assert_eq!(done.status, 2, "{said}");
        assert!(
            done.said.starts_with(&format!("st-dedup: {said}")),
            "{}",
            done.said
        );
    }
    let done = dedup(&["--by", "a.b + 1", "--forever"], "");
    assert_eq!(done.status, 2);
    assert!(done.said.starts_with("st-dedup: --by: "), "{}", done.said);
}
