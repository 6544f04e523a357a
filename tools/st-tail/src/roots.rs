//! The paths of the command line: a file, a directory, or a glob the shell has left alone.

use std::path::{Path, PathBuf};

use anyhow::Result;
use globset::{GlobBuilder, GlobMatcher};
use st_stream::cli::usage;

/// One path of the command line.
#[derive(Clone, Debug)]
pub enum Root {
    /// Read once, or followed.
    File(String),
    /// A pipe or a device, such as bash makes of `<(command)`: read like standard input.
    Pipe(String),
    /// Watched for new files.
    Directory {
        /// As it was given.
        text: String,
        /// With all below it.
        recursive: bool,
    },
    /// Watched for new files that match.
    Glob(Glob),
}

/// A glob, one component after the other.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    /// The folder in front of the first wildcard.
    pub base: PathBuf,
    /// What follows it.
    pub parts: Vec<Part>,
}

/// One component of a glob.
#[derive(Clone, Debug)]
pub enum Part {
    /// A plain name.
    Name(String),
    /// A pattern for names.
    Pattern(GlobMatcher),
    /// `**`: any number of folders.
    Folders,
}

impl Root {
    /// Looks at each path. With `follow` a file may be missing yet.
    pub fn all(paths: &[String], recursive: bool, follow: bool) -> Result<Vec<Root>> {
        let mut roots: Vec<Root> = Vec::new();
        for path in paths {
            let root = Root::new(path, recursive, follow)?;
            if !roots.iter().any(|other| other.text() == root.text()) {
                roots.push(root);
            }
        }
        Ok(roots)
    }

    fn new(path: &str, recursive: bool, follow: bool) -> Result<Root> {
        let trimmed = if path.len() > 1 {
            path.trim_end_matches('/')
        } else {
            path
        };
        let text = if trimmed.is_empty() {
            "/".to_string()
        } else {
            trimmed.to_string()
        };
        match std::fs::metadata(&text) {
            Ok(found) if found.is_dir() => Ok(Root::Directory { text, recursive }),
            Ok(found) if found.is_file() => Ok(Root::File(text)),
            Ok(_) => Ok(Root::Pipe(text)),
            Err(_) if text.contains(['*', '?', '[', '{']) => Ok(Root::Glob(Glob::new(text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let folder = Path::new(&text)
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                if follow && folder.is_none_or(Path::is_dir) {
                    return Ok(Root::File(text));
                }
                Err(usage(format!(
                    "{text}: no such file or directory: create it first, or correct the path"
                )))
            }
            Err(error) => Err(usage(format!("{text}: cannot be read: {error}"))),
        }
    }

    /// The path as it was given.
    pub fn text(&self) -> &str {
        match self {
            Root::File(text) | Root::Pipe(text) | Root::Directory { text, .. } => text,
            Root::Glob(glob) => &glob.text,
        }
    }

    /// True for a directory and a glob: files may come.
    pub fn is_watched(&self) -> bool {
        matches!(self, Root::Directory { .. } | Root::Glob(_))
    }

    /// The folder below which everything is looked at, however deep; none if the depth is limited.
    pub fn deep_folder(&self) -> Option<&Path> {
        match self {
            Root::Directory {
                text,
                recursive: true,
            } => Some(Path::new(text)),
            Root::Glob(glob) if glob.parts.iter().any(|part| matches!(part, Part::Folders)) => {
                Some(&glob.base)
            }
            _ => None,
        }
    }
}

impl Glob {
    fn new(text: String) -> Result<Glob> {
        let mut base = PathBuf::from(if text.starts_with('/') { "/" } else { "" });
        let mut parts: Vec<Part> = Vec::new();
        for component in text.split('/').filter(|component| !component.is_empty()) {
            let wild = component.contains(['*', '?', '[', '{', '\\']);
            if component == "**" {
                parts.push(Part::Folders);
            } else if wild {
                let glob = GlobBuilder::new(component).literal_separator(true).build();
                let glob =
                    glob.map_err(|error| usage(format!("{text}: no glob: {}", error.kind())))?;
                parts.push(Part::Pattern(glob.compile_matcher()));
            } else if parts.is_empty() {
                base.push(component);
            } else {
                parts.push(Part::Name(component.to_string()));
            }
        }
        if let Some(Part::Folders) = parts.last() {
            let any = GlobBuilder::new("*").build();
            let any = any.map_err(|error| usage(format!("{text}: no glob: {}", error.kind())))?;
            parts.push(Part::Pattern(any.compile_matcher()));
        }
        if !base.as_os_str().is_empty() && !base.is_dir() {
            return Err(usage(format!(
                "{text}: {} is no directory: create it first",
                base.display()
            )));
        }
        Ok(Glob { text, base, parts })
    }
}

/// True for names that are not to be read: hidden ones, `_SUCCESS` and its like, and those of files being written.
pub fn is_ignored(name: &str) -> bool {
    const ENDS: [&str; 12] = [
        ".tmp",
        ".temp",
        ".part",
        ".partial",
        ".filepart",
        ".download",
        ".crdownload",
        ".swp",
        ".swo",
        ".swx",
        "~",
        "._COPYING_",
    ];
    name.starts_with(['.', '_']) || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_unfinished_names_are_ignored() {
        for name in [
            ".x.json",
            "_SUCCESS",
            "x.json.tmp",
            "x.part",
            "x.json~",
            ".x.swp",
            "x.crdownload",
            "x._COPYING_",
        ] {
            assert!(is_ignored(name), "{name}");
        }
        for name in ["x.json", "a_b.csv", "tmp.json", "x.tmp.json"] {
            assert!(!is_ignored(name), "{name}");
        }
    }
}
