//! The terminal, taken over and given back: at the end, on an error, on a panic, and while the process is suspended.

use std::fs::File;
use std::io::{IsTerminal, Stdout, stdin, stdout};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};

const MEND: &str = "the terminal cannot be taken over: --once prints lines instead";

/// True if standard output is a terminal that can do more than print lines.
pub fn is_there() -> bool {
    stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// The terminal while it is taken over.
pub struct Screen {
    /// To draw on. Never dropped: its own drop prints to stderr when the terminal is gone, and panics if stderr was it.
    pub terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// Where keys come from if not from standard input.
    keys: Option<File>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// If it does not let itself.
    pub fn open() -> Result<Screen> {
        let keys = match stdin().is_terminal() {
            true => None,
            false => Some(File::open("/dev/tty").context("/dev/tty").context(MEND)?),
        };
        let said = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            said(panic);
        }));
        take().inspect_err(|_| restore())?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()));
        let terminal = terminal.inspect_err(|_| restore()).context(MEND)?;
        Ok(Screen {
            terminal: ManuallyDrop::new(terminal),
            keys,
        })
    }

    /// Gives it back, stops the process as Ctrl-Z does, and takes it over once more when the process is continued.
    ///
    /// # Errors
    /// As for [`Screen::open`].
    pub fn suspend(&mut self) -> Result<()> {
        restore();
        kill_current_process_group(Signal::TSTP).context("the process cannot be stopped")?;
        take()?;
        self.terminal.clear().context(MEND)
    }
}

impl Screen {
    /// The next key, or change of size, if there is one before `timeout` or a signal.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn event(&self, timeout: Duration) -> Result<Option<Event>> {
        // Several keys may have been read at once.
        for timeout in [Duration::ZERO, timeout] {
            self.wait(timeout)?;
            if event::poll(Duration::ZERO).context("no keys can be read")? {
                return Ok(Some(event::read().context("no keys can be read")?));
            }
        }
        Ok(None)
    }

    /// Waits here and not in `event::poll`, which never returns once the terminal is gone.
    fn wait(&self, timeout: Duration) -> Result<()> {
        let stdin = stdin();
        let keys: BorrowedFd = match &self.keys {
            Some(keys) => keys.as_fd(),
            None => stdin.as_fd(),
        };
        let mut keys = [PollFd::from_borrowed_fd(keys, PollFlags::IN)];
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        match poll(&mut keys, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("no keys can be read"),
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if keys[0].revents().intersects(gone) {
            bail!("the terminal is gone");
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> Result<()> {
    enable_raw_mode().context(MEND)?;
    execute!(stdout(), EnterAlternateScreen, Hide).context(MEND)
}

/// A terminal that is gone need not be given back.
fn restore() {
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
