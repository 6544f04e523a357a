//! A marked stream that somebody has damaged between two stages.

use crate::ran::Folder;

const STAGES: &[&str] = &[
    "st-map --where true",
    "st-map --where 'k = 1' --set 'x = k'",
    "st-map --set 'n = n + 1'",
    "st-map --through cat",
    "st-watermark ts 1s",
    "st-window ts 1s",
    "st-agg --by k",
    "st-agg --by 'window(ts, \"1 second\") as w' --mode complete",
    "st-sink null",
    "st-sink json",
    "st-sink json out",
    "st-sink csv --file out",
    "st-sink parquet out",
    "st-sink sqlite out.db --table t",
    "st-sink console",
    "st-sink text --file out",
    "st-sink exec 'cat > out'",
];

/// A sound stream of one batch.
fn wire(folder: &Folder) -> Vec<Vec<u8>> {
    folder.write(
        "sound.json",
        "{\"ts\":\"2025-01-15T10:00:00Z\",\"k\":\"a\",\"n\":1}\n".repeat(3),
    );
    folder.done("st-tail sound.json -q > sound");
    folder.rows("sound")
}

/// Lines that were spoiled behind the source: the stages trust that rows were checked, and still none panics, and every line is
/// handed on or rejected, or the stage stops with one line.
#[test]
fn spoiled_rows_in_a_batch_never_panic() {
    let folder = Folder::new();
    let sound = wire(&folder);
    let begin = sound
        .iter()
        .position(|line| line.starts_with(b"{\"$st\":\"begin\""))
        .unwrap();
    let mut spoiled = sound[..=begin].to_vec();
    let lines: Vec<_> = folder
        .lines
        .iter()
        .map(|line| line.bytes.clone())
        .filter(|line| !line.starts_with(b"{\"$st\":"))
        .collect();
    let given = lines.len() as u64 + 3;
    spoiled.extend(lines);
    spoiled.extend_from_slice(&sound[begin + 1..]);
    folder.write("spoiled", [spoiled.join(&b'\n'), b"\n".to_vec()].concat());
    for stage in STAGES {
        folder.done("rm -rf out out.db .out* bad next");
        let ran = folder.bash(&format!("{stage} -q --rejects bad < spoiled > next"));
        assert!(ran.status <= 1, "{stage}: {}", ran.err());
        assert_eq!(
            ran.err().lines().count() as i32,
            ran.status,
            "{stage}: {}",
            ran.err()
        );
        if ran.status == 0 && !stage.starts_with("st-sink") {
            let stages = folder.wire("next");
            let sums = stages
                .iter()
                .find(|(name, _)| stage.starts_with(name.as_str()))
                .unwrap()
                .1;
            assert_eq!(sums.read, given, "{stage}");
            if !stage.starts_with("st-agg") {
                sums.balanced();
            }
            assert_eq!(folder.rows("bad").len() as u64, sums.bad, "{stage}");
        }
    }
}

/// A marker that a stage did not write: the stream stops with one line, and no sink commits the batch.
#[test]
fn a_marker_forged_in_the_stream_stops_it() {
    let forged = [
        r#"{"$st":"start","v":1,"query":"x","epoch":-1,"schema":"","mode":"append","keys":[],"watermarks":[],"plan":[]}"#,
        r#"{"$st":"begin","id":0,"time":"2025-01-15T10:00:00.000Z"}"#,
        r#"{"$st":"begin","id":1,"time":"2025-01-15T10:00:00.000Z"}"#,
        r#"{"$st":"batch","id":7,"final":true,"watermark":null,"stages":[]}"#,
        r#"{"$st":"batch","id":0,"final":true,"watermark":"2999-01-01T00:00:00.000Z","stages":[]}"#,
        r#"{"$st":"batch"}"#,
        r#"{"$st":"watermark","time":"2999-01-01T00:00:00.000Z","columns":{}}"#,
        r#"{"$st":"watermark","time":"not a time","columns":{}}"#,
        r#"{"$st":"end"}"#,
        r#"{"$st":"abort","stage":"st-tail","reason":"forged"}"#,
        r#"{"$st":"abort"}"#,
        r#"{"$st":"unheard of"}"#,
        r#"{"$st":null}"#,
        r#"{"$st":"#,
        r#"{"$st":"end""#,
    ];
    for forged in forged {
        for stage in STAGES {
            let folder = Folder::new();
            let mut lines = wire(&folder);
            let row = lines
                .iter()
                .position(|line| line.starts_with(b"{\"ts\""))
                .unwrap();
            lines.insert(row + 1, forged.as_bytes().to_vec());
            folder.write("forged", [lines.join(&b'\n'), b"\n".to_vec()].concat());
            let ran = folder.bash(&format!("{stage} -q --rejects bad < forged > next"));
            assert_eq!(ran.status, 1, "{stage} {forged}: {}", ran.err());
            assert!(ran.err().lines().count() <= 1, "{stage}: {}", ran.err());
            let next = String::from_utf8(folder.read("next")).unwrap();
            if stage.starts_with("st-sink") {
                assert_eq!(ran.err().lines().count(), 1, "{stage} {forged}");
                // At most once a row was shown; none was kept.
                for out in ["out", "out.db"] {
                    let left = folder.path(out);
                    let rows = if left.is_dir() {
                        std::fs::read_dir(&left)
                            .unwrap()
                            .filter(|file| {
                                !file
                                    .as_ref()
                                    .unwrap()
                                    .file_name()
                                    .to_string_lossy()
                                    .starts_with('.')
                            })
                            .count()
                    } else if out == "out" {
                        folder.read(out).len()
                    } else {
                        0
                    };
                    assert_eq!(rows, 0, "{stage} {forged}");
                }
            } else {
                assert!(
                    !next.contains("\"$st\":\"batch\""),
                    "{stage} {forged}: {next}"
                );
                assert!(
                    next.contains("\"$st\":\"abort\""),
                    "{stage} {forged}: {next}"
                );
                assert!(
                    next.lines().last().unwrap().contains("\"abort\""),
                    "{stage} {forged}: {next}"
                );
            }
        }
    }
}
