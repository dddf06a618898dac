//! Which batches are merged with new records: those of a kind that still grow, small ones at its end.
//!
//! Owns the sizes. A batch is of a level by how many records it has; 32 of a level become one of the
//! next, so that a record is written again twice at the most, and few small batches are left.

/// From here on a batch grows no more.
pub(super) const FULL_COUNT: usize = 1_024;
const FULL_BYTES: usize = 1024 * 1024;
/// So many at once are as good as full: merging more into them would write them twice.
const LARGE_COUNT: usize = FULL_COUNT / 2;
/// How many of a level become one of the next.
const FAN: usize = 32;

/// A batch that may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) number: i64,
    pub(super) count: usize,
    pub(super) bytes: usize,
}

/// How new records are stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The first of the batches that are merged with them: it and all behind it. `None`: none are.
    pub(super) from: Option<Small>,
    /// Their bytes.
    pub(super) bytes: usize,
    /// The batch grows no more.
    pub(super) is_full: bool,
}

/// The small batches of a kind, oldest first, the larger ones first.
#[derive(Debug, Default)]
pub(super) struct Stack(Vec<Small>);

impl Stack {
    pub(super) fn new(oldest_first: Vec<Small>) -> Self {
        Self(oldest_first)
    }

    /// What becomes of so many new records.
    pub(super) fn plan(&self, count: usize, bytes: usize) -> Plan {
        let all = sum(&self.0);
        let (with_all, bytes_with_all) = (count + all.0, bytes + all.1);
        let is_full =
            with_all >= FULL_COUNT || bytes_with_all >= FULL_BYTES || count >= LARGE_COUNT;
        let from = match is_full {
            true => 0,
            false => self.merged(count),
        };
        let merged = self.0.get(from..).unwrap_or_default();
        Plan {
            from: merged.first().copied(),
            bytes: sum(merged).1,
            is_full,
        }
    }

    /// Where those begin that are merged with so many new records.
    fn merged(&self, mut count: usize) -> usize {
        let mut from = self.0.len();
        loop {
            let before = self.0.get(..from).unwrap_or_default();
            let own = level(count);
            let lower = before.iter().rev();
            let lower = lower.take_while(|small| level(small.count) < own).count();
            let same = before.iter().rev();
            let same = same.take_while(|small| level(small.count) == own).count();
            let more = match (lower, same) {
                (1.., _) => lower,
                (0, same) if same >= FAN - 1 => same,
                _ => return from,
            };
            from -= more;
            count += sum(&before[from..]).0;
        }
    }

    /// The records were stored in this batch by a plan.
    pub(super) fn done(&mut self, plan: &Plan, batch: Small) {
        if let Some(from) = plan.from {
            self.0.retain(|small| small.number < from.number);
        }
        if !plan.is_full {
            self.0.push(batch);
        }
    }
}

fn sum(batches: &[Small]) -> (usize, usize) {
    batches.iter().fold((0, 0), |(count, bytes), small| {
        (count + small.count, bytes + small.bytes)
    })
}

fn level(count: usize) -> u32 {
    count.max(1).ilog(FAN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How often each record is written, and how many small batches there are at the most.
    fn run(sizes: impl IntoIterator<Item = usize>) -> (Vec<u32>, usize) {
        let (mut stack, mut written, mut most) = (Stack::default(), Vec::new(), 0);
        for (number, count) in sizes.into_iter().enumerate() {
            let plan = stack.plan(count, count * 300);
            let merged = match plan.from {
                Some(from) => {
                    let merged = stack.0.iter().filter(|small| small.number >= from.number);
                    merged.map(|small| small.count).sum()
                }
                None => 0,
            };
            let len = written.len();
            written[len - merged..]
                .iter_mut()
                .for_each(|times| *times += 1);
            written.extend(vec![1; count]);
            let batch = Small {
                number: plan.from.map_or(number as i64, |from| from.number),
                count: count + merged,
                bytes: (count + merged) * 300,
            };
            stack.done(&plan, batch);
            assert!(
                stack
                    .0
                    .is_sorted_by(|a, b| level(a.count) >= level(b.count))
            );
            most = most.max(stack.0.len());
        }
        (written, most)
    }

    #[test]
    fn a_record_is_written_three_times_at_the_most_and_few_batches_are_small() {
        for size in [1, 3, 31, 32, 50, 300, 511, 1_024] {
            let (written, most) = run(std::iter::repeat_n(size, 40_000 / size));
            assert!(written.iter().all(|times| *times <= 3), "{size}");
            assert!(most <= 62, "{most} of {size}");
        }
        let (written, _) = run([512; 9]);
        assert_eq!(written, [1; 9 * 512], "many at once are not merged");
    }

    proptest! {
        #[test]
        fn this_holds_for_any_sizes(
            sizes in prop::collection::vec(prop_oneof![1_usize..4, 1_usize..60, 1_usize..900], 1..400),
        ) {
            let (written, most) = run(sizes);
            prop_assert!(written.iter().all(|times| *times <= 3));
            prop_assert!(most <= 62, "{}", most);
        }
    }
}
