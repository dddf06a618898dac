//! How memory is freed: histories are cut, and sessions evicted whose members and keys take the most; always of those
//! who made the sessions that take the most, so that whoever fills the memory does not drive others out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::MemoryStore;

/// The shortest time between two lines of the log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// When evictions were logged.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    logged_at: Mutex<Option<Instant>>,
}

impl Evictions {
    fn log(&self, sessions: usize) {
        let mut logged_at = self.logged_at.lock();
        if logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            *logged_at = Some(Instant::now());
            tracing::warn!(
                sessions,
                "the keys of sessions take more memory than they may: the largest sessions are ended"
            );
        }
    }
}

impl MemoryStore {
    /// Lets sessions count as expired that take this many bytes for members and keys, beside those that do already.
    pub(super) fn evict(&self, bytes: usize) {
        let mut found: Vec<_> = self
            .sessions
            .iter()
            .map(|session| {
                let of_maker = self.usage.fixed_of(session.maker);
                let taken = session.counted_fixed;
                (
                    Reverse((of_maker, taken)),
                    session.key().clone(),
                    session.is_evicted,
                )
            })
            .collect();
        found.sort_unstable_by_key(|(size, _, _)| *size);
        let (mut freed, mut evicted) = (0, 0);
        for (Reverse((_, taken)), id, is_evicted) in found {
            if freed >= bytes {
                break;
            }
            freed += taken;
            if !is_evicted && let Some(mut session) = self.sessions.get_mut(&id) {
                session.is_evicted = true;
                evicted += 1;
            }
        }
        if evicted > 0 {
            self.evictions.log(evicted);
        }
    }

    /// Whether there is memory for this many bytes more. If not, histories are cut first, so far that it
    /// suffices for a while. Must be called while no session is locked.
    pub(super) fn free_memory(&self, bytes: usize) -> bool {
        if self.has_memory_for(bytes) {
            return true;
        }
        let target = self.limits.now().memory - self.limits.now().memory / 16;
        let left = target.saturating_sub(self.usage.fixed() + bytes);
        let max_of = self.common_lengths(left);
        for mut session in self.sessions.iter_mut() {
            let max = max_of.get(&session.maker).copied().unwrap_or(usize::MAX);
            if session.history.bytes() > max {
                session.history.cut_to(max);
                self.recount_history(&mut session);
            }
        }
        self.has_memory_for(bytes)
    }

    /// How long each history may be that an address made, so that all together take `sum` bytes: first those are
    /// cut whose histories take the most together, and of these the longest.
    fn common_lengths(&self, sum: usize) -> HashMap<IpAddr, usize> {
        let mut lengths: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        for session in self.sessions.iter() {
            let of_maker = lengths.entry(session.maker).or_default();
            of_maker.push(session.history.bytes());
        }
        let mut sums: Vec<usize> = lengths.values().map(|all| all.iter().sum()).collect();
        let max_sum = common_length(&mut sums, sum);
        lengths
            .into_iter()
            .map(|(maker, mut lengths)| (maker, common_length(&mut lengths, max_sum)))
            .collect()
    }
}

/// The length to which the longest of these have to be cut so that all together take at most `sum`.
pub(super) fn common_length(lengths: &mut [usize], sum: usize) -> usize {
    lengths.sort_unstable();
    let mut left = sum;
    for (index, &length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}
