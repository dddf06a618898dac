//! The log of refused origins: what is missing in the settings, each time an origin is new, and not more often than
//! once a second, however many are made up.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

/// How many origins are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);
/// After how long one is logged again.
const AGAIN: Duration = Duration::from_secs(600);
/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// What browsers send for a page whose origin nobody may know.
const OPAQUE: &str = "null";

/// Where a page is from that is not of an allowed origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// From this server.
    Own,
    /// From the host that the request names, which is not known to be this server.
    Unknown,
    /// From elsewhere.
    Foreign,
}

pub(super) struct RefusedOrigins(Mutex<Logged>);

struct Logged {
    origins: LruCache<String, Instant>,
    last: Option<Instant>,
}

impl Default for RefusedOrigins {
    fn default() -> Self {
        Self(Mutex::new(Logged {
            origins: LruCache::new(REMEMBERED),
            last: None,
        }))
    }
}

impl RefusedOrigins {
    /// Logs that a page of this origin was refused, and what would allow it.
    pub(super) fn log(&self, origin: &str, page: Page) {
        if !self.0.lock().is_due(origin, Instant::now()) {
            return;
        }
        match page {
            // Named in no setting: anybody's page can have it.
            _ if origin == OPAQUE => tracing::warn!(
                origin,
                "a web page without an origin was refused: local files and sandboxed frames have none; serve it by \
                 http or by a scheme of the application, and add that to allowed_origins (CORS_ORIGIN)"
            ),
            Page::Unknown => tracing::warn!(
                origin,
                "a web page was refused that may be from this server: if so, set public_hosts to its host, or \
                 trusted_proxies to the proxy that forwards it"
            ),
            Page::Own | Page::Foreign => tracing::warn!(
                origin,
                "a web page was refused: to let it call, add its origin to allowed_origins (CORS_ORIGIN)"
            ),
        }
    }
}

impl Logged {
    fn is_due(&mut self, origin: &str, now: Instant) -> bool {
        let is_old = |at: &Instant| now.duration_since(*at) >= AGAIN;
        let is_due = self.origins.get(origin).is_none_or(is_old);
        let is_paused = self.last.is_some_and(|at| now.duration_since(at) < PAUSE);
        if is_due && !is_paused {
            self.origins.put(origin.to_owned(), now);
            self.last = Some(now);
        }
        is_due && !is_paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_logged_once_in_a_while_and_strangers_once_a_second() {
        let RefusedOrigins(logged) = RefusedOrigins::default();
        let (mut logged, start) = (logged.into_inner(), Instant::now());
        let mut is_due =
            |origin: &str, after: u64| logged.is_due(origin, start + Duration::from_millis(after));
        assert!(is_due("a", 0));
        assert!(!is_due("a", 5_000));
        assert!(is_due("b", 5_000));
        assert!(!is_due("c", 5_999));
        assert!(is_due("c", 6_000));
        assert!(!is_due("a", 599_000));
        assert!(is_due("a", 600_000));
    }
}
