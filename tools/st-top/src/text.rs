//! Numbers and names as a narrow column can show them.

use ratatui::text::Span;

/// The time of day, to the second: `2025-01-15T10:30:10Z`.
pub fn now() -> String {
    let mut text = Vec::new();
    st_time::write_iso(&mut text, st_stream::clock::now(), st_time::Zone::UTC);
    let text = String::from_utf8_lossy(&text).into_owned();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// Eight heights.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Rows, or rows a second: `0.5`, `999.9`, `41.7k`, `1.2M`.
pub fn rate(number: f64) -> String {
    scaled(number, 1000.0, &["", "k", "M", "G", "T", "P"], 1)
}

/// A count: `31`, `9999`, `41.7k`.
pub fn count(number: u64) -> String {
    if number < 10_000 {
        return number.to_string();
    }
    rate(number as f64)
}

/// Bytes: `512B`, `18.0KiB`.
pub fn bytes(number: u64) -> String {
    if number < 1024 {
        return format!("{number}B");
    }
    scaled(
        number as f64,
        1024.0,
        &["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
        1,
    )
}

fn scaled(mut number: f64, step: f64, units: &[&str], digits: usize) -> String {
    let mut unit = 0;
    // What would be shown as 1000.0 has the next unit.
    while number >= step - 0.05 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    format!("{number:.digits$}{}", units[unit])
}

/// Milliseconds: `0.4ms`, `311ms`, `4.2s`, then as [`span`].
pub fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1}ms"),
        ms if ms < 999.5 => format!("{ms:.0}ms"),
        _ => span(ms / 1000.0),
    }
}

/// Seconds: `4.2s`, `3m05s`, `2h10m`, `3d04h`; with a sign if it is less than nothing.
pub fn span(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", span(-seconds));
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// The last values as bars, at most `width` of them; from nothing to the greatest one shown.
pub fn spark(values: &[f64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let greatest = shown.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| {
        let share = if greatest > 0.0 {
            (value / greatest).clamp(0.0, 1.0)
        } else {
            0.0
        };
        BARS[(share * 7.0).round() as usize]
    };
    shown.iter().map(bar).collect()
}

/// What a terminal can be shown of names and messages, which may hold anything: neither control characters nor what turns
/// the direction of writing.
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown = |c: char| if hidden(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Fills up to `wide` columns, on the left if `right` asks for that; a longer text is cut, and ends in `…`.
pub fn fit(text: &str, wide: usize, right: bool) -> String {
    let has = width(text);
    if has > wide {
        return cut(text, wide);
    }
    let padding = " ".repeat(wide - has);
    if right {
        padding + text
    } else {
        text.to_string() + &padding
    }
}

fn cut(text: &str, wide: usize) -> String {
    let mut out = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let more = width(c.encode_utf8(&mut [0; 4]));
        if taken + more + 1 > wide {
            break;
        }
        out.push(c);
        taken += more;
    }
    if taken < wide {
        out.push('…');
        taken += 1;
    }
    out + &" ".repeat(wide - taken)
}

/// Lines of at most `wide` columns, broken between words where there are any.
pub fn wrap(text: &str, wide: usize) -> Vec<String> {
    let wide = wide.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > wide {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if width(&line) + width(c.encode_utf8(&mut [0; 4])) > wide && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_or_so() {
        assert_eq!(
            [0.0, 0.26, 999.9, 999.96, 41_666.7, 1.25e6, 3e9].map(rate),
            ["0.0", "0.3", "999.9", "1.0k", "41.7k", "1.2M", "3.0G"]
        );
        assert_eq!(
            [0, 9999, 10_000, 1_234_567].map(count),
            ["0", "9999", "10.0k", "1.2M"]
        );
        assert_eq!(
            [0, 1023, 1024, 18_480, 1 << 30].map(bytes),
            ["0B", "1023B", "1.0KiB", "18.0KiB", "1.0GiB"]
        );
    }

    #[test]
    fn times_have_the_unit_a_person_would_take() {
        assert_eq!(
            [0.04, 9.96, 311.4, 999.6, 4200.0].map(millis),
            ["0.0ms", "10ms", "311ms", "1.0s", "4.2s"]
        );
        assert_eq!(
            [0.0, 59.96, 185.0, 7800.0, 273_600.0, -5.0].map(span),
            ["0.0s", "1m00s", "3m05s", "2h10m", "3d04h", "-5.0s"]
        );
    }

    #[test]
    fn a_history_is_as_high_as_its_greatest_value() {
        assert_eq!(spark(&[0.0, 3.5, 7.0], 10), "▁▅█");
        assert_eq!(spark(&[9.0, 0.0, 3.5, 7.0], 3), "▁▅█");
        assert_eq!(spark(&[0.0, 0.0], 10), "▁▁");
        assert_eq!(spark(&[], 10), "");
        assert_eq!(spark(&[1.0], 0), "");
    }

    #[test]
    fn texts_take_the_columns_they_are_given() {
        assert_eq!(fit("ab", 4, true), "  ab");
        assert_eq!(fit("abcdef", 4, false), "abc…");
        // Two columns each: one and the mark fit into four, a gap is filled.
        assert_eq!(fit("日本語", 4, false), "日… ");
        assert_eq!(fit("ab", 0, false), "");
        assert_eq!(
            plain("a\u{1b}[2Jb\u{202e}c\n"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}"
        );
        assert_eq!(wrap("aa bb cccccc", 5), ["aa bb", "ccccc", "c"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
