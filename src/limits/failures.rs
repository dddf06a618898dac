//! Counts what failed from each address, and of each thing that was tried, in windows of a fixed length.
//! What is right is never counted, and never refused for what failed before: nobody locks out others.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::block::{Block, WIDE};
use super::{Action, count_unless, quota_of};
use crate::config::LiveConfig;
use crate::metrics::refusals::Limit;

/// The most that are counted at a time. What comes on top may fail any number of times, which costs the
/// guesser nothing but a reason.
const MAX_COUNTED: usize = 65_536;

/// How long a client waits that has tried too many keys of a session, so that it cannot try many.
pub(crate) const GUESS_DELAY: Duration = Duration::from_secs(2);

/// The failures of each address, of each user that tokens name, and of each session at an address.
#[derive(Debug)]
pub(crate) struct Failures {
    /// By the hash of what is counted, which is random in each process.
    counted: DashMap<u64, Window>,
    hasher: RandomState,
    config: LiveConfig,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

/// What is counted.
#[derive(Hash)]
enum Counted<'a> {
    Block(Block),
    Subject(&'a str),
    Session(&'a str, Block),
}

impl Failures {
    /// No failures yet; as many are allowed as [`Action::FailedAuth`] says.
    pub(super) fn new(config: &LiveConfig) -> Self {
        Self {
            counted: DashMap::new(),
            hasher: RandomState::new(),
            config: config.clone(),
        }
    }

    /// How many there may be in a window, and its length; `None` any number.
    fn allowed(&self) -> Option<(u32, Duration)> {
        let quota = quota_of(&self.config, Action::FailedAuth)?;
        Some((quota.burst().get(), quota.window()))
    }

    /// Counts a token that was not accepted, or something like it, for its address and for the user that
    /// it named, if it did; whether there were too many of either.
    pub(crate) fn exceeded_by(&self, address: IpAddr, subject: Option<&str>) -> bool {
        let of_subject = subject.is_some_and(|subject| self.is_over(&Counted::Subject(subject), 1));
        let exceeded = self.are_over(address, Counted::Block) || of_subject;
        !count_unless(!exceeded, Limit::FailedAuth)
    }

    /// Counts a wrong key of a session; whether there were too many of it from this address.
    pub(crate) fn exceeded_at(&self, session: &str, address: IpAddr) -> bool {
        let exceeded = self.are_over(address, |block| Counted::Session(session, block));
        !count_unless(!exceeded, Limit::FailedAuth)
    }

    /// Counts one for an address, and for the site that it is of.
    fn are_over<'a>(&self, address: IpAddr, counted: impl Fn(Block) -> Counted<'a>) -> bool {
        let is_over = self.is_over(&counted(Block::narrow(address)), 1);
        let wide = Block::wide(address);
        let is_wide_over = wide.is_some_and(|wide| self.is_over(&counted(wide), WIDE));
        is_over || is_wide_over
    }

    /// Counts one; whether there are more than so many times the allowed number.
    fn is_over(&self, counted: &Counted<'_>, times: u32) -> bool {
        let Some((max, length)) = self.allowed() else {
            return false;
        };
        let key = self.hasher.hash_one(counted);
        if self.counted.len() >= MAX_COUNTED && !self.counted.contains_key(&key) {
            return false;
        }
        let new = Window {
            since: Instant::now(),
            count: 0,
        };
        let mut window = self.counted.entry(key).or_insert(new);
        if window.since.elapsed() >= length {
            *window = new;
        }
        window.count = window.count.saturating_add(1);
        window.count > max.saturating_mul(times)
    }

    /// Drops the windows that are over.
    pub(super) fn sweep(&self) {
        let length = self.allowed().map(|(_, length)| length);
        self.counted
            .retain(|_, window| length.is_some_and(|length| window.since.elapsed() < length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Rate};
    use std::net::Ipv4Addr;

    fn two_a_minute() -> Failures {
        Failures::new(&LiveConfig::new(Config {
            failed_auth_rate: Rate::per_minute(2),
            ..Config::default()
        }))
    }

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    #[test]
    fn an_address_may_fail_so_often_and_so_may_others() {
        let failures = two_a_minute();
        let over = [0; 4].map(|_| failures.exceeded_by(HERE, None));
        assert_eq!(over, [false, false, true, true]);
        assert!(!failures.exceeded_by(THERE, None));
        failures.sweep();
        assert!(failures.exceeded_by(HERE, None), "the window is not over");
    }

    #[test]
    fn a_user_may_be_tried_so_often_wherever_from() {
        let failures = two_a_minute();
        let from = |last: u8| IpAddr::from([192, 0, 2, last]);
        let over = [1, 2, 3].map(|last| failures.exceeded_by(from(last), Some("bob")));
        assert_eq!(over, [false, false, true]);
        assert!(!failures.exceeded_by(from(4), Some("carol")));
    }

    #[test]
    fn a_session_may_be_tried_so_often_at_each_address_and_others_as_often() {
        let failures = two_a_minute();
        let over = [0; 3].map(|_| failures.exceeded_at("s1", HERE));
        assert_eq!(over, [false, false, true]);
        assert!(!failures.exceeded_at("s2", HERE) && !failures.exceeded_at("s1", THERE));
        let subnet = |n: u8| IpAddr::from([0x2001, 0xdb8, 0, u16::from(n), 0, 0, 0, 1]);
        let over = (0..20).filter(|n| failures.exceeded_at("s1", subnet(*n)));
        assert_eq!(over.count(), 20 - 2 * WIDE as usize, "of one site");
    }

    #[test]
    fn a_window_ends() {
        let failures = two_a_minute();
        let end = || {
            let long_ago = Instant::now().checked_sub(Duration::from_secs(60));
            let mut counted = failures.counted.iter_mut();
            counted.all(|mut window| {
                long_ago.is_some_and(|at| {
                    window.since = at;
                    true
                })
            })
        };
        assert!(!failures.exceeded_by(HERE, None) && !failures.exceeded_by(HERE, None));
        assert!(end() && !failures.exceeded_by(HERE, None));
        assert!(end());
        failures.sweep();
        assert!(failures.counted.is_empty());
    }

    #[test]
    fn no_more_are_counted_than_there_is_memory_for() {
        let failures = two_a_minute();
        for number in 0..MAX_COUNTED + 10 {
            failures.is_over(&Counted::Subject(&number.to_string()), 1);
        }
        assert_eq!(failures.counted.len(), MAX_COUNTED);
        let known = [0; 2].map(|_| failures.is_over(&Counted::Subject("0"), 1));
        assert_eq!(known, [false, true]);
    }
}
