//! Where the watermark stands: Spark's `EventTimeWatermarkExec` rule, and what silence adds to it.
//!
//! Everything here follows from event times and the batches' clocks, which are recorded, so that a replay gives the same
//! marks. All times are microseconds since 1970.

/// The watermark of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The greatest event time seen.
    pub greatest: Option<i64>,
    /// The clock of the last batch that had an event time.
    pub seen: Option<i64>,
    /// The watermark after the last batch.
    pub mark: Option<i64>,
}

/// How the mark follows the event times.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What the mark stays behind the greatest event time.
    pub delay: i64,
    /// After how long without an event time the mark goes on by the clock.
    pub idle: Option<i64>,
}

impl Mark {
    /// Takes the greatest event time of a batch, if it had any, and moves the mark at the batch's end; `clock` is the batch's.
    ///
    /// The mark is cut to whole milliseconds and never goes back. When idle for at least `rule.idle`, it stands where it would
    /// if an event had come now that is as far behind the clock as the last one was.
    pub fn close(&mut self, batch_greatest: Option<i64>, clock: i64, rule: &Rule) {
        if let Some(time) = batch_greatest {
            self.greatest = self.greatest.max(Some(time));
            self.seen = Some(clock);
        }
        let Some(greatest) = self.greatest else {
            return;
        };
        let silent = self
            .seen
            .map_or(0, |seen| clock.saturating_sub(seen).max(0));
        let idle = rule.idle.is_some_and(|idle| silent >= idle);
        let reached = if idle {
            greatest.saturating_add(silent)
        } else {
            greatest
        };
        let mark = whole_millis(reached).saturating_sub(whole_millis(rule.delay));
        self.mark = self.mark.max(Some(mark));
    }
}

fn whole_millis(micros: i64) -> i64 {
    micros - micros.rem_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn marks(rule: Rule, batches: &[(Option<i64>, i64)]) -> Vec<Option<i64>> {
        let mut mark = Mark::default();
        let after = batches.iter().map(|(greatest, clock)| {
            mark.close(*greatest, *clock, &rule);
            mark.mark
        });
        after.collect()
    }

    #[test]
    fn follows_the_greatest_and_never_goes_back() {
        let rule = Rule {
            delay: 10 * SECOND,
            idle: None,
        };
        let batches = [
            (None, 0),
            (Some(30 * SECOND), 1),
            (Some(5 * SECOND), 2),
            (None, 3),
            (Some(31 * SECOND), 4),
        ];
        let expected = [
            None,
            Some(20 * SECOND),
            Some(20 * SECOND),
            Some(20 * SECOND),
            Some(21 * SECOND),
        ];
        assert_eq!(marks(rule, &batches), expected);
    }

    #[test]
    fn is_cut_to_whole_milliseconds() {
        let rule = Rule {
            delay: 0,
            idle: None,
        };
        assert_eq!(marks(rule, &[(Some(1_999), 0)]), [Some(1_000)]);
        assert_eq!(marks(rule, &[(Some(-1), 0)]), [Some(-1_000)]);
    }

    #[test]
    fn goes_on_by_the_clock_when_idle() {
        let rule = Rule {
            delay: 10 * SECOND,
            idle: Some(60 * SECOND),
        };
        let batches = [
            (Some(100 * SECOND), 1000 * SECOND),
            (None, 1059 * SECOND),
            (None, 1060 * SECOND),
            (None, 1090 * SECOND),
            // An event less far behind than the mark has come: the mark stays.
            (Some(120 * SECOND), 1091 * SECOND),
            (None, 1092 * SECOND),
        ];
        let expected = [90, 90, 150, 180, 180, 180].map(|mark| Some(mark * SECOND));
        assert_eq!(marks(rule, &batches), expected);
    }
}
