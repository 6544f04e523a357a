//! The screen: a bar on top, the list, the details or the keys, and a line of the most needed keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use st_monitor::Status;
use st_stream::cli::duration_text;

use crate::app::App;
use crate::args::KEYS;
use crate::columns::{COLUMNS, cells};
use crate::detail;
use crate::figures::Seen;
use crate::table::lay;
use crate::text::{fit, plain, width};

const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Heads and headings.
pub const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws all of it. A small terminal loses the keys first, then the bar.
pub fn draw(frame: &mut Frame, app: &mut App) {
    let area = frame.area();
    let (bar, foot) = (u16::from(area.height >= 3), u16::from(area.height >= 5));
    let wide = usize::from(area.width);
    let body = Rect {
        y: area.y + bar,
        height: area.height.saturating_sub(bar + foot),
        ..area
    };
    app.page = usize::from(body.height);
    if bar > 0 {
        let text = Line::styled(headline(app, wide), BAR);
        frame.render_widget(text, Rect { height: 1, ..area });
    }
    if app.help {
        let keys = KEYS.lines().map(|line| Line::raw(line.to_string()));
        let title = Line::styled("Keys", HEAD);
        scrolled(
            frame,
            app,
            body,
            std::iter::once(title).chain(keys).collect(),
        );
    } else if app.details
        && let Some(seen) = app.query()
    {
        let lines = detail::lines(seen, app.sink(), wide);
        scrolled(frame, app, body, lines);
    } else {
        list(frame, app, body);
    }
    if foot > 0 {
        let text = Line::styled(fit(&footline(app), wide, false), Style::new().dim());
        let y = area.y + area.height - 1;
        frame.render_widget(
            text,
            Rect {
                y,
                height: 1,
                ..area
            },
        );
    }
}

fn headline(app: &App, wide: usize) -> String {
    let count = |which: fn(&Status) -> bool| {
        let statuses = app.seen.iter().map(|seen| &seen.query.status);
        statuses.filter(|status| which(status)).count()
    };
    let mut left = format!(
        " st-top: {} running, {} failed, {} stopped",
        count(Status::is_active),
        count(|status| status.error().is_some()),
        count(|status| matches!(status, Status::Stopped | Status::Sinkless)),
    );
    if app.paused {
        left += ", PAUSED";
    }
    let time = app.at.get(11..).unwrap_or_default();
    let every = duration_text(app.interval);
    let right = format!("every {every}  {time} ");
    // The queries are worth more than the clock.
    let Some(gap) = wide.checked_sub(width(&left) + width(&right) + 1) else {
        return fit(&left, wide, false);
    };
    format!("{left}{}{right}", " ".repeat(gap + 1))
}

fn footline(app: &App) -> String {
    if let Some(trouble) = &app.trouble {
        return plain(trouble);
    }
    if app.help {
        return "Esc back  q quit".into();
    }
    if app.details {
        let sinks = app.query().map_or(0, |seen| seen.query.sinks.len());
        let tab = if sinks > 1 { "  Tab next sink" } else { "" };
        return format!("Esc back  j k scroll{tab}  p pause  ? keys  q quit");
    }
    let order = app.order.word();
    let reversed = if app.reversed { ", reversed" } else { "" };
    format!("Enter details  s order: {order}{reversed}  p pause  ? keys  q quit")
}

/// Shows the lines from the place scrolled to on, which is brought back if it is behind the last page.
fn scrolled(frame: &mut Frame, app: &mut App, area: Rect, lines: Vec<Line<'static>>) {
    let last = lines.len().saturating_sub(usize::from(area.height));
    app.scroll = app.scroll.min(last);
    let lines: Vec<Line> = lines.into_iter().skip(app.scroll).collect();
    frame.render_widget(Text::from(lines), area);
}

fn list(frame: &mut Frame, app: &mut App, area: Rect) {
    if app.seen.is_empty() {
        let text = match app.place.as_str() {
            "" => {
                "No query runs now. This waits for one; st-top DIR shows those of a folder.".into()
            }
            place => plain(&format!("No query below {place} yet.")),
        };
        frame.render_widget(
            Line::raw(text),
            Rect {
                height: area.height.min(1),
                ..area
            },
        );
        return;
    }
    let rows: Vec<Vec<String>> = app.seen.iter().map(cells).collect();
    let wide = usize::from(area.width);
    // Two columns mark the chosen one, for terminals without colours.
    let laid = lay(&COLUMNS, &rows, wide.saturating_sub(2));
    let mut lines = Vec::new();
    let height = usize::from(area.height);
    let head = usize::from(height >= 2);
    if head > 0 {
        lines.push(Line::styled(format!("  {}", laid[0]), HEAD));
    }
    let window = height - head;
    let index = app.index().unwrap_or(0);
    let least = (index + 1).saturating_sub(window);
    let most = app.seen.len().saturating_sub(window);
    app.top = app.top.max(least).min(index).min(most);
    let shown = app.seen.iter().zip(&laid[1..]).enumerate();
    for (place, (seen, line)) in shown.skip(app.top).take(window) {
        let (mark, style) = if place == index {
            ("> ", look(seen).add_modifier(Modifier::REVERSED))
        } else {
            ("  ", look(seen))
        };
        lines.push(Line::styled(
            fit(&format!("{mark}{line}"), wide, false),
            style,
        ));
    }
    frame.render_widget(Text::from(lines), area);
}

/// How a query's line looks; its status says the same in words.
fn look(seen: &Seen) -> Style {
    match seen.query.status {
        Status::Failed(_) | Status::Unreadable(_) => Style::new().fg(Color::Red),
        Status::Processing(_) => Style::new().fg(Color::Green),
        Status::Stopped | Status::Sinkless => Style::new().dim(),
        Status::Waiting | Status::Trigger => Style::new(),
    }
}
