//! How far one partition has been read.

use std::collections::VecDeque;

use rdkafka::message::OwnedMessage;

/// One partition.
#[derive(Debug, Default)]
pub struct Partition {
    /// The first offset of the open batch.
    pub from: i64,
    /// The offset after the last message that was read.
    pub next: i64,
    /// The end of what there was when `--available-now` looked.
    pub until: Option<i64>,
    /// The end has been seen, and nothing came after it.
    pub at_end: bool,
    /// Messages the open batch may still take; none is no limit.
    pub quota: Option<u64>,
    /// Messages that have come and wait for their turn.
    pub held: VecDeque<OwnedMessage>,
    /// So many are held that the client was told to bring no more.
    pub paused: bool,
}

impl Partition {
    /// A partition to be read from this offset.
    pub fn new(next: i64) -> Partition {
        Partition {
            from: next,
            next,
            ..Partition::default()
        }
    }

    /// True if a message of this offset may go into the open batch.
    pub fn takes(&self, offset: i64) -> bool {
        self.quota != Some(0) && self.until.is_none_or(|until| offset < until)
    }

    /// A message of this offset went into the open batch.
    pub fn took(&mut self, offset: i64) {
        self.next = offset + 1;
        if let Some(quota) = &mut self.quota {
            *quota -= 1;
        }
    }

    /// True if nothing of what `--available-now` saw is left. Offsets may be no messages (transaction markers, compacted
    /// away), so the end counts as well as the last offset.
    pub fn is_done(&self) -> bool {
        let Some(until) = self.until else {
            return false;
        };
        let next = self.held.front().map(rdkafka::Message::offset);
        self.next >= until
            || next.is_some_and(|next| next >= until)
            || next.is_none() && self.at_end
    }

    /// True if a held message may be taken now.
    pub fn is_ready(&self) -> bool {
        self.held
            .front()
            .is_some_and(|message| self.takes(rdkafka::Message::offset(message)))
    }
}

/// Shares `limit` out over partitions with so many messages each, in proportion, at least one each (Spark's
/// KafkaMicroBatchStream.rateLimit).
pub fn shares(limit: u64, sizes: &[u64]) -> Vec<Option<u64>> {
    let total: u64 = sizes.iter().sum();
    if total <= limit {
        return vec![None; sizes.len()];
    }
    let share = |size: u64| {
        if size == 0 {
            return 0;
        }
        let exact = u128::from(limit) * u128::from(size) / u128::from(total);
        u64::try_from(exact).unwrap_or(u64::MAX).max(1)
    };
    sizes.iter().map(|size| Some(share(*size))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shared_in_proportion_and_nobody_starves() {
        assert_eq!(shares(10, &[3, 7]), [None, None]);
        assert_eq!(shares(10, &[30, 60, 0]), [Some(3), Some(6), Some(0)]);
        assert_eq!(shares(10, &[1, 1_000_000]), [Some(1), Some(9)]);
    }

    #[test]
    fn an_end_without_a_message_is_an_end() {
        let mut partition = Partition::new(5);
        assert!(!partition.is_done());
        partition.until = Some(8);
        assert!(!partition.is_done());
        partition.took(5);
        // Offsets 6 and 7 are a transaction's markers.
        partition.at_end = true;
        assert!(partition.is_done());
        assert!(!partition.takes(8));
    }
}
