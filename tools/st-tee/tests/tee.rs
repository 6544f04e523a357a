//! What a user of `st-tee` sees: the bytes each branch gets, messages and exit statuses.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use st_checkpoint::{Durability, Kind, QueryDir};
use tempfile::TempDir;

const START: &str = r#"{"$st":"start","v":1,"query":"q","epoch":-1,"schema":"n INT","mode":"append","keys":[],"watermarks":[],"plan":[]}"#;
const BODY: &str = r#"{"$st":"begin","id":0,"time":"2025-01-15T10:30:00.000Z"}
{"n":1}
{"n":2}
{"$st":"batch","id":0,"final":true,"watermark":null,"stages":[]}
{"$st":"end"}
"#;

fn marked() -> String {
    format!("{START}\n{BODY}")
}

/// The first line a branch gets.
fn start_of(branch: &str) -> String {
    let own = branch.rsplit('.').next().unwrap();
    let stage = branch.strip_suffix(own).unwrap();
    let node =
        format!(r#"{{"tool":"st-tee","name":"{stage}st-tee","options":{{"branch":"{own}"}}}}"#);
    START.replace(
        r#""plan":[]}"#,
        &format!(r#""plan":[{node}],"branch":"{branch}"}}"#),
    )
}

fn tee(folder: &TempDir, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_st-tee"))
        .args(arguments)
        .current_dir(folder.path())
        .env("TEE", env!("CARGO_BIN_EXE_st-tee"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(folder: &TempDir, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = tee(folder, arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || _ = stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn every_branch_gets_every_byte_of_plain_input() {
    let folder = TempDir::new().unwrap();
    let input: String = (0..200_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let output = run(
        &folder,
        &["cat > a", "slow=sleep 0.1; cat > b", "wc -l"],
        input.as_bytes(),
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "200000");
    assert!(read(&folder, "a") == input && read(&folder, "b") == input);
}

#[test]
fn lines_without_end_and_of_any_length_pass() {
    let folder = TempDir::new().unwrap();
    let long = "x".repeat(3 * 1024 * 1024);
    let input = format!("short\n{long}\nlast, without a newline");
    let output = run(&folder, &["cat > a"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert!(read(&folder, "a") == input);
}

#[test]
fn a_marked_stream_names_its_branch_and_is_else_the_same() {
    let folder = TempDir::new().unwrap();
    let output = run(
        &folder,
        &[
            "cat > a",
            "top=cat > b",
            r#"x="$TEE" 'cat > c' 'y=cat > d'"#,
        ],
        marked().as_bytes(),
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(read(&folder, "a"), format!("{}\n{BODY}", start_of("1")));
    assert_eq!(read(&folder, "b"), format!("{}\n{BODY}", start_of("top")));
    let outer = r#"{"tool":"st-tee","name":"st-tee","options":{"branch":"x"}},"#;
    let nested =
        |branch: &str| start_of(branch).replace(r#""plan":["#, &format!(r#""plan":[{outer}"#));
    assert_eq!(read(&folder, "c"), format!("{}\n{BODY}", nested("x.1")));
    assert_eq!(read(&folder, "d"), format!("{}\n{BODY}", nested("x.y")));
}

#[test]
fn one_byte_at_a_time_is_the_same_stream() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["cat > a"]);
    let mut stdin = child.stdin.take().unwrap();
    for byte in marked().bytes() {
        stdin.write_all(&[byte]).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(read(&folder, "a"), format!("{}\n{BODY}", start_of("1")));
}

#[test]
fn a_row_passes_at_once() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["cat"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for n in 0..3 {
        writeln!(stdin, "{{\"n\":{n}}}").unwrap();
        let mut line = String::new();
        // Would wait for ever if the row waited for more.
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{{\"n\":{n}}}\n"));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_branch_that_ends_early_leaves_the_rest_alone() {
    let folder = TempDir::new().unwrap();
    let input: String = (0..400_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let output = run(&folder, &["head -1", "cat > b"], input.as_bytes());
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(output.stdout, b"{\"n\":0}\n");
    assert!(read(&folder, "b") == input);
}

#[test]
fn when_all_branches_have_ended_so_has_it() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["head -1", "head -2"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"n\":1}\n{\"n\":2}\n").unwrap();
    // The input stays open.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(stdin);
}

#[test]
fn a_failed_branch_stops_the_others_and_fails_the_whole() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["bad=head -1; exit 3", "cat > b"]);
    let mut stdin = child.stdin.take().unwrap();
    let beginning = marked().replace("{\"$st\":\"end\"}\n", "");
    stdin.write_all(beginning.as_bytes()).unwrap();
    // The input stays open: the failure alone ends it.
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(
        stderr,
        "st-tee: branch bad failed with status 3, so the others were stopped: --keep-going lets them live\n"
    );
    let got = read(&folder, "b");
    let abort = r#"{"$st":"abort","stage":"st-tee","reason":"branch bad failed with status 3"}"#;
    assert!(got.ends_with(&format!("{abort}\n")), "{got}");
    drop(stdin);
}

#[test]
fn on_plain_input_no_marker_is_written_to_the_others() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["bad=head -1; exit 3", "cat > b"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"n\":1}\n").unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(
        stderr,
        "st-tee: branch bad failed with status 3, so the others got no more input: --keep-going lets them live\n"
    );
    assert_eq!(read(&folder, "b"), "{\"n\":1}\n");
    drop(stdin);
}

#[test]
fn keep_going_lets_the_others_live() {
    let folder = TempDir::new().unwrap();
    let output = run(
        &folder,
        &["-k", "bad=head -1 >/dev/null; exit 3", "cat > b"],
        marked().as_bytes(),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).ends_with("st-tee: branch bad failed with status 3\n"),
        "{}",
        said(&output)
    );
    assert_eq!(read(&folder, "b"), format!("{}\n{BODY}", start_of("2")));
}

#[test]
fn a_stream_that_breaks_off_fails_every_branch() {
    let folder = TempDir::new().unwrap();
    let broken = marked().replace("{\"$st\":\"end\"}\n", "");
    let output = run(&folder, &["cat > a", "cat > b; exit 1"], broken.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "st-tee: stdin: the stream broke off without its end marker: a stage upstream died; run the same line again\n"
    );
    assert!(read(&folder, "a").ends_with("\"stages\":[]}\n"));
    assert!(read(&folder, "b").ends_with("\"stages\":[]}\n"));
}

#[test]
fn an_abort_reaches_every_branch_and_is_theirs_to_say() {
    let folder = TempDir::new().unwrap();
    let abort = "{\"$st\":\"abort\",\"stage\":\"st-agg\",\"reason\":\"no\"}\n";
    for input in [
        abort.to_string(),
        marked().replace("{\"$st\":\"end\"}\n", abort),
    ] {
        let output = run(
            &folder,
            &["tail -1 > a; exit 1", "tail -1 > b"],
            input.as_bytes(),
        );
        assert_eq!((output.status.code(), said(&output)), (Some(1), ""));
        assert_eq!(
            (read(&folder, "a"), read(&folder, "b")),
            (abort.to_string(), abort.to_string())
        );
    }
}

#[test]
fn a_lost_first_line_is_reported_and_reaches_every_branch() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder, &["cat > a"], BODY.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let reason = "stdin: the stream does not begin with its start marker: did a filter drop the first line? keep lines that begin with {\"$st\":";
    assert_eq!(said(&output), format!("st-tee: {reason}\n"));
    assert!(
        read(&folder, "a")
            .starts_with(r#"{"$st":"abort","stage":"st-tee","reason":"stdin: the stream"#)
    );
}

#[test]
fn plain_says_that_no_line_is_a_marker() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder, &["--plain", "cat > a"], BODY.as_bytes());
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    assert_eq!(read(&folder, "a"), BODY);
}

#[test]
fn no_input_at_all_is_an_empty_plain_stream() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder, &["wc -c"], b"");
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), &b"0\n"[..])
    );
}

#[test]
fn exported_functions_are_branches() {
    let folder = TempDir::new().unwrap();
    let line = format!(
        "count() {{ wc -l; }}; export -f count; printf 'a\\nb\\n' | {} count",
        env!("CARGO_BIN_EXE_st-tee")
    );
    let output = Command::new("bash")
        .args(["-c", &line])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), &b"2\n"[..])
    );
}

#[test]
fn mistakes_of_usage_exit_with_2() {
    let folder = TempDir::new().unwrap();
    let none = run(&folder, &[], b"");
    assert_eq!(none.status.code(), Some(2));
    let twice = run(&folder, &["a=cat", "a=cat"], b"");
    assert_eq!(
        (twice.status.code(), said(&twice)),
        (
            Some(2),
            "st-tee: branch 2: `a` is the name of another branch: give each its own\n"
        )
    );
}

/// The first signal asks to end when the stream does; only a child of ours is signalled.
#[test]
fn a_first_signal_does_not_end_the_copy() {
    let folder = TempDir::new().unwrap();
    let mut child = tee(&folder, &["cat"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdin.write_all(b"{\"n\":1}\n").unwrap();
    stdout.read_line(&mut line).unwrap();
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    stdin.write_all(b"{\"n\":2}\n").unwrap();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "{\"n\":1}\n{\"n\":2}\n");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn branches_are_announced_in_the_checkpoint_before_they_get_their_start() {
    let folder = TempDir::new().unwrap();
    let dir = QueryDir::create_or_open(
        &folder.path().join("ck"),
        Kind::Query,
        Durability::Process,
        "st-tail",
    )
    .unwrap();
    let start = START.replace(r#""q""#, &format!("{:?}", dir.id())).replace(
        r#""epoch":-1"#,
        &format!(r#""epoch":-1,"checkpoint":{:?}"#, dir.absolute()),
    );
    // What a branch finds when its first byte is there; the inner tee has split `two` by then.
    let look = "head -c 1 > /dev/null; ls ck/joining; cat > /dev/null";
    let inner = format!("two=\"$TEE\" 'x={look}' 'cat > /dev/null'");
    let output = run(
        &folder,
        &["one=cat > /dev/null", &inner],
        format!("{start}\n{BODY}").as_bytes(),
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(seen, "one\ntwo.2\ntwo.x\n");
}

/// What a branch has whole is not taken back, though another one fails while the source is still there.
#[test]
fn nothing_follows_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let fails = "b=head -n 6 > /dev/null; until grep -q end a; do sleep 0.01; done; exit 3";
    let mut child = tee(&folder, &["a=cat > a", fails]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(marked().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(read(&folder, "a"), format!("{}\n{BODY}", start_of("a")));
}
