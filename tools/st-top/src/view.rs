//! Looks, draws, and waits for a key, until it is asked to end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ratatui::crossterm::event::{Event, KeyEventKind};
use st_stream::{Ending, Stop, message};

use crate::app::{App, Then};
use crate::args::Arguments;
use crate::draw::draw;
use crate::gather::Gather;
use crate::screen::Screen;
use crate::text::now;

/// A signal is seen after so long.
const BREATH: Duration = Duration::from_millis(200);

/// Shows the queries.
///
/// # Errors
/// A folder that cannot be listed at the begin; a terminal that cannot be drawn on. The terminal is given back before the error
/// is said.
pub fn run(arguments: &Arguments, mut gather: Gather) -> Result<Ending> {
    let stop = Stop::install()?;
    let mut app = App::new(gather.place(), arguments.interval, arguments.sort);
    app.take(gather.look()?, now());
    app.trouble = gather.closed.first().map(message::chain);
    let mut next = Instant::now() + arguments.interval;
    let mut screen = Screen::open()?;
    loop {
        screen
            .terminal
            .draw(|frame| draw(frame, &mut app))
            .context("the terminal cannot be drawn on")?;
        loop {
            if stop.asked() {
                return Ok(Ending::Interrupted);
            }
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let then = match screen.event(left.min(BREATH))? {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => app.key(key),
                Some(Event::Resize(..)) => Then::Go,
                _ => continue,
            };
            match then {
                Then::Go => {}
                Then::Redraw => screen
                    .terminal
                    .clear()
                    .context("the terminal cannot be drawn on")?,
                Then::Suspend => screen.suspend()?,
                Then::Quit => return Ok(Ending::Done),
                Then::Interrupt => return Ok(Ending::Interrupted),
            }
            break;
        }
        if Instant::now() >= next {
            next = Instant::now() + arguments.interval;
            if !app.paused {
                look(&mut app, &mut gather);
            }
        }
    }
}

/// A folder that cannot be listed any more is said at the foot; what was seen stays.
fn look(app: &mut App, gather: &mut Gather) {
    match gather.look() {
        Ok(seen) => {
            app.take(seen, now());
            app.trouble = gather.closed.first().map(message::chain);
        }
        Err(error) => app.trouble = Some(message::chain(&error)),
    }
}
