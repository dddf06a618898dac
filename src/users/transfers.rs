//! Which chunks of which files one user has sent, so that the last one is recognized in whatever order
//! they are sent. Only the numbers of chunks are stored, as ranges, and a bounded number of them: of a
//! file that is dropped, completion is not reported.

use std::collections::{BTreeMap, VecDeque};

/// How many files of one user are tracked at a time.
const MAX_FILES: usize = 64;
/// How many ranges of chunk numbers one file may have.
const MAX_RANGES: usize = 4096;

/// Names one file: recipient and message id.
type Key = (Box<str>, Box<str>);

/// Whether a file is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Chunks are missing.
    Partial,
    /// This was the last missing chunk.
    Complete,
}

/// The files that one user is sending.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    /// The oldest first.
    files: VecDeque<(Key, Chunks)>,
}

#[derive(Debug)]
struct Chunks {
    total: u64,
    sent: u64,
    /// The first number of each range, with the last.
    ranges: BTreeMap<u64, u64>,
}

impl Transfers {
    /// Counts chunk `number` of `total`, where `number` is less than `total`.
    pub(crate) fn sent(
        &mut self,
        recipient: &str,
        message: &str,
        number: u64,
        total: u64,
    ) -> Progress {
        let found = self
            .files
            .iter()
            .position(|((to, id), _)| **to == *recipient && **id == *message);
        let index = match found {
            Some(index) if self.files[index].1.total == total => index,
            Some(index) => {
                self.files[index].1 = Chunks::new(total);
                index
            }
            None if total == 1 => return Progress::Complete,
            None => {
                if self.files.len() == MAX_FILES {
                    self.files.pop_front();
                }
                self.files
                    .push_back(((recipient.into(), message.into()), Chunks::new(total)));
                self.files.len() - 1
            }
        };
        let chunks = &mut self.files[index].1;
        chunks.insert(number);
        if chunks.sent == total {
            self.files.remove(index);
            return Progress::Complete;
        }
        if chunks.ranges.len() > MAX_RANGES {
            self.files.remove(index);
        }
        Progress::Partial
    }
}

impl Chunks {
    fn new(total: u64) -> Self {
        Self {
            total,
            sent: 0,
            ranges: BTreeMap::new(),
        }
    }

    fn insert(&mut self, number: u64) {
        let mut first = number;
        let mut last = number;
        if let Some((&before, &end)) = self.ranges.range(..=number).next_back() {
            if end >= number {
                return;
            }
            if end + 1 == number {
                first = before;
            }
        }
        if let Some(&end) = self.ranges.get(&(number + 1)) {
            self.ranges.remove(&(number + 1));
            last = end;
        }
        self.ranges.insert(first, last);
        self.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_file_is_complete_with_its_last_missing_chunk_and_not_before(
            order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
            repeats in prop::collection::vec(0usize..40, 0..20),
        ) {
            let mut transfers = Transfers::default();
            for (at, &number) in order.iter().enumerate() {
                let last = at + 1 == order.len();
                let expected = if last { Progress::Complete } else { Progress::Partial };
                prop_assert_eq!(transfers.sent("bob", "m", number, 40), expected);
                for &repeat in repeats.iter().filter(|&&repeat| repeat <= at && !last) {
                    prop_assert_eq!(transfers.sent("bob", "m", order[repeat], 40), Progress::Partial);
                }
            }
            prop_assert!(transfers.files.is_empty());
        }
    }

    #[test]
    fn files_are_kept_apart_and_their_number_is_bounded() {
        let mut transfers = Transfers::default();
        assert_eq!(transfers.sent("bob", "m", 0, 2), Progress::Partial);
        assert_eq!(transfers.sent("carol", "m", 1, 2), Progress::Partial);
        assert_eq!(transfers.sent("bob", "m", 1, 2), Progress::Complete);
        for n in 0..1000 {
            transfers.sent("bob", &n.to_string(), 0, 2);
        }
        assert_eq!(transfers.files.len(), MAX_FILES);
    }

    #[test]
    fn chunks_far_apart_do_not_fill_memory() {
        let mut transfers = Transfers::default();
        for n in 0..2 * MAX_RANGES as u64 {
            transfers.sent("bob", "m", 2 * n, u64::MAX);
        }
        assert!(
            transfers
                .files
                .iter()
                .map(|(_, chunks)| chunks.ranges.len())
                .sum::<usize>()
                <= MAX_RANGES
        );
    }
}
