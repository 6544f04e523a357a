#![allow(clippy::unwrap_used)]
//! The log pipelines of `examples/logs`: what a page quotes stands in its script, and what it shows is what the script prints.
//!
//! The sample lines are made by `scripts/sample-logs`; the answers of the pages are checked against awk and grep here.

use std::path::Path;

use st_tests::{bash, bin, root, run};

const PAGES: [&str; 4] = ["access", "logfmt", "syslog", "journal"];

fn block(page: &str, language: &str) -> String {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_string()
}

fn printed(work: &Path, name: &str) -> String {
    let line = format!("exec examples/logs/{name}/run");
    let mut command = bash(&bin().unwrap(), &root(), &line);
    command.env("ST_BIN", bin().unwrap()).env("ST_WORK", work);
    let ran = run(command).unwrap();
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{name}");
    ran.out()
}

#[test]
fn pages_quote_their_scripts_and_show_what_they_print() {
    let work = tempfile::tempdir().unwrap();
    for name in PAGES {
        let folder = root().join("examples/logs").join(name);
        let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let script = std::fs::read_to_string(folder.join("run")).unwrap();
        assert!(script.contains(&block(&page, "bash")), "{name}");
        assert_eq!(printed(work.path(), name), block(&page, "text"), "{name}");
    }
}

/// Other tools count the same.
#[test]
fn plain_tools_count_the_same() {
    let work = tempfile::tempdir().unwrap();
    let plain = |line: &str| {
        let ran = run(bash(&bin().unwrap(), &work.path().join("data/logs"), line)).unwrap();
        ran.out()
    };
    let access = printed(work.path(), "access");
    for path in ["/cart", "/api/stock"] {
        let counted = plain(&format!("grep -c ' {path} HTTP' access.log"));
        let row = access
            .lines()
            .find(|line| line.contains(&format!("|{path} ")))
            .unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2], counted.trim(), "{path}");
    }
    let logfmt = printed(work.path(), "logfmt");
    for service in ["cart", "search", "stock"] {
        let counted = plain(&format!("grep -c 'svc={service} ' app.log"));
        let wanted = format!("{{\"svc\":\"{service}\",\"requests\":{},", counted.trim());
        assert!(logfmt.contains(&wanted), "{wanted}\n{logfmt}");
    }
    let syslog = printed(work.path(), "syslog");
    for line in syslog.lines() {
        let mut cells = line.split(',');
        let (ip, failed) = (cells.next().unwrap(), cells.next().unwrap());
        let counted = plain(&format!("grep 'Failed.*from {ip} ' syslog | wc -l"));
        assert_eq!(counted.trim(), failed, "{ip}");
    }
    let journal = printed(work.path(), "journal");
    let errors: u32 = journal
        .lines()
        .map(|line| line.split(',').nth(1).unwrap().parse::<u32>().unwrap())
        .sum();
    let counted = plain("grep -c '\"PRIORITY\":\"3\"' journal.ndjson");
    assert_eq!(errors.to_string(), counted.trim());
}
