//! A folder with shell lines that use a real broker; messages are written and read by kcat too, which is not ours.

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};

/// What a line did.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// The broker of this run of the tests, if there is one.
fn given() -> Option<String> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let broker = std::env::var("ST_TEST_KAFKA").ok();
    if broker.is_none() {
        // Written past the test harness, which keeps the output of tests that go well.
        SAID.call_once(|| {
            let text = "left out: everything that needs a broker: make test-kafka starts one\n";
            let _ = std::io::stderr().write_all(text.as_bytes());
        });
    }
    broker
}

/// A folder of its own for one test.
pub struct Dir {
    folder: tempfile::TempDir,
    pub broker: String,
}

impl Dir {
    /// With the broker that `make test-kafka` has started; without one says what is left out.
    pub fn new() -> Option<Dir> {
        let broker = given()?;
        Some(Dir::on(&broker))
    }

    /// With a broker of the test's own.
    pub fn on(broker: &str) -> Dir {
        Dir {
            folder: tempfile::tempdir().unwrap(),
            broker: broker.to_string(),
        }
    }

    /// The same folder, and another broker.
    pub fn moved(self, broker: &str) -> Dir {
        Dir {
            broker: broker.to_string(),
            ..self
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

    /// The line fails with a message that has these parts, one line of each stage.
    #[track_caller]
    pub fn refused(&self, line: &str, parts: &[&str]) {
        let ran = self.bash(line);
        assert!(ran.status == 1 || ran.status == 2, "{line}: {ran:#?}");
        assert!(ran.err.lines().count() <= 2, "{line}: {ran:#?}");
        let first = ran.err.lines().next().unwrap_or_default();
        for part in parts {
            assert!(first.contains(part), "no `{part}` in {ran:#?}");
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

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers/kafka")
}

/// A broker of a test's own, which may be killed.
pub struct Broker {
    folder: tempfile::TempDir,
    pub address: String,
}

impl Broker {
    /// None where tests are to do without.
    pub fn start() -> Option<Broker> {
        given()?;
        let mut broker = Broker {
            folder: tempfile::tempdir().unwrap(),
            address: String::new(),
        };
        broker.again();
        Some(broker)
    }

    fn ask(&self, what: &str) -> String {
        let data = self.folder.path().join("broker");
        let output = Command::new(script()).arg(what).arg(data).output().unwrap();
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

/// Makes a topic of several partitions.
pub fn make_topic(broker: &str, name: &str, partitions: i32) {
    let client: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .create()
        .unwrap();
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new();
    let mut made = std::pin::pin!(client.create_topics([&topic], &options));
    let mut context = Context::from_waker(Waker::noop());
    let results = loop {
        match made.as_mut().poll(&mut context) {
            Poll::Ready(results) => break results.unwrap(),
            Poll::Pending => std::thread::yield_now(),
        }
    };
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// The broker's port that wants TLS and a password, and the file with its certificate.
pub fn secure() -> (String, String) {
    let folder = PathBuf::from(std::env::var("ST_TEST_KAFKA_DIR").unwrap());
    let address = std::fs::read_to_string(folder.join("secure")).unwrap();
    let authority = folder.join("ca.pem");
    (address.trim().to_string(), authority.display().to_string())
}
