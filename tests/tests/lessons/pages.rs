//! What the pages say is what the scripts do, and the README's commands give what it shows.

use std::path::Path;

use st_tests::{bash, bin, root, run};

use crate::{script, succeed, work};

/// The fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(name)) => open = Some((name == language, String::new())),
            (Some((wanted, block)), Some(_)) => {
                if *wanted {
                    found.push(std::mem::take(block));
                }
                open = None;
            }
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn pipelines_quoted_in_a_lesson_stand_in_its_script() {
    let mut lessons = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        // Pages of another kind have tests of their own.
        if !folder.join("run").is_file() {
            continue;
        }
        lessons += 1;
        let (page, script) = (read(&folder.join("README.md")), read(&folder.join("run")));
        assert!(
            page.starts_with("# "),
            "{}: make help prints the title",
            folder.display()
        );
        let quoted = blocks(&page, "bash");
        assert!(
            !quoted.is_empty(),
            "{}: quotes no pipeline",
            folder.display()
        );
        for block in quoted {
            assert!(
                script.contains(&block),
                "{}: not in run:\n{block}",
                folder.display()
            );
        }
    }
    assert_eq!(lessons, 8);
}

/// What a page shows is what the script prints: the same lines in the same order, `…` standing for those left out.
#[test]
fn pages_show_what_the_scripts_print() {
    // Lesson 01 shows the time of day, 05 needs a server.
    for name in [
        "02-output-modes",
        "03-files",
        "04-several-sinks",
        "06-windows",
        "07-watermarks",
        "08-ecommerce",
    ] {
        let output = printed(name);
        let page = read(&root().join("examples").join(name).join("README.md"));
        let (_, seen) = page.split_once("## What you will see").unwrap();
        shown(&output, &blocks(seen, "text")[0], name);
        if name == "08-ecommerce" {
            shown(
                &output,
                &blocks(&read(&root().join("README.md")), "text")[0],
                "README.md",
            );
        }
    }
}

/// The output of a lesson over all that its simulator would bring.
fn printed(name: &str) -> String {
    let folder = work();
    let mut command = crate::lesson(folder.path(), name, "--available-now");
    if name == "08-ecommerce" {
        succeed(script(folder.path(), "scripts/simulate-shop 12 0"));
        command.env("KEEP", "1").env("LIVE", "0");
    }
    succeed(command).out()
}

fn shown(printed: &str, page: &str, name: &str) {
    let mut lines = printed.lines().map(str::trim_end);
    for line in page.lines().filter(|line| *line != "…" && !line.is_empty()) {
        assert!(
            lines.any(|printed| printed == line),
            "{name}: is not printed there: {line}\n{printed}"
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    for folder in ["docs", "examples"] {
        let found = run(bash(
            &bin().unwrap(),
            &root(),
            &format!("find {folder} -name '*.md'"),
        ))
        .unwrap();
        pages.extend(found.out().lines().map(|line| root().join(line)));
    }
    for page in pages {
        for link in read(&page).split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target} is not there", page.display());
        }
    }
}

/// Lines that begin with `$ ` are run, in one folder per page; the lines after one are what it must print.
fn run_console(name: &str) {
    let page = read(&root().join(name));
    let folder = work();
    let blocks = blocks(&page, "console");
    assert!(!blocks.is_empty(), "{name}: no console block");
    for block in blocks {
        for part in format!("\n{block}").split("\n$ ").skip(1) {
            let (line, expected) = part.split_once('\n').unwrap_or((part, ""));
            let ran = run(bash(&bin().unwrap(), folder.path(), line)).unwrap();
            assert_eq!(
                ran.out().trim_end(),
                expected.trim_end(),
                "{name}: $ {line}\n{}",
                ran.err()
            );
        }
    }
}

#[test]
fn commands_of_the_readme_give_what_it_shows() {
    run_console("README.md");
}

#[test]
fn commands_of_the_quick_reference_give_what_it_shows() {
    run_console("docs/QUICK-REFERENCE.md");
}

#[test]
fn commands_of_the_semantics_page_give_what_it_shows() {
    run_console("docs/SEMANTICS.md");
}

#[test]
fn commands_of_the_troubleshooting_page_give_what_it_shows() {
    run_console("docs/TROUBLESHOOTING.md");
}

/// The query that the README explains gives the revenue that summing by hand gives.
#[test]
fn the_query_of_the_readme_runs() {
    let folder = work();
    let query = &blocks(&read(&root().join("README.md")), "bash")[0];
    let ran = run(bash(&bin().unwrap(), folder.path(), query)).unwrap();
    assert_eq!(ran.status, 0, "{}", ran.err());
    assert_eq!(crate::console::batches(&ran.out()).len(), 8);
    let again = run(bash(&bin().unwrap(), folder.path(), query)).unwrap();
    assert_eq!(
        (again.status, again.out().as_str()),
        (0, ""),
        "{}",
        again.err()
    );
}

#[test]
fn commands_of_the_page_on_plans_give_what_it_shows() {
    run_console("docs/EXPLAIN.md");
}
