//! The page: one query, then every tool under its role.

/// What a tool does, and Spark's word for it.
pub struct Entry {
    /// Its role, as the heading.
    pub role: &'static str,
    /// Its name.
    pub tool: &'static str,
    /// What it does.
    pub does: &'static str,
    /// What a user of Spark would write.
    pub spark: &'static str,
}

const fn entry(
    role: &'static str,
    tool: &'static str,
    does: &'static str,
    spark: &'static str,
) -> Entry {
    Entry {
        role,
        tool,
        does,
        spark,
    }
}

/// Every tool there is, in the order of a pipeline.
pub const TOOLS: &[Entry] = &[
    entry(
        "Sources",
        "st-rate",
        "rows by the clock",
        "readStream.format(\"rate\")",
    ),
    entry(
        "Sources",
        "st-tail",
        "files, folders, stdin",
        "readStream.json, .csv, .text",
    ),
    entry(
        "Sources",
        "st-listen",
        "a TCP port, a server",
        "readStream.format(\"socket\")",
    ),
    entry(
        "Transformations",
        "st-map",
        "filter, compute, select",
        "where, withColumn, select",
    ),
    entry(
        "Event time",
        "st-watermark",
        "how late rows may come",
        "withWatermark",
    ),
    entry(
        "Event time",
        "st-window",
        "which windows a row is in",
        "window, session_window",
    ),
    entry(
        "State",
        "st-agg",
        "groups and aggregates",
        "groupBy.agg, outputMode",
    ),
    entry("State", "st-join", "with a table or a stream", "join"),
    entry("State", "st-union", "several streams as one", "unionByName"),
    entry(
        "State",
        "st-dedup",
        "each key once",
        "dropDuplicates[WithinWatermark]",
    ),
    entry(
        "State",
        "st-fold",
        "any state per key, timers, in jq",
        "transformWithState",
    ),
    entry(
        "Sinks",
        "st-sink",
        "tables, files, SQL, commands",
        "writeStream, foreachBatch",
    ),
    entry(
        "Control",
        "st-tee",
        "one stream, several queries",
        "several writeStream.start",
    ),
    entry(
        "Control",
        "st-ps",
        "queries and how they stand",
        "streams.active, lastProgress",
    ),
    entry(
        "Control",
        "st-top",
        "queries live in the terminal",
        "the streaming tab, in text",
    ),
    entry(
        "Control",
        "st-ui",
        "queries on a web page, Prometheus",
        "the page on port 4040",
    ),
    entry(
        "Control",
        "st-state",
        "what a checkpoint holds",
        "read.format(\"statestore\")",
    ),
    entry("Control", "st-help", "this page", "the programming guide"),
];

/// What is built when asked for, and shown where it is installed.
pub const CONNECTORS: &[Entry] = &[
    entry(
        "Servers",
        "st-kafka",
        "topics of a Kafka cluster",
        "readStream.format(\"kafka\")",
    ),
    entry(
        "Servers",
        "st-sink-kafka",
        "a topic: st-sink kafka",
        "writeStream.format(\"kafka\")",
    ),
    entry(
        "Servers",
        "st-sink-postgres",
        "a table: st-sink postgres",
        "foreachBatch, write.jdbc",
    ),
    entry(
        "Servers",
        "st-sink-webhook",
        "requests: st-sink webhook",
        "foreach",
    ),
];

const QUERY: &str = "\
st: structured streaming for the shell. A query is a line of bash:

  st-tail data/events --max-files-per-trigger 1 --checkpoint ck/revenue |
    st-watermark timestamp '10 minutes' |
    st-map --where 'event_type = \"purchase\"' |
    st-agg --by 'window(timestamp, \"5 minutes\") as window, category' \\
           --agg 'sum(price) as revenue, count(*) as purchases' |
    st-sink console
";

const NOTES: &str = "
Rows are JSON lines; every tool is useful alone and pipes into jq and grep.
Kill the line, run it again: with --checkpoint it goes on where it stood, and
each row counts once. st-help TOOL shows a tool's options.
";

/// Appends the page, with those of the connectors that are `installed`.
pub fn write(out: &mut Vec<u8>, installed: impl Fn(&str) -> bool) {
    let mut text = String::from(QUERY);
    let mut role = "";
    let connectors = CONNECTORS.iter().filter(|entry| installed(entry.tool));
    for entry in TOOLS.iter().chain(connectors) {
        if entry.role != role {
            role = entry.role;
            let spark = if text.len() == QUERY.len() {
                "In Spark"
            } else {
                ""
            };
            text += format!("\n{role:<46}{spark}").trim_end();
        }
        text += &format!(
            "\n  {:<13} {:<width$} {}",
            entry.tool,
            entry.does,
            entry.spark,
            width = 42 - entry.tool.len().max(13)
        );
    }
    text += "\n";
    text += NOTES;
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_tool_there_is_has_an_entry_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let found = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut found: Vec<String> = found.collect();
        found.sort();
        let mut listed: Vec<&str> = TOOLS.iter().map(|entry| entry.tool).collect();
        listed.sort_unstable();
        assert_eq!(found, listed);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../connectors");
        assert!(
            CONNECTORS
                .iter()
                .all(|entry| std::path::Path::new(folder).join(entry.tool).is_dir())
        );
    }

    #[test]
    fn the_page_fits_one_screen() {
        let mut page = Vec::new();
        write(&mut page, |_| false);
        let page = String::from_utf8(page).unwrap();
        assert!(page.lines().count() <= 40, "{page}");
        assert!(!page.contains("kafka"), "{page}");
        let mut page = Vec::new();
        write(&mut page, |_| true);
        let page = String::from_utf8(page).unwrap();
        assert!(page.lines().all(|line| line.len() <= 79), "{page}");
        assert!(page.contains("  st-sink-postgres"), "{page}");
    }
}
