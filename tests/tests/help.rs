#![allow(clippy::unwrap_used)]
//! What every tool says about itself.

use st_tests::{bash, bin, root, run};

fn help(tool: &str, option: &str) -> String {
    let ran = run(bash(&bin().unwrap(), &root(), &format!("{tool} {option}"))).unwrap();
    assert_eq!(ran.status, 0, "{tool} {option}: {}", ran.err());
    ran.out()
}

/// `make install` puts these beside the tools.
#[test]
fn every_tool_has_a_man_page_and_completions() {
    for entry in std::fs::read_dir(root().join("tools")).unwrap() {
        let tool = entry.unwrap().file_name().into_string().unwrap();
        let man = help(&tool, "--generate man");
        assert!(
            [".SH NAME", ".SH EXAMPLE", ".SH OPTIONS"]
                .iter()
                .all(|title| man.contains(title)),
            "{tool}: {man}"
        );
        for shell in ["bash", "zsh", "fish"] {
            let completion = help(&tool, &format!("--generate {shell}"));
            assert!(completion.contains(&tool), "{tool} {shell}");
        }
        // Help opens with an example.
        assert!(help(&tool, "--help").starts_with("Example"), "{tool}");
    }
}

/// What one format alone has is not in the help, but in the man page and behind the Tab key.
#[test]
fn options_of_one_format_are_in_the_man_page_and_completed() {
    let of = [
        (
            "st-tail",
            "header sep quote escape comment null-value ignore-leading-white-space ignore-trailing-white-space \
                     timestamp-format date-format mode column-name-of-corrupt-record multi-line merge-schema base-path max-line",
        ),
        (
            "st-sink",
            "header no-header sep null-value compression ignore-null-fields timestamp-format date-format",
        ),
    ];
    for (tool, options) in of {
        let man = help(tool, "--generate man").replace('\\', "");
        let [bash, zsh, fish] =
            ["bash", "zsh", "fish"].map(|shell| help(tool, &format!("--generate {shell}")));
        for option in options.split_whitespace() {
            let head = |line: &str| line.starts_with(&format!("fB--{option}fR"));
            assert!(man.lines().any(head), "{tool} --{option}: {man}");
            assert!(bash.contains(&format!("--{option}")), "{tool} --{option}");
            assert!(zsh.contains(&format!("--{option}")), "{tool} --{option}");
            assert!(fish.contains(&format!("-l {option}")), "{tool} --{option}");
        }
    }
}

/// The long options a tool's help names.
fn options(tool: &str) -> Vec<String> {
    let help = help(tool, "--help");
    let line = |line: &str| {
        let words = line.trim_start().trim_start_matches(|c| c != '-');
        let indented = line.starts_with("  ") && line.trim_start().starts_with('-');
        let option = words
            .split_whitespace()
            .find(|word| word.starts_with("--"))?;
        let name = option.split(['[', '=', ',']).next()?;
        indented.then(|| name.to_string())
    };
    help.lines().filter_map(line).collect()
}

/// Who gives an option to the wrong stage of a pipeline is told the right one: every option of every tool is in that table.
#[test]
fn an_option_of_another_tool_names_it() {
    let own = options("st-tee");
    let mut tried = 0;
    for tool in [
        "st-rate",
        "st-tail",
        "st-listen",
        "st-map",
        "st-watermark",
        "st-window",
        "st-agg",
        "st-dedup",
        "st-fold",
        "st-sink",
    ] {
        for option in options(tool).iter().filter(|option| !own.contains(option)) {
            // These have each stage keep its own rows and state.
            if ["--strict", "--rejects", "--durability"].contains(&option.as_str()) {
                continue;
            }
            let ran = run(bash(
                &bin().unwrap(),
                &root(),
                &format!("st-tee {option} cat"),
            ))
            .unwrap();
            assert_eq!(ran.status, 2, "{option}");
            let err = ran.err();
            assert!(
                err.starts_with(&format!("st-tee: {option}: belongs to ")),
                "{tool} {option}: {err}"
            );
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried} options");
}

#[test]
fn help_fits_a_screen() {
    for tool in [
        "st-rate",
        "st-tail",
        "st-listen",
        "st-map",
        "st-watermark",
        "st-window",
        "st-agg",
        "st-dedup",
        "st-fold",
        "st-state",
        "st-sink",
        "st-tee",
        "st-join",
        "st-union",
        "st-help",
        "st-ps",
        "st-top",
        "st-ui",
    ] {
        let help = help(tool, "--help");
        assert!(
            help.lines().count() <= 55,
            "{tool}: {} lines",
            help.lines().count()
        );
        assert_eq!(
            help.lines().find(|line| line.chars().count() > 100),
            None,
            "{tool}"
        );
    }
}
