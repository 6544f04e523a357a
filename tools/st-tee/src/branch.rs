//! What a branch is: its name and the line of bash that is run.

use anyhow::Result;
use st_stream::cli::usage;

/// One branch as the command line gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Prefix of its stages' names; unique among the branches.
    pub name: String,
    /// A line of bash.
    pub command: String,
}

/// Reads `CMD` or `NAME=CMD`; a branch without a name gets its number, counted from one.
///
/// # Errors
/// Two branches of one name, a branch without a command: mistakes of usage.
pub fn parse(texts: &[String]) -> Result<Vec<Branch>> {
    let mut branches: Vec<Branch> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let (name, command) = split(text).map_or((None, text.as_str()), |(name, command)| {
            (Some(name), command)
        });
        if command.trim().is_empty() {
            return Err(usage(format!(
                "branch {}: no command: write 'NAME=st-… | st-sink'",
                index + 1
            )));
        }
        let name = name.map_or_else(|| (index + 1).to_string(), str::to_string);
        if branches.iter().any(|branch| branch.name == name) {
            return Err(usage(format!(
                "branch {}: `{name}` is the name of another branch: give each its own",
                index + 1
            )));
        }
        branches.push(Branch {
            name,
            command: command.to_string(),
        });
    }
    Ok(branches)
}

/// The name in front of the first `=`, if what stands there can be one.
fn split(text: &str) -> Option<(&str, &str)> {
    let (name, command) = text.split_once('=')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && !name.starts_with('-') && name.chars().all(fits))
        .then_some((name, command))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(texts: &[&str]) -> Result<Vec<(String, String)>> {
        let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
        Ok(parse(&texts)?
            .into_iter()
            .map(|branch| (branch.name, branch.command))
            .collect())
    }

    #[test]
    fn a_branch_has_a_name_or_a_number() {
        let branches = parsed(&["st-sink null", "top=st-agg | st-sink", "jq '.a=1'"]).unwrap();
        let expected = [
            ("1", "st-sink null"),
            ("top", "st-agg | st-sink"),
            ("3", "jq '.a=1'"),
        ];
        assert_eq!(
            branches,
            expected.map(|(name, command)| (name.to_string(), command.to_string()))
        );
    }

    #[test]
    fn names_are_unique_and_commands_not_empty() {
        assert_eq!(
            parsed(&["a=cat", "a=wc"]).unwrap_err().to_string(),
            "branch 2: `a` is the name of another branch: give each its own"
        );
        assert_eq!(
            parsed(&["a= "]).unwrap_err().to_string(),
            "branch 1: no command: write 'NAME=st-… | st-sink'"
        );
    }
}
