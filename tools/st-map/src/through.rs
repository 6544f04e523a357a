//! `--through`: the rows of a batch as the standard input of a command, its lines in their place.
//!
//! One process per batch, so that a batch ends when the process does. Both pipes are served at once and neither is waited
//! for alone: a command that writes before it has read everything, or reads before it writes, cannot block the stage.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use st_stream::{LINE_LIMIT, Next, Reader};

/// How many bytes are gathered before they are written.
const BLOCK: usize = 64 * 1024;

/// How large pipes to ask for; what the system refuses is done without.
const PIPE: usize = 1024 * 1024;

/// What a command wrote.
pub enum Line<'l> {
    /// A line, not yet known to be a row.
    Row(&'l [u8]),
    /// The beginning of a line beyond the limit, and its length.
    TooLong(&'l [u8], u64),
}

/// A command and, within a batch, its process.
pub struct Through {
    command: String,
    query: String,
    /// Rows on their way to the command.
    pub pending: Vec<u8>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    /// None once the command reads no more or has got everything.
    stdin: Option<ChildStdin>,
    reader: Reader,
    /// The same pipe, to be waited for together with `stdin`.
    stdout: OwnedFd,
}

impl Through {
    /// A line of bash. `query` is given to it as `ST_QUERY_ID`, the batch as `ST_BATCH_ID`.
    pub fn new(command: &str, query: &str) -> Through {
        Through {
            command: command.to_string(),
            query: query.to_string(),
            pending: Vec::new(),
            process: None,
        }
    }

    /// Starts the batch's process.
    pub fn begin(&mut self, batch: i64) -> Result<()> {
        // Ctrl-C is for the stages, which read on to the end of the stream; the command ends when its input does.
        let line = format!("trap '' INT TERM\n{}", self.command);
        let mut child = Command::new("bash")
            .args(["-c", &line])
            // Not of the foreground either: bash is not there yet to shut a signal out.
            .process_group(0)
            .env("ST_QUERY_ID", &self.query)
            .env("ST_BATCH_ID", batch.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("--through: cannot start bash")?;
        let stdin = child
            .stdin
            .take()
            .ok_or_else(|| anyhow!("--through: no stdin"))?;
        let stdout: OwnedFd = child
            .stdout
            .take()
            .ok_or_else(|| anyhow!("--through: no stdout"))?
            .into();
        let _ = rustix::pipe::fcntl_setpipe_size(&stdin, PIPE);
        let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
        // A write must never wait: the command may be waiting for us to read.
        rustix::io::ioctl_fionbio(&stdin, true).context("--through: cannot set up the pipe")?;
        let reader = Reader::new(
            stdout
                .try_clone()
                .context("--through: cannot set up the pipe")?,
            LINE_LIMIT,
        );
        self.process = Some(Process {
            child,
            stdin: Some(stdin),
            reader,
            stdout,
        });
        Ok(())
    }

    /// Exchanges rows for lines if many rows wait.
    #[inline]
    pub fn relieve(&mut self, each: &mut dyn FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        if self.pending.len() >= BLOCK {
            self.exchange(false, each)
        } else {
            Ok(())
        }
    }

    /// Ends the batch: writes what waits, reads everything, and waits for the process.
    ///
    /// # Errors
    /// A command that failed.
    pub fn end(&mut self, batch: i64, each: &mut dyn FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        self.exchange(true, each)?;
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        let status = process.child.wait().context("--through: cannot wait")?;
        if !status.success() {
            // grep's way to say that it found nothing.
            let mend = if status.code() == Some(1) && self.command.contains("grep") {
                ": where grep may find nothing, write `grep … || [ $? = 1 ]`"
            } else {
                ""
            };
            bail!(
                "--through: `{}` {} in batch {batch}, which is discarded{mend}",
                self.command,
                in_words(status)
            );
        }
        Ok(())
    }

    /// Writes what waits and reads what is there; if `all`, until the command has written everything.
    fn exchange(&mut self, all: bool, each: &mut dyn FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        let mut written = 0;
        loop {
            let ended = process.read(each)?;
            if ended {
                process.stdin = None;
            }
            written += process.write(&self.pending[written..])?;
            if process.stdin.is_none() || written == self.pending.len() {
                self.pending.clear();
                written = 0;
                if all {
                    process.stdin = None;
                }
                if ended || !all {
                    return Ok(());
                }
            }
            process.wait()?;
        }
    }
}

impl Process {
    /// Reads what is there; true at the end.
    fn read(&mut self, each: &mut dyn FnMut(Line<'_>) -> Result<()>) -> Result<bool> {
        loop {
            match self.reader.line().context("--through")? {
                Next::Line(line) => each(Line::Row(line))?,
                Next::TooLong(beginning, length) => each(Line::TooLong(beginning, length))?,
                Next::Empty => return Ok(false),
                Next::Eof => return Ok(true),
            }
        }
    }

    /// Writes what can be written without waiting. A command that reads no more has what it wants.
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut written = 0;
        while let Some(stdin) = &self.stdin {
            if written == bytes.len() {
                break;
            }
            match rustix::io::write(stdin, &bytes[written..]) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(Errno::PIPE) => self.stdin = None,
                Err(error) => return Err(error).context("--through: cannot write"),
            }
        }
        Ok(written)
    }

    /// Waits until there is something to read, or room to write.
    fn wait(&self) -> Result<()> {
        let mut waiting = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        if let Some(stdin) = &self.stdin {
            waiting.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::OUT));
        }
        match poll(&mut waiting, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("--through: cannot wait"),
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(127), _) => "failed with status 127 (no such command)".to_string(),
        (Some(code), _) => format!("failed with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_string(),
    }
}
