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
            man.contains(".SH NAME") && man.contains(".SH OPTIONS"),
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
