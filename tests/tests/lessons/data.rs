//! The sample data, read without our tools.

use std::path::Path;

use serde_json::Value;

/// The rows of each file of a folder, files in order of name.
pub fn by_file(folder: &Path) -> Vec<Vec<Value>> {
    crate::files(folder, "json")
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        })
        .collect()
}

/// Seconds since 1970 of `2025-01-15T10:00:00.000Z`, fractions cut.
pub fn seconds(time: &Value) -> i64 {
    let text = time.as_str().unwrap();
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    assert_eq!(&text[..8], "2025-01-");
    (20089 + part(8, 10) - 1) * 86400 + part(11, 13) * 3600 + part(14, 16) * 60 + part(17, 19)
}

/// `2025-01-15 10:00:00` of seconds since 1970, in January 2025.
pub fn clock(seconds: i64) -> String {
    let (day, second) = (
        seconds.div_euclid(86400) - 20089 + 1,
        seconds.rem_euclid(86400),
    );
    format!(
        "2025-01-{day:02} {:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// The console's text of a window.
pub fn window(start: i64, size: i64) -> String {
    format!("{{{}, {}}}", clock(start), clock(start + size))
}

/// A number with two digits, as hundredths.
pub fn cents(number: &Value) -> i64 {
    (number.as_f64().unwrap() * 100.0).round() as i64
}
