//! `st-tail`: `readStream` of files.

use anyhow::{Result, bail};
use serde_json::Value;
use st_stream::marker::Node;

use super::pace::Pace;
use super::python::{self, Call, attribute, call};
use super::{Frame, Program, file, given, option, refuse, schema};

pub fn read(program: &mut Program, node: &Node) -> Result<Frame> {
    let paths: Vec<&str> = node
        .options
        .get("paths")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if paths == ["-"] || given(node, "pipe") {
        return Err(refuse(
            node,
            "standard input",
            "put what comes into a folder, file by file, and read that",
        ));
    }
    if given(node, "follow") {
        return Err(refuse(
            node,
            "--follow",
            "it reads whole files: rotate the log into a folder, and read that",
        ));
    }
    let format = match option(node, "format").unwrap_or("json") {
        "tsv" => "csv",
        "by name" => bail!(
            "the files are of several formats, and a source of Spark reads one: give --format"
        ),
        format @ ("json" | "csv" | "text" | "parquet") => format,
        format => {
            return Err(refuse(
                node,
                &format!("--format {format}"),
                "read the lines as text, and take them apart with regexp_extract",
            ));
        }
    };
    let path = match paths.as_slice() {
        [one] if given(node, "watched") => one.to_string(),
        several if several.iter().all(|path| !path.contains(['{', '}', ','])) => pattern(several),
        _ => bail!("paths with braces or commas: give a folder"),
    };
    let mut notes = Vec::new();
    let mut pace = Pace::of(node, &mut notes);
    // Files that are named are read once, and that is the end.
    pace.available_now |= !given(node, "watched");
    if given(node, "from") || given(node, "skip-lost") {
        notes.push(
            "Files that are gone when they are read again: spark.sql.files.ignoreMissingFiles"
                .into(),
        );
    }
    let declared = schema(node)?;
    let mut options = file::reading(node, format)?;
    let recursive = given(node, "recursive").then(|| option_call("recursiveFileLookup", "True"));
    options.extend(recursive);

    let bad = format == "json"
        && !["mode", "strict", "column-name-of-corrupt-record"]
            .iter()
            .any(|name| given(node, name));
    if bad {
        notes.push(
            "Lines that are no JSON are left out: Spark would make rows of nulls of them".into(),
        );
    }
    let mut calls = vec![attribute("readStream")];
    let first;
    if format == "text" {
        first = None;
    } else if declared.fields.is_empty() {
        notes.push(
            "No schema is declared (st-tail --schema): the one that the files have now is taken"
                .into(),
        );
        let name = program.fresh("source_schema".to_string());
        let mut infer = vec![attribute("read")];
        infer.extend(options.iter().cloned());
        if bad {
            infer.push(call(
                "option",
                ["\"mode\"".to_string(), "\"DROPMALFORMED\"".to_string()],
            ));
        }
        infer.push(call(format, [python::text(&path)]));
        infer.push(attribute("schema"));
        program.title(node, &std::mem::take(&mut notes));
        program.body += &python::statement(&name, "spark", &infer);
        // In front: folders that are columns must stay the last ones.
        let schema = if bad {
            format!("f\"_corrupt_record STRING, {{{name}.toDDL()}}\"")
        } else {
            name.clone()
        };
        first = Some(format!("f\"`{{{name}.names[0]}}` is not null"));
        calls.push(call("schema", [schema]));
    } else {
        let corrupt = if bad { "_corrupt_record STRING, " } else { "" };
        calls.push(call(
            "schema",
            [python::text(&format!("{corrupt}{declared}"))],
        ));
        let name = python::quoted(&declared.fields[0].name);
        first = Some(format!("\"{name} is not null"));
    }
    calls.extend(options);
    if given(node, "strict") && matches!(format, "json" | "csv") {
        calls.push(option_call("mode", "\"FAILFAST\""));
    }
    for (ours, theirs) in [
        ("max-files-per-trigger", "maxFilesPerTrigger"),
        ("max-bytes-per-trigger", "maxBytesPerTrigger"),
        ("latest-first", "latestFirst"),
    ] {
        if let Some(value) = node.options.get(ours) {
            calls.push(option_call(theirs, &python::value(value)));
        }
    }
    match option(node, "clean-source") {
        Some("delete") => calls.push(option_call("cleanSource", "\"delete\"")),
        Some(archive) => {
            calls.push(option_call("cleanSource", "\"archive\""));
            let folder = archive.strip_prefix("archive=").unwrap_or(archive);
            calls.push(option_call("sourceArchiveDir", &python::text(folder)));
        }
        None => {}
    }
    calls.push(call(format, [python::text(&path)]));
    if let (true, Some(first)) = (bad, first) {
        let whole = format!(
            "{first} or _corrupt_record is null or json_object_keys(_corrupt_record) is not null\""
        );
        calls.push(call("where", [whole]));
        calls.push(call("drop", ["\"_corrupt_record\"".to_string()]));
    }
    let name = program.variable(node, "source");
    if program.body.ends_with('\n') && !notes.is_empty()
        || !program.body.contains(&format!("# {}\n", node.name))
    {
        program.title(node, &notes);
    }
    program.body += &python::statement(&name, "spark", &calls);
    Ok(Frame {
        name,
        schema: declared,
        pace,
        aggregated: None,
        sessions: Vec::new(),
    })
}

fn option_call(name: &str, value: &str) -> Call {
    call("option", [python::text(name), value.to_string()])
}

/// Several paths as one, and a single file as the pattern that Spark wants: what they have in common, the rest in braces.
fn pattern(paths: &[&str]) -> String {
    let folder = |path: &str| path.rfind('/').map_or(0, |at| at + 1);
    let mut common = paths.first().map_or("", |path| &path[..folder(path)]);
    while !paths.iter().all(|path| path.starts_with(common)) {
        common = &common[..folder(common.trim_end_matches('/'))];
    }
    let rests: Vec<&str> = paths.iter().map(|path| &path[common.len()..]).collect();
    format!("{common}{{{}}}", rests.join(","))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn paths_are_one_pattern() {
        assert_eq!(pattern(&["a.json"]), "{a.json}");
        assert_eq!(
            pattern(&["/x/y/a.json", "/x/z/b.json"]),
            "/x/{y/a.json,z/b.json}"
        );
        assert_eq!(pattern(&["x/a.json", "b.json"]), "{x/a.json,b.json}");
    }
}
