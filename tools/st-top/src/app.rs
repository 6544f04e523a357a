//! What the view shows, and what a key does to it. No terminal is needed for either.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::figures::Seen;
use crate::order::Order;

/// What is to be done after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Draw, and go on.
    Go,
    /// Draw everything anew.
    Redraw,
    /// Stop the process until it is continued.
    Suspend,
    /// End.
    Quit,
    /// End, as by a signal.
    Interrupt,
}

/// What the view shows.
pub struct App {
    /// The queries, in order.
    pub seen: Vec<Seen>,
    /// Where they are looked for; empty for those that run now.
    pub place: String,
    /// When they were looked at, `2025-01-15T10:30:10Z`.
    pub at: String,
    /// How often they are.
    pub interval: Duration,
    /// What kept the last look from finding anything.
    pub trouble: Option<String>,
    /// True if nothing is looked at any more.
    pub paused: bool,
    /// The order of the queries.
    pub order: Order,
    /// The other way round.
    pub reversed: bool,
    /// Whether the keys are shown.
    pub help: bool,
    /// Whether the chosen query's details are shown.
    pub details: bool,
    /// Which of its sinks; none: the one furthest behind.
    pub sink: Option<usize>,
    /// Lines above the window: of the details, of the keys.
    pub scroll: usize,
    /// Queries above the window of the list.
    pub top: usize,
    /// Lines of the window, as last drawn.
    pub page: usize,
    /// The chosen query's home: it stays chosen when the order changes.
    chosen: Option<PathBuf>,
}

impl App {
    /// A view of nothing yet.
    pub fn new(place: String, interval: Duration, order: Order) -> App {
        App {
            seen: Vec::new(),
            place,
            at: String::new(),
            interval,
            trouble: None,
            paused: false,
            order,
            reversed: false,
            help: false,
            details: false,
            sink: None,
            scroll: 0,
            top: 0,
            page: 1,
            chosen: None,
        }
    }

    /// Takes what a look has found.
    pub fn take(&mut self, seen: Vec<Seen>, at: String) {
        self.seen = seen;
        self.at = at;
        self.trouble = None;
        self.sort();
        if self.index().is_none() {
            self.details = false;
            self.choose(0);
        }
    }

    fn sort(&mut self) {
        Order::Started.sort(&mut self.seen, false);
        self.order.sort(&mut self.seen, self.reversed);
    }

    /// Which query is chosen.
    pub fn index(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        let mut homes = self.seen.iter().map(|seen| seen.query.home.path());
        homes.position(|home| home == chosen)
    }

    /// The query that is chosen.
    pub fn query(&self) -> Option<&Seen> {
        self.seen.get(self.index()?)
    }

    /// Which of its sinks is shown.
    pub fn sink(&self) -> usize {
        let Some(seen) = self.query() else { return 0 };
        let last = seen.query.sinks.len().saturating_sub(1);
        self.sink.unwrap_or_else(|| seen.slowest()).min(last)
    }

    fn choose(&mut self, index: usize) {
        let index = index.min(self.seen.len().saturating_sub(1));
        let home = self.seen.get(index).map(|seen| seen.query.home.path());
        self.chosen = home.map(Into::into);
        self.sink = None;
    }

    /// What a key does.
    pub fn key(&mut self, key: KeyEvent) -> Then {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Then::Interrupt,
            KeyCode::Char('l') if control => return Then::Redraw,
            KeyCode::Char('z') if control => return Then::Suspend,
            KeyCode::Char(_) if control => return Then::Go,
            KeyCode::Char('q') => return Then::Quit,
            KeyCode::Char('?') | KeyCode::F(1) => {
                self.help = !self.help;
                self.scroll = 0;
            }
            KeyCode::Esc | KeyCode::Left | KeyCode::Char('h') | KeyCode::Backspace => {
                if self.help {
                    self.help = false;
                } else {
                    self.details = false;
                }
                self.scroll = 0;
            }
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            code if self.help || self.details => self.key_in_text(code),
            code => self.key_in_list(code),
        }
        Then::Go
    }

    fn key_in_text(&mut self, code: KeyCode) {
        let page = self.page.max(1);
        // Drawing brings it back to the last line there is.
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_add(page),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll = 0,
            KeyCode::End | KeyCode::Char('G') => self.scroll = usize::MAX,
            KeyCode::Tab if !self.help => self.next_sink(1),
            KeyCode::BackTab if !self.help => self.next_sink(-1),
            _ => {}
        }
    }

    fn next_sink(&mut self, step: isize) {
        let sinks = self.query().map_or(0, |seen| seen.query.sinks.len());
        if sinks > 0 {
            let next = (self.sink() as isize + step).rem_euclid(sinks as isize);
            self.sink = Some(next as usize);
        }
    }

    fn key_in_list(&mut self, code: KeyCode) {
        let index = self.index().unwrap_or(0);
        let page = self.page.max(1);
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.choose(index.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.choose(index.saturating_sub(1)),
            KeyCode::PageDown => self.choose(index.saturating_add(page)),
            KeyCode::PageUp => self.choose(index.saturating_sub(page)),
            KeyCode::Home | KeyCode::Char('g') => self.choose(0),
            KeyCode::End | KeyCode::Char('G') => self.choose(usize::MAX),
            KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => {
                self.details = self.query().is_some();
                self.scroll = 0;
            }
            KeyCode::Char('s') => self.order_by(self.order.step(1), false),
            KeyCode::Char('S') => self.order_by(self.order.step(-1), false),
            KeyCode::Char('r') => self.order_by(self.order, !self.reversed),
            _ => {}
        }
    }

    fn order_by(&mut self, order: Order, reversed: bool) {
        self.order = order;
        self.reversed = reversed;
        self.sort();
    }
}
