//! Which windows an instant falls into (`TimeWindowing` of Spark): they are aligned to the epoch plus an offset, whatever the
//! zone, and the slide need not divide the size.

/// The start of the latest window that begins at or before `micros`, all in microseconds; `slide` is positive.
#[inline]
pub fn window_start(micros: i64, slide: i64, offset: i64) -> i64 {
    let slide = slide.max(1);
    // Division of 128 bits is a call and a loop; only an instant at the end of time needs it.
    let phase = match micros.checked_sub(offset) {
        Some(since) => since.rem_euclid(slide),
        None => (micros as i128 - offset as i128).rem_euclid(slide as i128) as i64,
    };
    micros.saturating_sub(phase)
}

/// The starts of all windows `[start, start + size)` that hold `micros`, earliest first. `slide` equals `size` for tumbling
/// windows; where it is longer, as Spark refuses, an instant may fall into none.
#[inline]
pub fn windows(micros: i64, size: i64, slide: i64, offset: i64) -> Windows {
    let slide = slide.max(1);
    let last = window_start(micros, slide, offset);
    // Those that begin after micros - size, in steps of the slide down from the last.
    // Less than a slide, as the last one begins no later than the instant.
    let since = micros.wrapping_sub(last);
    let left = if size > since {
        (size - since - 1) / slide + 1
    } else {
        0
    };
    let first = last as i128 - (left as i128 - 1) * slide as i128;
    Windows {
        next: first.max(i64::MIN as i128) as i64,
        slide,
        left,
    }
}

/// See [`windows`].
#[derive(Debug, Clone)]
pub struct Windows {
    next: i64,
    slide: i64,
    left: i64,
}

impl Iterator for Windows {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let start = self.next;
        self.next = start.saturating_add(self.slide);
        Some(start)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.max(0) as usize, Some(self.left.max(0) as usize))
    }
}

impl ExactSizeIterator for Windows {}
