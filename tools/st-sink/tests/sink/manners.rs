//! What a sink owes a user: one clear line when it cannot go on, and nothing half done.

use std::process::Command;

use crate::harness::{Dir, Ran, Stream};

fn usage(arguments: &[&str], parts: &[&str]) {
    let ran: Ran = Dir::new().sink(arguments, "");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:#?}");
    ran.says(parts);
}

#[test]
fn what_cannot_work_is_said_with_what_can() {
    usage(
        &["jsno"],
        &["'jsno'", "'json'", "console, json", "see st-sink --help"],
    );
    usage(
        &["console", "--table", "t"],
        &["--table: belongs to sqlite, memory, not to console"],
    );
    usage(
        &["console", "--mode", "update"],
        &["--mode: belongs to st-agg: give it there"],
    );
    usage(
        &["json", "--schema", "a INT"],
        &["--schema: belongs to st-tail"],
    );
    usage(&["sqlite", "f.db"], &["which table? --table T"]);
    usage(&["sqlite", "--table", "t"], &["which database?"]);
    usage(&["parquet"], &["where to?", "st-sink parquet DIR"]);
    usage(&["json", "d", "--file", "f"], &["give one of them"]);
    usage(&["json", "d", "--append"], &["--append", "--file F"]);
    usage(&["exec"], &["which command?"]);
    usage(
        &["parquet", "d", "--compression", "lzo"],
        &["Parquet takes snappy, gzip, zstd, lz4, brotli or none"],
    );
    usage(&["console", "d"], &["takes no path"]);
}

#[test]
fn help_begins_with_an_example_and_fits_a_screen() {
    let dir = Dir::new();
    let help = dir.sink(&["-h"], "").quietly();
    assert!(help.starts_with("Example:\n  st-tail"), "{help}");
    assert!(
        help.lines().count() <= 55 && help.lines().all(|line| line.len() <= 100),
        "{help}"
    );
    for format in [
        "console", "json", "csv", "text", "parquet", "sqlite", "memory", "exec", "null",
    ] {
        let page = dir.sink(&["help", format], "").quietly();
        assert!(page.starts_with(&format!("{format}: ")), "{page}");
    }
}

#[test]
fn a_full_device_is_one_clear_line() {
    let dir = Dir::new();
    let line = format!("{} json > /dev/full", env!("CARGO_BIN_EXE_st-sink"));
    let ran = dir.run(Command::new("bash").args(["-c", &line]), "{\"n\":1}\n");
    ran.refused(&["st-sink: stdout: cannot write: No space left on device"]);
    std::os::unix::fs::symlink("/dev/full", dir.path("full")).unwrap();
    let ran = dir.sink(&["json", "--file", "full", "--append"], "{\"n\":1}\n");
    ran.refused(&["st-sink: full: cannot write: No space left on device"]);
}

#[test]
fn nobody_reading_is_a_quiet_end() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    let rows = vec![r#"{"n":1}"#; 200_000];
    let input = Stream::new(-1, &start).batch(&rows).end();
    let line = format!(
        "{} json | head -1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_st-sink")
    );
    let ran = dir.run(Command::new("bash").args(["-c", &line]), &input);
    assert_eq!(ran.quietly(), "{\"n\":1}\n0\n");
    assert_eq!(dir.query().committed().unwrap(), -1);
}

#[test]
fn a_folder_that_cannot_be_made_is_one_clear_line() {
    let dir = Dir::new();
    dir.write("file", "x");
    let input = Stream::new(-1, "\"schema\":\"\"")
        .batch(&[r#"{"n":1}"#])
        .end();
    dir.sink(&["json", "file/out"], &input)
        .refused(&["file/out: ", "see that its folder"]);
    dir.sink(&["json", "file"], &input).refused(&["file"]);
    dir.sink(&["sqlite", "file/t.db", "--table", "t"], &input)
        .refused(&["file"]);
    std::fs::create_dir(dir.path("folder")).unwrap();
    dir.sink(&["json", "--file", "folder"], &input)
        .refused(&["folder: is a folder"]);
}

#[test]
fn troubles_of_all_stages_are_said_at_the_end() {
    let dir = Dir::new();
    let start = "{\"$st\":\"start\",\"v\":1,\"query\":\"q\",\"epoch\":-1}\n{\"$st\":\"begin\",\"id\":0,\"time\":\"2025-01-15T10:30:00.000Z\"}\n";
    let stages = r#"[{"name":"st-tail","in":3,"out":2,"bad":1,"ms":0},{"name":"st-map","in":2,"out":2,"failed":2,"ms":0},{"name":"st-agg","in":2,"out":0,"late":2,"ms":0}]"#;
    let input = format!(
        "{start}{{\"$st\":\"batch\",\"id\":0,\"final\":true,\"watermark\":null,\"stages\":{stages}}}\n{{\"$st\":\"end\"}}\n"
    );
    let ran = dir.sink(&["json"], &input);
    assert_eq!(ran.status, 0);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:#?}");
    assert!(
        lines[0].starts_with("st-sink: st-agg: 2 late rows") && lines[0].contains("--late FILE")
    );
    assert!(lines[1].starts_with("st-sink: st-map: 2 expressions could not be evaluated"));
    assert!(
        lines[2].starts_with("st-sink: st-tail: 1 bad row") && lines[2].contains("--rejects FILE")
    );
    assert_eq!(dir.sink(&["json", "-q"], &input).err, "");
}

#[test]
fn progress_is_kept_in_the_checkpoint() {
    let dir = Dir::new();
    let start = dir.checkpoint();
    dir.sink(
        &["null"],
        &Stream::new(-1, &start).batch(&[r#"{"n":1}"#]).end(),
    )
    .quietly();
    let report: serde_json::Value =
        serde_json::from_str(dir.read("ck/progress/st-sink").trim()).unwrap();
    assert_eq!(
        (report["batchId"].as_i64(), report["timestamp"].as_str()),
        (Some(0), Some("2025-01-15T10:30:00.000Z"))
    );
    assert_eq!(
        (
            report["st"]["stages"][0]["name"].as_str(),
            report["st"]["stages"][1]["out"].as_i64()
        ),
        (Some("st-tail"), Some(1))
    );
}

/// A sink that is a program of its own is found on the PATH, and gets its arguments without its name.
#[test]
fn a_sink_of_your_own_may_be_named_behind_flags() {
    let dir = Dir::new();
    let program = dir.path("st-sink-mine");
    std::fs::write(&program, "#!/bin/sh\necho \"$@\"\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    for (line, got) in [
        ("mine a -q", "a -q"),
        ("-q --strict mine a", "-q --strict a"),
        ("help mine", "--help"),
    ] {
        let sink = env!("CARGO_BIN_EXE_st-sink");
        let output = std::process::Command::new(sink)
            .args(line.split(' '))
            .env("PATH", format!("{}:/usr/bin:/bin", dir.path("").display()))
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim_end(),
            got,
            "{line}: {output:?}"
        );
    }
}
