//! What the tests share: a fresh query directory, its files as text, and a second process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use st_checkpoint::{Durability, Kind, QueryDir};
use tempfile::TempDir;

pub const BY: &str = "st-test 0.1.0";

/// A fresh query directory, with the folder that goes away with it.
pub fn query() -> (TempDir, QueryDir) {
    let folder = TempDir::new().unwrap();
    let dir = reopen(&folder);
    (folder, dir)
}

/// The same directory as the next run sees it.
pub fn reopen(folder: &TempDir) -> QueryDir {
    let path = folder.path().join("ck");
    QueryDir::create_or_open(&path, Kind::Query, Durability::Process, BY).unwrap()
}

pub fn text(path: impl AsRef<Path>) -> String {
    String::from_utf8(fs::read(path).unwrap()).unwrap()
}

pub fn lines(path: impl AsRef<Path>) -> Vec<String> {
    text(path).lines().map(str::to_string).collect()
}

/// Gives a file this content, as a file of its own: ext4 waits for the disk when one is emptied
/// and written again, which thousands of damaged variants would feel.
pub fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let _ = fs::remove_file(&path);
    fs::write(path, bytes).unwrap();
}

/// An error as the user sees it, with the temporary folder's name taken out.
pub fn message<T>(result: anyhow::Result<T>, folder: &TempDir) -> String {
    let error = result.err().expect("an error");
    let shown = format!("{error:#}");
    assert!(!shown.contains('\n'), "one line: {shown}");
    let canonical = fs::canonicalize(folder.path()).unwrap();
    shown
        .replace(&format!("{}/", folder.path().display()), "")
        .replace(&format!("{}/", canonical.display()), "")
}

/// All files below a folder, sorted, relative to it.
pub fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
}

/// Runs the test named `role` of this binary in a process of its own, with `folder` in its
/// environment. `shell` is put before it, such as a `ulimit`.
pub fn process(role: &str, folder: &Path, shell: &str) -> Command {
    let own: PathBuf = std::env::current_exe().unwrap();
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!(
            "{shell} exec \"$0\" --exact {role} --nocapture --test-threads=1"
        ))
        .arg(own)
        .env("ST_TEST_FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// In a process that [`process`] began: the folder. `None` in the ordinary run of that test.
pub fn given_folder() -> Option<PathBuf> {
    std::env::var_os("ST_TEST_FOLDER").map(PathBuf::from)
}

/// Ends a process and waits for it, whatever the test's fate.
pub struct Reaped(pub Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
