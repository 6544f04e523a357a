//! A database of a test's own on a real server, marked streams, and the sink.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use st_checkpoint::{Durability, Kind, QueryDir};

/// A server started for one test, which may kill it.
pub struct Server {
    folder: tempfile::TempDir,
    pub url: String,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers/postgres")
}

impl Server {
    pub fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        // The server's own user must get there.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let mut server = Server {
            folder,
            url: String::new(),
        };
        server.again();
        server
    }

    fn ask(&self, what: &str) -> String {
        let data = self.folder.path().join("server");
        let output = Command::new(script()).arg(what).arg(data).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    }

    pub fn kill(&self) {
        self.ask("kill");
    }

    pub fn again(&mut self) {
        self.url = self.ask("start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask("kill");
    }
}

/// A database on the server that `make test-postgres` started, and a folder.
pub struct Dir {
    folder: tempfile::TempDir,
    pub url: String,
}

impl Dir {
    pub fn new(name: &str) -> Dir {
        let server = std::env::var("ST_TEST_POSTGRES")
            .expect("these tests need a server: make test-postgres starts one");
        psql(&server, &format!("CREATE DATABASE {name}"));
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Dir::on(&url)
    }

    /// On a server of the test's own.
    pub fn on(url: &str) -> Dir {
        Dir {
            folder: tempfile::tempdir().unwrap(),
            url: url.to_string(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn query(&self) -> QueryDir {
        QueryDir::create_or_open(&self.path("ck"), Kind::Query, Durability::Process, "test")
            .unwrap()
    }

    /// A marked stream of this folder's query: further fields of its start, and the batches after `epoch`.
    pub fn stream(&self, fields: &str, epoch: i64, batches: &[&[&str]]) -> String {
        let query = self.query();
        let mut text = format!(
            "{{\"$st\":\"start\",\"v\":1,\"query\":\"{}\",\"checkpoint\":\"{}\",\"epoch\":{epoch}{fields}}}\n",
            query.id(),
            query.path().display()
        );
        for (id, rows) in (epoch + 1..).zip(batches) {
            text += &format!(
                "{{\"$st\":\"begin\",\"id\":{id},\"time\":\"2025-01-15T10:30:00.000Z\"}}\n"
            );
            for row in *rows {
                text += &format!("{row}\n");
            }
            text += &format!(
                "{{\"$st\":\"batch\",\"id\":{id},\"final\":false,\"watermark\":null,\"stages\":[]}}\n"
            );
        }
        text + "{\"$st\":\"end\"}\n"
    }

    /// Runs the sink; its status and what it said.
    pub fn sink(&self, arguments: &[&str], input: &str) -> (i32, String) {
        self.sink_with(arguments, input, &[])
    }

    pub fn sink_with(
        &self,
        arguments: &[&str],
        input: &str,
        set: &[(&str, &str)],
    ) -> (i32, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_st-sink-postgres"))
            .args(arguments)
            .env("DATABASE_URL", &self.url)
            .envs(set.iter().copied())
            .env_remove("ST_CHECKPOINT")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let status = output.status;
        (
            status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap()),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Runs the sink, which says nothing.
    #[track_caller]
    pub fn quietly(&self, arguments: &[&str], input: &str) {
        assert_eq!(self.sink(arguments, input), (0, String::new()));
    }

    /// Fails with one line that has these parts.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], input: &str, parts: &[&str]) {
        let (status, said) = self.sink(arguments, input);
        assert!(status == 1 || status == 2, "{status}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in parts {
            assert!(said.contains(part), "no `{part}` in {said}");
        }
    }

    /// What PostgreSQL's own client says: a line for each row.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        psql(&self.url, sql)
    }
}

fn psql(url: &str, sql: &str) -> Vec<String> {
    let output = Command::new("psql")
        .args([
            url,
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{sql}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_string).collect()
}
