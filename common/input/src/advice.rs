//! When every line is bad, the format is wrong: says so once, with the option that would read it.

use st_stream::message;

/// So many bad lines without a good one are no accident.
const ENOUGH: u32 = 100;

/// Watches the first lines of an input.
pub struct Advice {
    name: String,
    format: &'static str,
    seen: u32,
    first: Vec<u8>,
    second: Vec<u8>,
    done: bool,
}

impl Advice {
    /// `name`: who speaks; `format`: what the lines are taken for.
    pub fn new(name: &str, format: &'static str, quiet: bool) -> Advice {
        Advice {
            name: name.to_string(),
            format,
            seen: 0,
            first: Vec::new(),
            second: Vec::new(),
            done: quiet,
        }
    }

    /// A row was read: the format is right.
    #[inline]
    pub fn good(&mut self) {
        self.done = true;
    }

    /// A line was bad.
    pub fn bad(&mut self, line: &[u8]) {
        if self.done {
            return;
        }
        self.seen += 1;
        let head = line[..line.len().min(1000)].to_vec();
        match self.seen {
            1 => self.first = head,
            2 => self.second = head,
            ENOUGH => self.speak(),
            _ => {}
        }
    }

    /// The input ended, or rests: a few lines, all bad, say as much as a hundred.
    pub fn rest(&mut self) {
        if !self.done && self.seen > 0 {
            self.speak();
        }
    }

    fn speak(&mut self) {
        self.done = true;
        let lines = if self.seen == 1 {
            "the only line is bad".to_string()
        } else {
            format!("the first {} lines are all bad", self.seen)
        };
        let guess = guess(&self.first, &self.second);
        let hint = match guess {
            Guess::Pretty => "it looks like JSON over several lines; one object per line is needed: jq -c . FILE | st-tail".to_string(),
            Guess::Format(format) if format != self.format => format!("--format {format}?"),
            Guess::Format(_) => "is it another format? --format json|csv|tsv|text".to_string(),
        };
        message::say(&self.name, &format!("{lines} as {}: {hint}", self.format));
    }
}

#[derive(Debug, PartialEq)]
enum Guess {
    Format(&'static str),
    /// A document over several lines.
    Pretty,
}

/// What two lines look like.
fn guess(first: &[u8], second: &[u8]) -> Guess {
    let count = |line: &[u8], byte| line.iter().filter(|b| **b == byte).count();
    let trimmed = st_row::trim(first);
    if matches!(trimmed, b"{" | b"[" | b"[{") {
        return Guess::Pretty;
    }
    if trimmed.first() == Some(&b'{') && trimmed.last() == Some(&b'}') {
        return Guess::Format("json");
    }
    for (byte, format) in [(b'\t', "tsv"), (b',', "csv")] {
        let columns = count(first, byte);
        if columns > 0 && (second.is_empty() || count(second, byte) == columns) {
            return Guess::Format(format);
        }
    }
    Guess::Format("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_guesses_by_the_first_two_lines() {
        assert_eq!(guess(b"id,name", b"1,x"), Guess::Format("csv"));
        assert_eq!(guess(b"id\tname", b"1\tx, y"), Guess::Format("tsv"));
        assert_eq!(
            guess(b"GET / 200, ok", b"GET /a 404"),
            Guess::Format("text")
        );
        assert_eq!(guess(b"{", b"  \"a\": 1,"), Guess::Pretty);
        assert_eq!(guess(b"{\"a\":1}", b""), Guess::Format("json"));
    }
}
