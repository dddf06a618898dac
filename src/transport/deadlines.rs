//! All open links, and the one task that enforces their deadlines, so that a connection needs no
//! timer. The connections' own task cannot do it: a link is open before any Socket.IO connection,
//! and may never carry one. It must not decide what a deadline is; that is the link's.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::clock::now_ms;
use super::flow::Carrier as _;
use super::link::Link;
use crate::model::DisconnectReason;

/// How often deadlines are checked, and so how late a link may be closed.
const INTERVAL: Duration = Duration::from_secs(1);

/// All open TCP connections.
#[derive(Debug, Default)]
pub(crate) struct Links {
    open: Mutex<Vec<Weak<Link>>>,
}

impl Links {
    pub(super) fn add(&self, link: Link) -> Arc<Link> {
        let link = Arc::new(link);
        self.open.lock().push(Arc::downgrade(&link));
        link
    }

    /// Enforces deadlines; never returns.
    pub(crate) async fn enforce_deadlines(self: Arc<Self>) {
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

    /// Closes all connections at once.
    pub(crate) fn close_all(&self, reason: DisconnectReason) {
        for link in self.all() {
            link.close(reason);
        }
    }

    /// Whether an HTTP request is being answered on any of them.
    pub(crate) fn are_busy(&self) -> bool {
        self.all().iter().any(|link| link.is_busy())
    }

    fn all(&self) -> Vec<Arc<Link>> {
        let mut open = self.open.lock();
        let mut links = Vec::with_capacity(open.len());
        open.retain(|link| link.upgrade().map(|link| links.push(link)).is_some());
        links
    }
}
