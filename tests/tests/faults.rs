#![allow(clippy::unwrap_used)]
//! What goes wrong outside a query: each fault is told in one line with its mend, the pipeline fails, and once it is
//! gone the same line delivers every row once.

use std::fmt::Write as _;
use std::path::Path;

use st_tests::{Outcome, bash, bin, run};

const SOURCE: &str = "st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q";

/// Six files of two hundred rows each, of a quarter of a kilobyte.
fn input() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    for file in 0..6 {
        let mut text = String::new();
        for n in file * 200..(file + 1) * 200 {
            writeln!(
                text,
                r#"{{"ts":"2025-01-15T10:{:02}:{:02}Z","kind":"k{}","n":{n},"pad":"{:0200}"}}"#,
                file * 2,
                n % 60,
                n % 50,
                0
            )
            .unwrap();
        }
        std::fs::write(events.join(format!("{file}.json")), text).unwrap();
    }
    folder
}

fn at(folder: &Path, line: &str) -> Outcome {
    run(bash(&bin().unwrap(), folder, line)).unwrap()
}

/// A line that must end well and say nothing.
fn well(folder: &Path, line: &str) -> String {
    let ran = at(folder, line);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{line}");
    ran.out()
}

/// A line that must fail and say just this, `$PWD` standing for the folder.
fn fails(folder: &Path, line: &str, said: &str) {
    let ran = at(folder, line);
    let seen = ran.err().replace(&folder.display().to_string(), "$PWD");
    assert_eq!((ran.status, seen.trim_end()), (1, said), "{line}");
}

/// The numbers of all rows, in order and each once.
fn all(count: usize) -> String {
    (0..count).fold(String::new(), |text, n| text + &n.to_string() + "\n")
}

/// No file of the stage marked `LIMIT` may grow beyond so many blocks of 1024 bytes.
fn limited(line: &str, blocks: u32) -> String {
    let limit = format!("eval 'trap \"\" XFSZ; ulimit -f {blocks};'");
    let (before, after) = line.split_once("LIMIT ").unwrap();
    match before.rsplit_once('|') {
        Some((above, _)) => format!("{above}| {{ {limit} {after}; }}"),
        None => format!("{limit} {after}"),
    }
}

const MEND: &str =
    "File too large (os error 27): raise the limit (ulimit -f) and run the same line again";

/// A sink that cannot write more, then can.
fn no_room(sink: &str, said: &str, numbers: &str) {
    let folder = input();
    let line = format!("{SOURCE} | LIMIT st-sink {sink} -q");
    fails(folder.path(), &limited(&line, 60), said);
    well(folder.path(), &line.replace("LIMIT ", ""));
    assert_eq!(well(folder.path(), numbers), all(1200), "{sink}");
}

#[test]
fn no_room_for_a_file_that_grows() {
    no_room(
        "json --file out.json",
        &format!("st-sink: out.json: cannot write: {MEND}"),
        "jq .n out.json",
    );
    no_room(
        "csv --file out.csv",
        &format!("st-sink: out.csv: cannot write: {MEND}"),
        "cut -d, -f3 out.csv | tail -n +2",
    );
}

#[test]
fn no_room_for_a_file_of_a_folder() {
    let folder = input();
    let line = format!("{SOURCE} | LIMIT st-sink json out -q");
    let said = format!("st-sink: out/.st-sink/0-0.tmp: cannot write: {MEND}");
    fails(folder.path(), &limited(&line, 20), &said);
    assert_eq!(well(folder.path(), "ls out"), "");
    well(folder.path(), &line.replace("LIMIT ", ""));
    assert_eq!(well(folder.path(), "cat out/* | jq .n"), all(1200));
}

#[test]
fn no_room_in_the_checkpoint_for_state() {
    let folder = input();
    let line = |agg: &str| format!("{SOURCE} | {agg} | st-sink sqlite o.db --table t -q");
    let agg = "st-agg --by n,pad -q";
    let narrow = format!("{{ trap '' XFSZ; ulimit -f 100; {agg}; }}");
    let told = format!("$PWD/ck/state/st-agg@0.ndjson: cannot write: {MEND}");
    let ran = at(folder.path(), &line(&narrow));
    let mut seen: Vec<String> = ran
        .err()
        .replace(&folder.path().display().to_string(), "$PWD")
        .lines()
        .map(str::to_string)
        .collect();
    seen.sort();
    let expected = [
        format!("st-agg: {told}"),
        format!("st-sink: the query stopped, the open batch is discarded: st-agg failed: {told}"),
    ];
    assert_eq!((ran.status, seen), (1, expected.to_vec()));
    well(folder.path(), &line(agg));
    let counted = well(
        folder.path(),
        "sqlite3 o.db 'select count(*), sum(n), sum(count) from t'",
    );
    assert_eq!(counted, "1200|719400|1200\n");
}

/// Runs where a small file system can be mounted.
#[test]
fn a_disk_that_is_full() {
    for (sink, numbers) in [
        ("json small/out", "cat small/out/* | jq .n"),
        ("json --file small/o.json", "jq .n small/o.json"),
        (
            "csv --file small/o.csv",
            "cut -d, -f3 small/o.csv | tail -n +2",
        ),
        (
            "sqlite small/o.db --table t",
            "sqlite3 small/o.db 'select n from t order by n'",
        ),
    ] {
        let folder = input();
        let mount = "mkdir small && unshare -m true && mount -t tmpfs -o size=96k tmpfs small";
        if at(folder.path(), mount).status != 0 {
            return;
        }
        let line = format!("{SOURCE} | st-sink {sink} -q");
        let full = at(folder.path(), &line);
        let roomy = at(folder.path(), "mount -o remount,size=10m small");
        let again = at(folder.path(), &line);
        let delivered = at(folder.path(), numbers);
        let gone = at(folder.path(), "umount small");
        assert_eq!((roomy.status, gone.status), (0, 0));
        let said = full.err();
        assert_eq!(
            (full.status, said.lines().count()),
            (1, 1),
            "{sink}: {said}"
        );
        assert!(
            said.ends_with(": make room and run the same line again\n"),
            "{said}"
        );
        assert_eq!((again.status, again.err().as_str()), (0, ""), "{sink}");
        assert_eq!(delivered.out(), all(1200), "{sink}");
    }
}

#[test]
fn a_file_that_vanishes_before_it_is_read() {
    let folder = input();
    // More than all pipes hold, so that st-tail cannot be through when the last file goes.
    let big = std::fs::read(folder.path().join("events/0.json"))
        .unwrap()
        .repeat(200);
    std::fs::write(folder.path().join("events/1.json"), big).unwrap();
    well(folder.path(), "touch -d 2020-01-01 events/1.json");
    let line = "st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q | { read -r start; STEP; printf '%s\\n' \"$start\"; cat; } |
      st-sink json --file out.json -q";
    let ran = at(
        folder.path(),
        &line.replace("STEP", "mv events/5.json gone"),
    );
    let gone = "st-tail: events/5.json: is gone before it was read: put it back, or go on without it with --skip-lost\n";
    assert_eq!(ran.status, 1);
    assert!(ran.err().contains(gone), "{}", ran.err());
    well(folder.path(), "mv gone events/5.json");
    well(folder.path(), &line.replace("STEP", ":"));
    assert_eq!(well(folder.path(), "jq .n out.json | wc -l"), "41000\n");
    assert_eq!(well(folder.path(), "jq .n out.json | sort -nu"), {
        let rows = std::fs::read_to_string(folder.path().join("events/1.json")).unwrap();
        assert!(rows.starts_with("{\"ts\":\"2025-01-15T10:00"));
        (0..200)
            .chain(400..1200)
            .fold(String::new(), |text, n| text + &n.to_string() + "\n")
    });
}

#[test]
fn a_recorded_file_that_is_gone() {
    let folder = input();
    let line = format!("{SOURCE} | $KILL st-sink json --file out.json -q");
    let mut killed = bash(&bin().unwrap(), folder.path(), &line);
    killed.env("KILL", "env ST_FAIL=sink.before_commit:3");
    assert_eq!(run(killed).unwrap().status, 137);
    well(folder.path(), "mv events/2.json gone");
    let gone = "batch 2 cannot be read again: events/2.json: is gone: put it back, or go on without it with --skip-lost";
    let ran = at(folder.path(), &line);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err().contains(&format!("st-tail: {gone}\n")),
        "{}",
        ran.err()
    );
    well(folder.path(), "mv gone events/2.json");
    well(folder.path(), &line);
    assert_eq!(well(folder.path(), "jq .n out.json"), all(1200));
}

#[test]
fn a_checkpoint_deleted_under_a_running_query() {
    let folder = tempfile::tempdir().unwrap();
    // The branch deletes the folder when it has the first row.
    let line = "st-rate --rows-per-batch 5 --checkpoint ck -q | { read -r a; read -r b; read -r c; rm -r ck/offsets ck/commits; printf '%s\\n' \"$a\" \"$b\" \"$c\"; cat; } |
      st-sink json --file out.json -q";
    let ran = at(folder.path(), line);
    let said = ran.err();
    assert_eq!(ran.status, 1, "{said}");
    let told = "st-rate: ck/offsets/st-rate: was removed while the query runs: restore it from a copy, or start afresh with a new --checkpoint\n";
    assert!(said.contains(told), "{said}");
}

/// The whole of it; the mend is the last copy, or a new one and a target that is written anew.
#[test]
fn a_checkpoint_deleted_under_a_running_query_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let rate = |rows: &str| format!("st-rate --rows-per-batch 5 {rows} --checkpoint ck -q");
    let agg = "st-agg --agg \"count(*) as n, sum(value) as total\" --mode complete -q";
    let sink = "st-sink json --file out.json -q";
    let line = format!(
        "{} | st-tee 'rows={sink}' 'all={agg} | st-sink json --file all.json -q' -q",
        rate("--rows 20")
    );
    well(folder.path(), &line);
    well(folder.path(), "cp -a ck kept");
    let deleted = format!(
        "{} | {{ read -r a; read -r b; read -r c; rm -r ck; printf '%s\\n' \"$a\" \"$b\" \"$c\"; cat; }} | st-tee 'rows={sink}' 'all={agg} | st-sink json --file all.json -q' -q",
        rate("")
    );
    let ran = at(folder.path(), &deleted);
    let said = ran.err();
    assert_eq!(ran.status, 1, "{said}");
    assert!(
        said.contains("was removed")
            && said.contains(": restore it from a copy, or start afresh with a new --checkpoint"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
    let longer = line.replace("--rows 20", "--rows 40");
    well(folder.path(), "rm -rf ck; cp -a kept ck");
    well(folder.path(), &longer);
    assert_eq!(well(folder.path(), "jq .value out.json"), all(40));
    assert_eq!(
        well(folder.path(), "cat all.json"),
        "{\"n\":40,\"total\":780}\n"
    );
    // Afresh: what is there is another query's, unless it may be replaced.
    well(folder.path(), "rm -r ck");
    let ran = at(folder.path(), &longer);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err()
            .contains("out.json: belongs to sink rows.st-sink of query "),
        "{}",
        ran.err()
    );
    well(
        folder.path(),
        &longer.replace("st-sink json", "st-sink json --overwrite"),
    );
    assert_eq!(well(folder.path(), "jq .value out.json"), all(40));
    assert_eq!(
        well(folder.path(), "cat all.json"),
        "{\"n\":40,\"total\":780}\n"
    );
}

#[test]
fn two_runs_of_one_query_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // The first source is gone when the second one starts, so that there is one lock to wait for: the sink's.
    let line = "mkfifo go; { st-rate --rows-per-batch 5 --rows 10 --checkpoint ck -q; : > sent; } | { read -r a; printf '%s\\n' \"$a\"; read -r x < go; cat; } | st-sink json --file out.json -q &
      until [ -s ck/locks/st-sink ] && [ -e sent ]; do :; done
      st-rate --rows-per-batch 5 --rows 10 --checkpoint ck | st-sink json --file out.json -q; echo \"second $?\"
      echo > go; wait $!; echo \"first $?\"; jq .value out.json";
    let ran = at(folder.path(), line);
    let said = ran.err();
    assert_eq!(
        ran.out(),
        format!("second 1\nfirst 0\n{}", all(10)),
        "{said}"
    );
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains(": waiting for st-"), "{said}");
    assert!(lines[1].contains(": stop it first"), "{said}");
}

#[test]
fn two_stages_of_one_name() {
    let folder = input();
    let line =
        format!("{SOURCE} | st-agg --name a -q | st-agg --name a -q | st-sink null -q 2>/dev/null");
    fails(
        folder.path(),
        &line,
        "a: --name a: another stage of this pipeline has that name: give each its own",
    );
}

#[test]
fn another_definition_of_a_stage() {
    let folder = input();
    let line = |by: &str| {
        format!("{SOURCE} | st-agg --by '{by}' -q 2>agg.err | st-sink sqlite o.db --table t -q")
    };
    well(folder.path(), &line("kind"));
    let changed = "$PWD/ck/state/st-agg@0.ndjson: the definition changed: by[0] was \"kind\", now \"n%2\": give the old options, or start afresh with a new --checkpoint";
    fails(
        folder.path(),
        &line("n % 2 as kind"),
        &format!(
            "st-sink: the query stopped, the open batch is discarded: st-agg failed: {changed}"
        ),
    );
    well(folder.path(), &line("kind"));
    let rows = "sqlite3 o.db 'select count(*), sum(count) from t'";
    assert_eq!(well(folder.path(), rows), "50|1200\n");
}

#[test]
fn a_checkpoint_of_a_newer_version() {
    let folder = input();
    let line = format!("{SOURCE} 2>source.err | st-sink json --file out.json -q");
    well(folder.path(), &line);
    well(
        folder.path(),
        "cp ck/metadata old; sed -i 's/\"st-checkpoint\":1/\"st-checkpoint\":2/' ck/metadata",
    );
    fails(
        folder.path(),
        &line,
        "st-sink: the query stopped, the open batch is discarded: st-tail failed: ck/metadata: written by a newer st (format 2, this one knows 1): install that version",
    );
    well(folder.path(), "cp old ck/metadata");
    well(folder.path(), &line);
    assert_eq!(well(folder.path(), "jq .n out.json"), all(1200));
}

#[test]
fn a_target_of_another_checkpoint_and_the_reverse() {
    let folder = input();
    let line = format!("{SOURCE} | st-sink sqlite o.db --table t -q");
    well(folder.path(), &line);
    well(folder.path(), "mv ck first");
    let ran = at(folder.path(), &line);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err()
            .starts_with("st-sink: o.db: table t: belongs to sink st-sink of query ")
            && ran
                .err()
                .ends_with(": --overwrite replaces it, or give another --table\n"),
        "{}",
        ran.err()
    );
    well(folder.path(), "rm -r ck; mv first ck; mv o.db kept.db");
    fails(
        folder.path(),
        &line,
        "st-sink: o.db: table t: is gone, though this sink has delivered there up to batch 5: put the database back, or begin anew: rm $PWD/ck/commits/st-sink",
    );
    well(folder.path(), "rm -f o.db; mv kept.db o.db");
    well(folder.path(), &line);
    assert_eq!(
        well(folder.path(), "sqlite3 o.db 'select n from t order by n'"),
        all(1200)
    );
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = input();
    // Root may write everywhere, so the tool runs without root's rights if the test has them.
    let line = "mkdir ro; chmod 555 ro; chmod 755 .; drop=; [ $(id -u) = 0 ] && drop='setpriv --reuid=65534 --clear-groups';
      st-tail events/*.json -q | $drop $(type -P st-sink) json --file ro/out.json -q";
    if at(
        folder.path(),
        "[ $(id -u) != 0 ] || setpriv --reuid=65534 --clear-groups $(type -P st-sink) --version",
    )
    .status
        != 0
    {
        return;
    }
    fails(
        folder.path(),
        line,
        "st-sink: ro/out.json: Permission denied (os error 13): see that its folder is there and can be written",
    );
}

/// The clock of batches never goes back, whatever the machine's does.
#[test]
fn a_clock_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let line = "st-rate --rows-per-batch 1 --rows ROWS --checkpoint ck -q | st-map --set 'now = current_timestamp()' -q | st-sink json --file out.json -q";
    well(folder.path(), &line.replace("ROWS", "2"));
    // The second batch was recorded while the clock was wrong.
    let offsets = folder.path().join("ck/offsets/st-rate");
    let text = std::fs::read_to_string(&offsets).unwrap();
    let (above, last) = text.trim_end().rsplit_once('\n').unwrap();
    let from = last.find("\"time\":\"").unwrap() + 8;
    let body = &last[..last.find(",\"crc\"").unwrap()];
    let moved = format!(
        "{}2099-01-01T00:00:00.000Z{}",
        &body[..from],
        &body[from + 24..]
    );
    let crc = crc32fast::hash(moved.as_bytes());
    std::fs::write(
        &offsets,
        format!("{above}\n{moved},\"crc\":\"{crc:08x}\"}}\n"),
    )
    .unwrap();
    well(folder.path(), &line.replace("ROWS", "4"));
    let times = well(folder.path(), "jq -r .now out.json | tail -n +3");
    assert_eq!(times, "2099-01-01T00:00:00.000Z\n".repeat(2));
    assert_eq!(well(folder.path(), "jq .value out.json"), all(4));
}
