//! Which row has which timestamp: the arithmetic of Spark's `RateStreamProvider` and `RatePerMicroBatchProvider`.

/// How values are spread over time. Times are milliseconds since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A rate, reached after some seconds.
    PerSecond { rate: i64, ramp: i64 },
    /// Batches of equal size.
    PerBatch { size: i64, advance: i64 },
}

/// Rows that share a second, or a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Values from here, up to but not including `end`.
    pub begin: i64,
    pub end: i64,
    /// Milliseconds from the start to the first row.
    pub at: i64,
    /// Milliseconds over which the rows are spread.
    pub span: i64,
}

impl Segment {
    /// Milliseconds from the start to the row of this value. Spark computes `round((value - begin) * (1000.0 / rows))`.
    #[inline]
    pub fn time_of(&self, value: i64) -> i64 {
        if self.span == 0 {
            return self.at;
        }
        let per_row = self.span as f64 / (self.end - self.begin) as f64;
        self.at + ((value - self.begin) as f64 * per_row + 0.5).floor() as i64
    }
}

impl Schedule {
    /// The number of rows after `seconds` whole seconds.
    pub fn rows_after(&self, seconds: i64) -> i64 {
        match *self {
            Schedule::PerSecond { rate, ramp } => value_at(seconds, rate, ramp),
            Schedule::PerBatch { .. } => i64::MAX,
        }
    }

    /// The segment that holds a value.
    pub fn segment(&self, value: i64) -> Segment {
        match *self {
            Schedule::PerBatch { size, advance } => {
                let batch = value / size;
                let begin = batch.saturating_mul(size);
                Segment {
                    begin,
                    end: begin.saturating_add(size),
                    at: batch.saturating_mul(advance),
                    span: 0,
                }
            }
            Schedule::PerSecond { rate, ramp } => {
                // The last second at whose beginning there were no more rows than this value.
                let (mut low, mut high) = (0, value / rate.max(1) + ramp + 2);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if value_at(middle + 1, rate, ramp) > value {
                        high = middle;
                    } else {
                        low = middle + 1;
                    }
                }
                let (begin, end) = (value_at(low, rate, ramp), value_at(low + 1, rate, ramp));
                Segment {
                    begin,
                    end,
                    at: low.saturating_mul(1000),
                    span: 1000,
                }
            }
        }
    }
}

/// `RateStreamProvider.valueAtSecond`: with a ramp of 4 seconds to 10 rows a second, 0 2 6 12 20 30 40 …
fn value_at(seconds: i64, rate: i64, ramp: i64) -> i64 {
    let step = rate / ramp.saturating_add(1);
    let ramped = |seconds: i64| {
        let sum = i128::from(seconds) * (i128::from(seconds) + 1) / 2 * i128::from(step);
        i64::try_from(sum).unwrap_or(i64::MAX)
    };
    if seconds <= ramp {
        ramped(seconds)
    } else {
        ramped(ramp).saturating_add((seconds - ramp).saturating_mul(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_rises_as_in_sparks_comment() {
        let schedule = Schedule::PerSecond { rate: 10, ramp: 4 };
        let rows: Vec<i64> = (0..7).map(|second| schedule.rows_after(second)).collect();
        assert_eq!(rows, [0, 2, 6, 12, 20, 30, 40]);
        assert_eq!(
            schedule.segment(6),
            Segment {
                begin: 6,
                end: 12,
                at: 2000,
                span: 1000
            }
        );
        assert_eq!(schedule.segment(39).begin, 30);
    }

    #[test]
    fn rows_of_a_second_are_spread_to_the_nearest_millisecond() {
        let segment = Schedule::PerSecond { rate: 6, ramp: 0 }.segment(6);
        let times: Vec<i64> = (6..12).map(|value| segment.time_of(value)).collect();
        assert_eq!(times, [1000, 1167, 1333, 1500, 1667, 1833]);
    }

    #[test]
    fn a_batch_has_one_time() {
        let segment = Schedule::PerBatch {
            size: 3,
            advance: 1000,
        }
        .segment(7);
        assert_eq!(
            segment,
            Segment {
                begin: 6,
                end: 9,
                at: 2000,
                span: 0
            }
        );
        assert_eq!(segment.time_of(8), 2000);
    }

    #[test]
    fn a_ramp_longer_than_the_rate_begins_with_nothing() {
        let schedule = Schedule::PerSecond { rate: 3, ramp: 5 };
        assert_eq!(
            schedule.segment(0),
            Segment {
                begin: 0,
                end: 3,
                at: 5000,
                span: 1000
            }
        );
    }
}
