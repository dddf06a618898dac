//! All open links, and the watch over their deadlines: one task for all of them, so that a
//! connection costs no timer.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::link::Link;
use super::now_ms;
use crate::model::DisconnectReason;

/// How often deadlines are looked at; they are kept to about this.
const INTERVAL: Duration = Duration::from_secs(1);

/// All open TCP connections.
#[derive(Debug, Default)]
pub struct Links {
    open: Mutex<Vec<Weak<Link>>>,
}

impl Links {
    pub(super) fn add(&self, link: Link) -> Arc<Link> {
        let link = Arc::new(link);
        self.open.lock().push(Arc::downgrade(&link));
        link
    }

    /// Watches over deadlines for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let now = now_ms();
            for link in self.all() {
                link.check(now);
            }
        }
    }

    /// Ends all connections at once.
    pub fn close_all(&self, reason: DisconnectReason) {
        for link in self.all() {
            link.close(reason);
        }
    }

    /// Whether a request is being answered.
    pub fn are_busy(&self) -> bool {
        self.all().iter().any(|link| link.is_busy())
    }

    /// The number of open TCP connections.
    pub fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> Vec<Arc<Link>> {
        let mut open = self.open.lock();
        let mut links = Vec::with_capacity(open.len());
        open.retain(|link| link.upgrade().map(|link| links.push(link)).is_some());
        links
    }
}
