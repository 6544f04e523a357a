//! The terminal, taken over and given back: at the end, on an error, on a panic, and while the process is suspended.

use std::io::{IsTerminal, Stdout, stdout};

use anyhow::{Context, Result};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::process::{Signal, kill_current_process_group};

const MEND: &str = "the terminal cannot be taken over: --once prints lines instead";

/// True if standard output is a terminal that can do more than print lines.
pub fn is_there() -> bool {
    stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// The terminal while it is taken over.
pub struct Screen {
    /// To draw on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// If it does not let itself.
    pub fn open() -> Result<Screen> {
        let said = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            said(panic);
        }));
        take().inspect_err(|_| restore())?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()));
        let terminal = terminal.inspect_err(|_| restore()).context(MEND)?;
        Ok(Screen { terminal })
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
    let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}
