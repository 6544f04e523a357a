//! Windows of a fixed size that begin at fixed moments: Spark's `window()` (`TimeWindow`), and days of a time zone.

use st_stream::cli::usage;
use st_time::{DAY, Duration, Zone};

/// The windows there are; lengths in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    size: i64,
    slide: i64,
    offset: i64,
    /// Windows are aligned to the midnight of this zone.
    zone: Option<Zone>,
}

impl Grid {
    /// The windows of this size. `zone` aligns those of whole days.
    ///
    /// # Errors
    /// What Spark refuses: months, no or negative lengths, a slide longer than the size, an offset not shorter than the slide.
    pub fn new(
        size: Duration,
        slide: Option<Duration>,
        offset: Option<Duration>,
        zone: Option<Zone>,
    ) -> anyhow::Result<Grid> {
        let fixed = |name: &str, duration: Duration| {
            duration.as_micros().ok_or_else(|| {
                usage(format!(
                    "{name} ({duration}): a month has no fixed length: give days, as in '30 days'"
                ))
            })
        };
        let size_micros = fixed("SIZE", size)?;
        let slide = slide.unwrap_or(size);
        let slide_micros = fixed("SLIDE", slide)?;
        let offset = offset.unwrap_or_default();
        let offset_micros = fixed("--offset", offset)?;
        for (name, duration, micros) in
            [("SIZE", size, size_micros), ("SLIDE", slide, slide_micros)]
        {
            if micros <= 0 {
                return Err(usage(format!(
                    "{name} ({duration}) must be longer than nothing"
                )));
            }
        }
        if slide_micros > size_micros {
            return Err(usage(format!(
                "SLIDE ({slide}) must not be longer than SIZE ({size}): rows between two windows would be in none"
            )));
        }
        if offset_micros.abs() >= slide_micros {
            return Err(usage(format!(
                "--offset ({offset}) must be shorter than {slide}, after which windows begin again"
            )));
        }
        let days = size_micros % DAY == 0 && slide_micros % DAY == 0;
        Ok(Grid {
            size: size_micros,
            slide: slide_micros,
            offset: offset_micros,
            zone: zone.filter(|_| days),
        })
    }

    /// True if a moment can be in several windows.
    pub fn overlaps(&self) -> bool {
        self.slide < self.size
    }

    /// The windows `[start, end)` that hold a moment, the earliest first; `None` in place of one out of range.
    #[inline]
    pub fn of(self, micros: i64) -> impl Iterator<Item = Option<(i64, i64)>> {
        let local = self.zone.map_or(micros, |zone| zone.to_local(micros));
        st_time::windows(local, self.size, self.slide, self.offset).map(move |start| {
            let end = start.checked_add(self.size)?;
            match self.zone {
                None => Some((start, end)),
                Some(zone) => Some((zone.to_utc(start)?, zone.to_utc(end)?)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn windows(grid: &str, zone: Option<&str>, time: &str) -> Vec<String> {
        let mut parts = grid.split(',').map(|part| part.trim().parse().unwrap());
        let (size, slide, offset) = (parts.next().unwrap(), parts.next(), parts.next());
        let zone = zone.map(|zone| st_time::parse_zone(zone).unwrap());
        let grid = Grid::new(size, slide, offset, zone).unwrap();
        let iso = |micros| {
            let mut text = Vec::new();
            st_time::write_iso(&mut text, micros, Zone::UTC);
            String::from_utf8(text).unwrap().replace(":00.000Z", "")
        };
        let micros = st_time::parse_timestamp(time.as_bytes(), Zone::UTC).unwrap();
        grid.of(micros)
            .map(|window| window.unwrap())
            .map(|(start, end)| format!("{} {}", iso(start), iso(end)))
            .collect()
    }

    /// Answers of PySpark 4.3.0.
    #[test]
    fn windows_are_sparks() {
        let time = "2025-01-15 10:07:30.123456";
        assert_eq!(
            windows("5m", None, time),
            ["2025-01-15T10:05 2025-01-15T10:10"]
        );
        assert_eq!(
            windows("20m, 15m", None, time),
            ["2025-01-15T10:00 2025-01-15T10:20"]
        );
        assert_eq!(
            windows("5m, 5m, 1m", None, time),
            ["2025-01-15T10:06 2025-01-15T10:11"]
        );
        assert_eq!(
            windows("5m, 5m, -1m", None, time),
            ["2025-01-15T10:04 2025-01-15T10:09"]
        );
        assert_eq!(
            windows("1 week", None, time),
            ["2025-01-09T00:00 2025-01-16T00:00"]
        );
        assert_eq!(
            windows("5m", None, "1969-12-31 23:58:00"),
            ["1969-12-31T23:55 1970-01-01T00:00"]
        );
        let sliding = [
            "2025-01-15T09:50 2025-01-15T10:10",
            "2025-01-15T10:00 2025-01-15T10:20",
        ];
        assert_eq!(windows("20m, 10m", None, time), sliding);
    }

    #[test]
    fn days_of_a_zone_begin_at_its_midnight() {
        let berlin = Some("Europe/Berlin");
        assert_eq!(
            windows("1 day", berlin, "2025-01-15 23:30:00"),
            ["2025-01-15T23:00 2025-01-16T23:00"]
        );
        // The clock goes forward on March 30: that day has 23 hours; back on October 26: 25.
        assert_eq!(
            windows("1 day", berlin, "2025-03-30 10:00:00"),
            ["2025-03-29T23:00 2025-03-30T22:00"]
        );
        assert_eq!(
            windows("1 day", berlin, "2025-10-26 10:00:00"),
            ["2025-10-25T22:00 2025-10-26T23:00"]
        );
        assert_eq!(
            windows("1 day, 1 day, 6 hours", berlin, "2025-01-15 04:00:00"),
            ["2025-01-14T05:00 2025-01-15T05:00"]
        );
        assert_eq!(
            windows("6 hours", berlin, "2025-01-15 04:00:00"),
            ["2025-01-15T00:00 2025-01-15T06:00"]
        );
    }

    #[test]
    fn what_spark_refuses_is_refused() {
        let refused = |size: &str, slide: Option<&str>, offset: Option<&str>| {
            let read = |text: &str| text.parse::<Duration>().unwrap();
            Grid::new(read(size), slide.map(read), offset.map(read), None)
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused("1 month", None, None)
                .starts_with("SIZE (1 month): a month has no fixed length")
        );
        assert_eq!(
            refused("0s", None, None),
            "SIZE (0 seconds) must be longer than nothing"
        );
        assert!(
            refused("5m", Some("10m"), None)
                .starts_with("SLIDE (10 minutes) must not be longer than SIZE (5 minutes)")
        );
        assert!(
            refused("5m", None, Some("7m"))
                .starts_with("--offset (7 minutes) must be shorter than 5 minutes")
        );
    }
}
