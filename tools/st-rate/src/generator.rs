//! Writes rows as text, quickly: the timestamp is printed when it changes, the value counts up in its digits.

use st_time::Zone;

use crate::schedule::Segment;

/// Appends rows to a buffer.
pub struct Generator {
    /// Milliseconds since 1970 of the schedule's start.
    start: i64,
    /// `{"timestamp":"…","value":` of the timestamp below.
    prefix: Vec<u8>,
    time: Option<i64>,
}

impl Generator {
    pub fn new(start: i64) -> Generator {
        Generator {
            start,
            prefix: Vec::new(),
            time: None,
        }
    }

    /// Appends the rows of `segment` from `from` up to `to`, but stops when they have reached `bytes`; returns the value after
    /// the last one. Writes at least one row.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        segment: &Segment,
        from: i64,
        to: i64,
        bytes: u64,
    ) -> i64 {
        let limit = out
            .len()
            .saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut counter = Counter::at(from);
        let mut value = from;
        while value < to {
            let time = segment.time_of(value);
            if self.time != Some(time) {
                self.set_time(time);
            }
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(counter.digits());
            out.extend_from_slice(b"}\n");
            value += 1;
            counter.up();
            if out.len() >= limit {
                break;
            }
        }
        value
    }

    fn set_time(&mut self, time: i64) {
        self.time = Some(time);
        self.prefix.clear();
        self.prefix.extend_from_slice(b"{\"timestamp\":\"");
        st_time::write_iso(
            &mut self.prefix,
            self.start.saturating_add(time).saturating_mul(1000),
            Zone::UTC,
        );
        self.prefix.extend_from_slice(b"\",\"value\":");
    }
}

/// A number as its decimal digits.
struct Counter {
    digits: [u8; 20],
    first: usize,
}

impl Counter {
    fn at(value: i64) -> Counter {
        let text = value.to_string();
        let mut digits = [b'0'; 20];
        let first = digits.len() - text.len();
        digits[first..].copy_from_slice(text.as_bytes());
        Counter { digits, first }
    }

    #[inline]
    fn digits(&self) -> &[u8] {
        &self.digits[self.first..]
    }

    #[inline]
    fn up(&mut self) {
        let mut at = self.digits.len() - 1;
        while self.digits[at] == b'9' && at > 0 {
            self.digits[at] = b'0';
            at -= 1;
        }
        self.digits[at] += 1;
        self.first = self.first.min(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_up() {
        let mut counter = Counter::at(8);
        for value in 8..12_345 {
            assert_eq!(counter.digits(), value.to_string().as_bytes());
            counter.up();
        }
    }

    #[test]
    fn it_stops_at_the_first_row_that_reaches_the_bytes() {
        let segment = Segment {
            begin: 0,
            end: 9,
            at: 0,
            span: 0,
        };
        let row = "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"value\":0}\n".len();
        for (bytes, rows) in [(0, 1), (row, 1), (row + 1, 2)] {
            let mut out = Vec::new();
            assert_eq!(
                Generator::new(0).write(&mut out, &segment, 0, 9, bytes as u64),
                rows
            );
        }
    }
}
