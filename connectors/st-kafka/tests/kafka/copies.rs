//! Two runs of one query: the second is refused, and where it could not be, the first one delivers nothing any more.

use crate::harness::Dir;

const START: &str = r#"
set -o pipefail
run() { st-kafka $IN --bootstrap-servers $B --starting-offsets earliest --value row -q --checkpoint "$@" | st-sink kafka $OUT --bootstrap-servers $B -q; }
committed() { kcat -q -C -b $B -t $OUT -o beginning -c "$1" -X isolation.level=read_committed; }
echo '{"n":1}' | kcat -P -b $B -t $IN
run ck --heartbeat 100ms 2>first.err & first=$!
until committed 1 2>/dev/null; do sleep 0.1; done
"#;

#[test]
fn a_second_run_of_a_checkpoint_is_refused() {
    let Some(dir) = Dir::new() else {
        return;
    };
    let line = format!(
        "IN=twice-in OUT=twice-out; {START} run ck --available-now 2>second.err; echo \"second $?\"; pkill -TERM -P $first st-kafka; wait $first; cat second.err"
    );
    let ran = dir.bash(&line);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[..2], ["{\"n\":1}", "second 1"], "{ran:#?}");
    assert!(
        lines[2].contains("ck") && lines[2].contains("held by"),
        "{ran:#?}"
    );
}

#[test]
fn a_copy_of_a_checkpoint_fences_the_run_it_was_copied_from() {
    let Some(dir) = Dir::new() else {
        return;
    };
    let line = format!(
        "IN=fence-in OUT=fence-out; {START} cp -r ck copy; run copy --available-now; echo '{{\"n\":2}}' | kcat -P -b $B -t $IN; wait $first; echo \"first $?\"; run copy --available-now; committed 2; cat first.err"
    );
    let ran = dir.bash(&line);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[..4],
        ["{\"n\":1}", "first 1", "{\"n\":1}", "{\"n\":2}"],
        "{ran:#?}"
    );
    assert!(
        lines[4..]
            .iter()
            .any(|line| line.contains("another run of this query delivers to it")),
        "{ran:#?}"
    );
}
