//! How a marked stream ended: by its last line, which is all a copy of bytes has to know.

use st_stream::marker::{self, Abort, Marker};

/// The last line of what was copied so far, kept only if it is a marker.
#[derive(Debug, Default)]
pub struct Tail {
    marker: Vec<u8>,
    /// The copy stands within a line.
    within: bool,
}

/// What the last line of a marked stream was.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// The `end` marker.
    Cleanly,
    /// An `abort` marker.
    Aborted(Abort),
    /// Anything else.
    BrokenOff,
}

impl Tail {
    /// Takes note of the next bytes of the stream.
    pub fn follow(&mut self, bytes: &[u8]) {
        let Some((last, before)) = bytes.split_last() else {
            return;
        };
        let whole = *last == b'\n';
        let text = if whole { before } else { bytes };
        let line = memchr::memrchr(b'\n', text).map(|at| &text[at + 1..]);
        let fresh = line.is_some() || !self.within;
        self.marker.clear();
        let line = line.unwrap_or(text);
        if fresh && marker::is_marker(line) {
            self.marker.extend_from_slice(line);
        }
        self.within = !whole;
    }

    /// How the stream ended, if it ends here.
    pub fn ended(&self) -> Ended {
        if self.marker.is_empty() {
            return Ended::BrokenOff;
        }
        match Marker::parse(&self.marker) {
            Ok(Marker::End) => Ended::Cleanly,
            Ok(Marker::Abort(abort)) => Ended::Aborted(abort),
            _ => Ended::BrokenOff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(pieces: &[&str]) -> Ended {
        let mut tail = Tail::default();
        for piece in pieces {
            tail.follow(piece.as_bytes());
        }
        tail.ended()
    }

    #[test]
    fn the_last_line_says_how_it_ended() {
        assert_eq!(ended(&["{\"a\":1}\n{\"$st\":\"end\"}\n"]), Ended::Cleanly);
        assert_eq!(ended(&["{\"a\":1}\n", "{\"$st\":\"end\"}"]), Ended::Cleanly);
        assert_eq!(
            ended(&["{\"$st\":\"end\"}\n", "{\"a\":1}\n"]),
            Ended::BrokenOff
        );
        assert_eq!(ended(&["{\"a\":1}\n"]), Ended::BrokenOff);
        assert_eq!(ended(&["{\"a\":", "{\"$st\":\"end\"}\n"]), Ended::BrokenOff);
        assert_eq!(ended(&[]), Ended::BrokenOff);
        let abort = Abort {
            stage: "st-agg".into(),
            reason: "no".into(),
        };
        assert_eq!(
            ended(&["{\"$st\":\"abort\",\"stage\":\"st-agg\",\"reason\":\"no\"}\n"]),
            Ended::Aborted(abort)
        );
    }
}
