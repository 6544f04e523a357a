//! Syslog: RFC 5424, RFC 3164, and the lines that log daemons write into files, which have no priority.
//!
//! The older form has neither year nor zone. The year is that of the batch's clock, so a replay reads the same; a date that
//! would lie more than a day after that clock is of the year before, as the lines of December are in January.

use std::borrow::Cow;

use st_time::{DAY, Zone};

use super::{digits, given, instant, key, member, month, number, time_of_day};
use crate::text::Line;

/// The columns of a line.
pub(crate) const SYSLOG: &str = "facility STRING, severity STRING, priority INT, timestamp TIMESTAMP, host STRING, \
     app STRING, pid STRING, msgid STRING, data MAP<STRING, MAP<STRING, STRING>>, message STRING";

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// Reads lines as of a batch.
pub(crate) struct Syslog {
    zone: Zone,
    clock: i64,
}

/// A line taken apart.
#[derive(Default)]
struct Entry<'l> {
    priority: Option<u32>,
    timestamp: Option<i64>,
    host: Option<&'l str>,
    app: Option<&'l str>,
    pid: Option<&'l str>,
    msgid: Option<&'l str>,
    /// Structured data, as JSON.
    data: Option<Vec<u8>>,
    message: &'l str,
}

impl Syslog {
    /// `zone`: that of times without one.
    pub(crate) fn new(zone: Zone) -> Syslog {
        Syslog { zone, clock: 0 }
    }

    /// The clock of the batch, in microseconds.
    pub(crate) fn set_clock(&mut self, micros: i64) {
        self.clock = micros;
    }

    /// Appends the row of a line.
    pub(crate) fn row(&self, line: &str, out: &mut Vec<u8>) -> Line {
        if line.trim().is_empty() {
            return Line::Blank;
        }
        match self.read(line) {
            Ok(entry) => {
                entry.write(out);
                Line::Row
            }
            Err(reason) => Line::Bad(reason),
        }
    }

    fn read<'l>(&self, line: &'l str) -> Result<Entry<'l>, &'static str> {
        let (priority, rest) = match line.strip_prefix('<') {
            None => (None, line),
            Some(rest) => {
                let (value, rest) = rest.split_once('>').ok_or("no > behind the priority")?;
                let value = digits(value).filter(|value| *value < 192);
                (Some(value.ok_or("the priority is not 0 to 191")?), rest)
            }
        };
        let entry = Entry {
            priority,
            ..Entry::default()
        };
        if priority.is_some()
            && let Some(rest) = rest.strip_prefix("1 ")
        {
            return modern(entry, rest);
        }
        self.classic(entry, rest)
    }

    /// `Oct 11 22:14:15 host app[pid]: message`, or with an ISO-8601 time in front.
    fn classic<'l>(&self, mut entry: Entry<'l>, line: &'l str) -> Result<Entry<'l>, &'static str> {
        let (micros, rest) = self
            .stamp(line)
            .ok_or("no time like Oct 11 22:14:15 or 2003-10-11T22:14:15.003Z in front")?;
        entry.timestamp = Some(micros);
        let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err("no host behind the time");
        }
        entry.host = Some(host);
        let (app, pid, message) = tag(rest);
        (entry.app, entry.pid, entry.message) = (app, pid, message);
        Ok(entry)
    }

    /// The time at the front, and what follows its space.
    fn stamp<'l>(&self, line: &'l str) -> Option<(i64, &'l str)> {
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            let (time, rest) = line.split_once(' ')?;
            if !time.contains('T') {
                return None;
            }
            return Some((st_time::parse_timestamp(time.as_bytes(), self.zone)?, rest));
        }
        let month = month(line.get(..3)?)?;
        let rest = line.get(3..)?.strip_prefix(' ')?.trim_start_matches(' ');
        let (day, rest) = rest.split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut micros = 0;
        for place in 0..6 {
            let digit = fraction.as_bytes().get(place).map_or(b'0', |b| *b);
            micros = 10 * micros + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        let time = time_of_day(time)? + micros;
        let today = st_time::civil_of(st_time::date_of(self.clock, self.zone));
        // The 29th of February is of the last leap year.
        let at = |year: i32| {
            let days = st_time::days_of(year, month, digits(day)?)?;
            self.zone.to_utc(i64::from(days) * DAY + time)
        };
        let mut years = (today.year - 8..=today.year + 1).rev().filter_map(at);
        let micros = years.find(|micros| *micros <= self.clock + DAY)?;
        Some((micros, rest))
    }
}

/// Program and process at the front of a message, `app[pid]: ` or `app: `; none if it does not begin so.
fn tag(text: &str) -> (Option<&str>, Option<&str>, &str) {
    let none = (None, None, text);
    let Some(end) = text.find([' ', '[', ':']) else {
        return none;
    };
    let (app, rest) = text.split_at(end);
    if app.is_empty() {
        return none;
    }
    let (pid, rest) = match rest.strip_prefix('[') {
        None => (None, rest),
        Some(rest) => match rest.split_once(']') {
            Some((pid, rest)) => (Some(pid), rest),
            None => return none,
        },
    };
    match rest.strip_prefix(':') {
        Some(message) => (Some(app), pid, message.strip_prefix(' ').unwrap_or(message)),
        None => none,
    }
}

/// What follows `<priority>1 ` in RFC 5424.
fn modern<'l>(mut entry: Entry<'l>, line: &'l str) -> Result<Entry<'l>, &'static str> {
    let mut fields = line.splitn(6, ' ');
    let mut field = |reason| fields.next().ok_or(reason);
    let time = field("no time")?;
    if let Some(time) = given(time) {
        let micros =
            st_time::parse_timestamp(time.as_bytes(), Zone::UTC).filter(|_| time.contains('T'));
        entry.timestamp = Some(micros.ok_or("the time is not like 2003-10-11T22:14:15.003Z")?);
    }
    entry.host = given(field("no host behind the time")?);
    entry.app = given(field("no program behind the host")?);
    entry.pid = given(field("no process behind the program")?);
    entry.msgid = given(field("no message id behind the process")?);
    let rest = field("no structured data behind the message id")?;
    let rest = if let Some(rest) = rest.strip_prefix('-') {
        rest
    } else {
        let mut data = Vec::new();
        let rest =
            elements(rest, &mut data).ok_or("the structured data is not [id name=\"value\"]")?;
        entry.data = Some(data);
        rest
    };
    entry.message = match rest.strip_prefix(' ') {
        Some(message) => message.strip_prefix('\u{feff}').unwrap_or(message),
        None if rest.is_empty() => "",
        None => return Err("no space behind the structured data"),
    };
    Ok(entry)
}

/// Appends `[id name="value" …]…` as an object of objects; gives what follows. A name that comes again gets a number.
fn elements<'l>(mut text: &'l str, out: &mut Vec<u8>) -> Option<&'l str> {
    let mut ids: Vec<Cow<'l, str>> = Vec::new();
    while let Some(rest) = text.strip_prefix('[') {
        let end = rest.find([' ', ']'])?;
        let (id, mut rest) = rest.split_at(end);
        if id.is_empty() {
            return None;
        }
        out.push(if ids.is_empty() { b'{' } else { b',' });
        named(out, &mut ids, id);
        out.push(b'{');
        let mut names = Vec::new();
        while let Some(parameter) = rest.strip_prefix(' ') {
            let (name, value) = parameter.split_once("=\"")?;
            if name.is_empty() || name.contains([' ', '"', ']']) {
                return None;
            }
            if !names.is_empty() {
                out.push(b',');
            }
            named(out, &mut names, name);
            let (value, after) = parameter_value(value)?;
            st_row::write_string(out, &value);
            rest = after;
        }
        out.push(b'}');
        text = rest.strip_prefix(']')?;
    }
    if ids.is_empty() {
        return None;
    }
    out.push(b'}');
    Some(text)
}

fn named<'l>(out: &mut Vec<u8>, taken: &mut Vec<Cow<'l, str>>, name: &'l str) {
    let mut unique = Cow::Borrowed(name);
    let mut number = 2;
    while taken.contains(&unique) {
        unique = Cow::Owned(format!("{name}_{number}"));
        number += 1;
    }
    st_row::write_string(out, &unique);
    out.push(b':');
    taken.push(unique);
}

/// The value up to its closing quote, and what follows it. A backslash guards `"`, `\` and `]`.
fn parameter_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let mut from = 0;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' if from == 0 => return Some((Cow::Borrowed(&text[..at]), &text[at + 1..])),
            '"' => {
                value.push_str(&text[from..at]);
                return Some((Cow::Owned(value), &text[at + 1..]));
            }
            '\\' if text[at + 1..].starts_with(['"', '\\', ']']) => {
                value.push_str(&text[from..at]);
                from = at + 1;
                characters.next();
            }
            _ => {}
        }
    }
    None
}

impl Entry<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let at = |value: u32| value as usize;
        member(
            out,
            "facility",
            self.priority.map(|value| FACILITIES[at(value / 8)]),
        );
        let severity = self.priority.map(|value| value % 8);
        member(out, "severity", severity.map(|value| SEVERITIES[at(value)]));
        number(out, "priority", severity.map(i64::from));
        instant(out, "timestamp", self.timestamp);
        member(out, "host", self.host);
        member(out, "app", self.app);
        member(out, "pid", self.pid);
        member(out, "msgid", self.msgid);
        key(out, "data");
        out.extend_from_slice(self.data.as_deref().unwrap_or(b"null"));
        member(out, "message", Some(self.message));
        out.extend_from_slice(b"}\n");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Format;
    use crate::testing::{Case, reading};

    fn row(line: &str) -> serde_json::Value {
        let rows = Case::new(reading(Format::Syslog)).rows(line);
        serde_json::from_str(&rows).unwrap()
    }

    // Examples of RFC 3164, 5.4. The clock of the tests is 2026-01-02T00:00:00Z.
    #[test]
    fn the_older_form() {
        assert_eq!(
            row("<34>Oct 11 22:14:15 mymachine su[7]: 'su root' failed for lonvick on /dev/pts/8"),
            serde_json::json!({
                "facility": "auth", "severity": "crit", "priority": 2, "timestamp": "2025-10-11T22:14:15.000Z",
                "host": "mymachine", "app": "su", "pid": "7", "msgid": null, "data": null,
                "message": "'su root' failed for lonvick on /dev/pts/8"
            })
        );
        let time = |line: &str| row(line)["timestamp"].as_str().unwrap().to_string();
        assert_eq!(time("Jan  1 00:00:00 h a: b"), "2026-01-01T00:00:00.000Z");
        assert_eq!(time("Jan  3 00:00:00 h a: b"), "2026-01-03T00:00:00.000Z");
        assert_eq!(time("Jan  3 00:00:01 h a: b"), "2025-01-03T00:00:01.000Z");
        assert_eq!(
            time("Feb 29 12:00:00.25 h a: b"),
            "2024-02-29T12:00:00.250Z"
        );
    }

    #[test]
    fn lines_of_files_have_no_priority_and_maybe_no_tag() {
        let line = row("2025-01-15T10:30:00.123456+01:00 web kernel: [1.5] up");
        assert_eq!(line["facility"], serde_json::Value::Null);
        assert_eq!(line["timestamp"], "2025-01-15T09:30:00.123456Z");
        assert_eq!(
            (&line["app"], &line["message"]),
            (&"kernel".into(), &"[1.5] up".into())
        );
        let line = row("Jan  1 00:00:00 web last message repeated 2 times");
        assert_eq!(
            (&line["app"], &line["message"]),
            (
                &serde_json::Value::Null,
                &"last message repeated 2 times".into()
            )
        );
    }

    // Examples of RFC 5424, 6.5.
    #[test]
    fn the_newer_form() {
        assert_eq!(
            row(
                "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts."
            ),
            serde_json::json!({
                "facility": "local4", "severity": "notice", "priority": 5, "timestamp": "2003-08-24T12:14:15.000003Z",
                "host": "192.0.2.1", "app": "myproc", "pid": "8710", "msgid": null, "data": null,
                "message": "%% It's time to make the do-nuts."
            })
        );
        let line = row(
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Appli\\\"cation\" iut=\"4\"][examplePriority@32473 class=\"high\"] \u{feff}An application event log entry...",
        );
        assert_eq!(
            line["data"],
            serde_json::json!({
                "exampleSDID@32473": {"iut": "3", "eventSource": "Appli\"cation", "iut_2": "4"},
                "examplePriority@32473": {"class": "high"}
            })
        );
        assert_eq!(line["message"], "An application event log entry...");
        let line = row("<0>1 - - - - - -");
        assert_eq!(
            (&line["timestamp"], &line["message"]),
            (&serde_json::Value::Null, &"".into())
        );
    }

    #[test]
    fn what_is_no_syslog_is_bad() {
        let case = Case::new(reading(Format::Syslog)).run(
            "<192>Oct 11 22:14:15 h a: b\nhello\n<34>1 yesterday h a - - - x\n<34>1 - h a - - [x y=1] z\nFeb 30 00:00:00 h a: b\n",
        );
        assert_eq!(case.rows, "");
        assert_eq!(case.bad.len(), 5);
        assert!(case.bad[0].starts_with("1: the priority is not 0 to 191"));
        assert!(
            case.bad[3].starts_with("4: the structured data"),
            "{:?}",
            case.bad
        );
    }
}
