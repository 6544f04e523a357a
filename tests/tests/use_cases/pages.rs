//! What the pages quote stands in the scripts, and what they show is what the scripts print.

use std::path::Path;

use st_tests::root;

use crate::{script, succeed, work};

const NAMES: [&str; 5] = [
    "clickstream",
    "fraud",
    "iot-sensors",
    "log-monitoring",
    "social-trends",
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first fenced block of a page in this language.
fn block(page: &str, language: &str) -> String {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_string()
}

#[test]
fn pipelines_quoted_in_a_page_stand_in_its_query() {
    for name in NAMES {
        let folder = root().join("examples/use-cases").join(name);
        let (page, query) = (read(&folder.join("README.md")), read(&folder.join("query")));
        assert!(page.starts_with("# "), "{name}: make help prints the title");
        assert!(query.contains(&block(&page, "bash")), "{name}");
    }
}

/// The same lines in the same order, `…` standing for those left out. The script starts its own servers.
fn shows_what_it_prints(name: &str) {
    let folder = work(name);
    let mut command = script(
        folder.path(),
        &format!("exec examples/use-cases/{name}/run"),
    );
    command.env("PACE", "--available-now");
    let printed = succeed(command).out();
    let page = read(
        &root()
            .join("examples/use-cases")
            .join(name)
            .join("README.md"),
    );
    let mut lines = printed.lines().map(str::trim_end);
    for line in block(&page, "text").lines().map(str::trim_end) {
        if line != "…" && !line.is_empty() {
            assert!(
                lines.any(|printed| printed == line),
                "{name}: is not printed there: {line}\n{printed}"
            );
        }
    }
}

#[test]
fn clickstream_shows_what_it_prints() {
    shows_what_it_prints("clickstream");
}

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn log_monitoring_shows_what_it_prints() {
    shows_what_it_prints("log-monitoring");
}

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn sensors_show_what_they_print() {
    shows_what_it_prints("iot-sensors");
}

#[test]
#[ignore = "needs Kafka: make test-use-cases"]
fn trends_show_what_they_print() {
    shows_what_it_prints("social-trends");
}

#[test]
#[ignore = "needs Kafka and PostgreSQL: make test-use-cases"]
fn fraud_shows_what_it_prints() {
    shows_what_it_prints("fraud");
}
