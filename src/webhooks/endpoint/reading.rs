//! Reading what an endpoint is to be told, as far as it can be held, and counting the rest.

use std::time::{Duration, Instant};

use super::{RETRY, Teller};
use crate::model::clock::{Clock as _, SystemClock};

/// The pause before further records are counted, and before it is looked again whether there are.
const COUNT: Duration = Duration::from_secs(1);
const COUNT_AGAIN: Duration = Duration::from_secs(5);

impl Teller {
    /// Whether more can be held.
    pub(super) fn can_read(&self) -> bool {
        !self.queue.is_full() && self.notes.have_room()
    }

    pub(super) async fn read(&mut self) {
        if !self.can_read() || !self.source.has_more() || self.read_at > Instant::now() {
            return;
        }
        let (now, now_ms) = (Instant::now(), SystemClock.now_ms());
        let queue = &mut self.queue;
        let mut take = |fact| {
            queue.push(fact, now, now_ms);
            !queue.is_full()
        };
        let read = self.source.read(&mut take).await;
        self.is_unread = read.is_err();
        if let Err(error) = read {
            let endpoint = &self.setup.common.status.name;
            tracing::warn!(endpoint, %error, "the audit cannot be read for an endpoint; trying again");
            self.read_at = Instant::now() + RETRY;
        }
        let (gone, lost) = self.source.take_gone();
        let lost = lost + self.source.take_dropped();
        self.setup.common.status.counts.lost.add(lost);
        self.reports.lost(lost, now);
        self.notes.done(gone);
        self.notes.read_to(self.source.read_to(), self.queue.ids());
    }

    /// Counts what waits beyond what can be held.
    pub(super) async fn count_ahead(&mut self) {
        if !self.queue.is_full() || self.count_at > Instant::now() {
            return;
        }
        let counted = self.source.count_ahead().await;
        self.is_unread = counted.is_err();
        let pause = match counted {
            Ok(true) => COUNT,
            Ok(false) | Err(_) => COUNT_AGAIN,
        };
        self.count_at = Instant::now() + pause;
    }
}
