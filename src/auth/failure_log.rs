//! The log of failed authentications: a line for each, up to a number a minute and reason; of more, one line when
//! the minute ends. It must not know a token.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use parking_lot::Mutex;

use crate::model::AuthFailure;

/// How many lines of one reason there are in a minute.
const LINES: u32 = 10;
/// How many addresses of one reason are told apart.
const MAX_ADDRESSES: usize = 10_000;

/// The failures of this minute.
#[derive(Debug, Default)]
pub(super) struct FailureLog(Mutex<HashMap<AuthFailure, Minute>>);

#[derive(Debug, Default)]
struct Minute {
    lines: u32,
    more: u64,
    addresses: HashSet<IpAddr>,
}

impl FailureLog {
    /// Whether this failure gets a line of its own.
    pub(super) fn admits(&self, failure: AuthFailure, address: IpAddr) -> bool {
        let mut minutes = self.0.lock();
        let minute = minutes.entry(failure).or_default();
        if minute.lines < LINES {
            minute.lines += 1;
            return true;
        }
        minute.more += 1;
        if minute.addresses.len() < MAX_ADDRESSES {
            minute.addresses.insert(address);
        }
        false
    }

    /// Logs those that got no line, and begins anew.
    pub(super) fn end_minute(&self) {
        let ended = std::mem::take(&mut *self.0.lock());
        for (failure, minute) in ended {
            if minute.more > 0 {
                tracing::warn!(
                    reason = failure.as_str(),
                    count = minute.more,
                    addresses = minute.addresses.len(),
                    "more clients were not authenticated"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_so_many_lines_a_minute() {
        let log = FailureLog::default();
        let admits = |failure| {
            let address = |last: u8| IpAddr::from([192, 0, 2, last]);
            (0..20)
                .filter(|last| log.admits(failure, address(*last)))
                .count()
        };
        assert_eq!(admits(AuthFailure::Expired), 10);
        assert_eq!(admits(AuthFailure::BadSignature), 10);
        assert_eq!(admits(AuthFailure::Expired), 0);
        let expired = |log: &FailureLog| {
            let minutes = log.0.lock();
            let minute = &minutes[&AuthFailure::Expired];
            (minute.more, minute.addresses.len())
        };
        assert_eq!(expired(&log), (30, 20));
        log.end_minute();
        assert_eq!(admits(AuthFailure::Expired), 10);
    }
}
