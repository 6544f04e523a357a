//! A folder with shell lines that use a real broker; messages are written and read by kcat too, which is not ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a line did.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// A folder of its own for one test.
pub struct Dir {
    folder: tempfile::TempDir,
    pub broker: String,
}

impl Dir {
    /// With the broker that `make test-kafka` has started.
    pub fn new() -> Dir {
        let broker = std::env::var("ST_TEST_KAFKA")
            .expect("these tests need a broker: make test-kafka starts one");
        Dir::on(&broker)
    }

    /// With a broker of the test's own.
    pub fn on(broker: &str) -> Dir {
        Dir {
            folder: tempfile::tempdir().unwrap(),
            broker: broker.to_string(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a line of bash; `$B` is the broker.
    pub fn bash(&self, line: &str) -> Ran {
        self.bash_with(line, &[])
    }

    pub fn bash_with(&self, line: &str, set: &[(&str, &str)]) -> Ran {
        let bin = Path::new(env!("CARGO_BIN_EXE_st-kafka")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["-c", line])
            .env("PATH", path)
            .env("B", &self.broker)
            .env_remove("ST_CHECKPOINT")
            .envs(set.iter().copied())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The line's output; it must go well.
    #[track_caller]
    pub fn lines(&self, line: &str) -> Vec<String> {
        let ran = self.bash(line);
        assert_eq!(ran.status, 0, "{line}: {ran:#?}");
        ran.out.lines().map(str::to_string).collect()
    }

    /// The line fails with one message that has these parts.
    #[track_caller]
    pub fn refused(&self, line: &str, parts: &[&str]) {
        let ran = self.bash(line);
        assert!(ran.status == 1 || ran.status == 2, "{line}: {ran:#?}");
        assert_eq!(ran.err.lines().count(), 1, "{line}: {ran:#?}");
        for part in parts {
            assert!(ran.err.contains(part), "no `{part}` in {ran:#?}");
        }
    }

    /// The committed messages of a topic, in the order of one partition.
    #[track_caller]
    pub fn committed(&self, topic: &str) -> Vec<String> {
        self.lines(&format!(
            "kcat -q -C -b $B -t {topic} -e -X isolation.level=read_committed"
        ))
    }
}

/// A broker of a test's own, which may be killed.
pub struct Broker {
    folder: tempfile::TempDir,
    pub address: String,
}

impl Broker {
    pub fn start() -> Broker {
        let mut broker = Broker {
            folder: tempfile::tempdir().unwrap(),
            address: String::new(),
        };
        broker.again();
        broker
    }

    fn ask(&self, what: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers/kafka");
        let data = self.folder.path().join("broker");
        let output = Command::new(script).arg(what).arg(data).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    }

    pub fn kill(&self) {
        self.ask("kill");
    }

    pub fn again(&mut self) {
        self.address = self.ask("start");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.ask("kill");
    }
}
