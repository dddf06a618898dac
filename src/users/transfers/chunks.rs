//! Which chunks of a file were sent: their numbers, as ranges. It must not know what is in them.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) total: u64,
    pub(super) sent: u64,
    /// The first number of each range, with the last.
    pub(super) ranges: BTreeMap<u64, u64>,
}

impl Chunks {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            sent: 0,
            ranges: BTreeMap::new(),
        }
    }

    /// Adds the chunks from one to another.
    pub(super) fn insert(&mut self, mut first: u64, mut last: u64) {
        // Those that overlap or touch become one.
        let near: Vec<_> = self
            .ranges
            .range(..=last.saturating_add(1))
            .rev()
            .take_while(|&(_, &end)| end.saturating_add(1) >= first)
            .map(|(&first, &last)| (first, last))
            .collect();
        for (from, to) in near {
            self.ranges.remove(&from);
            self.sent -= to - from + 1;
            first = first.min(from);
            last = last.max(to);
        }
        self.ranges.insert(first, last);
        self.sent += last - first + 1;
    }
}
