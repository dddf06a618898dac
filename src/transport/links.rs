//! All open links: how many there may be, and the one task that enforces their deadlines, so that a
//! connection needs no timer. The connections' own task cannot do it: a link is open before any Socket.IO
//! connection, and may never carry one. It must not decide what a deadline is; that is the link's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::carrier::Carrier as _;
use super::clock::now_ms;
use super::link::Link;
use super::watch::Watched;
use crate::limits::{Fixed, Memory};
use crate::model::DisconnectReason;

/// How often deadlines are checked, and so how late a link may be closed.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a connection takes that carries nothing, in bytes: measured, and rounded up.
const LINK_BYTES: usize = 8 * 1024;

/// How many that have ended are remembered, beside as many as are open.
const UNTIDY: usize = 64;

/// All open TCP connections.
#[derive(Debug)]
pub(crate) struct Links {
    open: Mutex<Vec<Weak<Link>>>,
    watched: Arc<Watched<Link>>,
    count: Arc<AtomicUsize>,
    memory: Arc<Memory>,
    max: usize,
    /// Before this, in `now_ms` time, nothing is closed to make room: there was nothing to close.
    closed_none_until: AtomicU64,
    /// One of them has ended.
    ended: Arc<Notify>,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct OpenLink {
    count: Arc<AtomicUsize>,
    ended: Arc<Notify>,
    _memory: Fixed,
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.ended.notify_one();
    }
}

impl Links {
    /// At most `max` may be open.
    pub(crate) fn new(max: u32, memory: Arc<Memory>) -> Self {
        Self {
            memory,
            open: Mutex::default(),
            watched: Arc::default(),
            count: Arc::default(),
            max: max as usize,
            closed_none_until: AtomicU64::new(0),
            ended: Arc::default(),
        }
    }

    /// The budget of what they hold.
    pub(super) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// How many may be open.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Counts one more connection. `None`: there is no room for it. When all are open, some are closed that carry nothing,
    /// and waited for.
    pub(super) async fn make_room(&self) -> Option<OpenLink> {
        // Those that were just closed may count a little longer.
        let closed_at_once = self.max.div_ceil(64);
        while self.count.load(Ordering::Relaxed) >= self.max {
            if self.close_unused(closed_at_once) == 0 {
                return None;
            }
            if self.count.load(Ordering::Relaxed) < self.max + closed_at_once {
                break;
            }
            let ended = tokio::time::timeout(INTERVAL, self.ended.notified());
            // A connection that does not end in that time does not soon.
            ended.await.ok()?;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(OpenLink {
            count: self.count.clone(),
            ended: self.ended.clone(),
            _memory: self.memory.hold(LINK_BYTES),
        })
    }

    /// Closes up to `most` connections that are of the least use, the oldest first: those without a request,
    /// and when there are none, WebSockets that have not entered the namespace.
    fn close_unused(&self, most: usize) -> usize {
        let now = now_ms();
        if now < self.closed_none_until.load(Ordering::Relaxed) {
            return 0;
        }
        let all = self.all();
        let unused = |is_unused: fn(&Link) -> bool| {
            let unused = all.iter().filter(|link| is_unused(link)).take(most);
            unused
                .map(|link| link.close(DisconnectReason::GuestTimeout))
                .count()
        };
        let closed = match unused(Link::waits_for_a_request) {
            0 => unused(Link::is_unadmitted),
            closed => closed,
        };
        if closed == 0 {
            tracing::error!(
                open = self.max,
                "connections are refused: all there may be are in use"
            );
            let interval = INTERVAL.as_millis() as u64;
            self.closed_none_until
                .store(now + interval, Ordering::Relaxed);
        }
        closed
    }

    pub(super) fn add(&self, link: Link) -> Arc<Link> {
        let link = link.watched_by(&self.watched);
        self.open.lock().push(Arc::downgrade(&link));
        link
    }

    /// Forgets those that have ended, when they are many.
    fn tidy(&self) {
        let mut open = self.open.lock();
        if open.len() >= 2 * self.count.load(Ordering::Relaxed) + UNTIDY {
            open.retain(|link| link.strong_count() > 0);
        }
    }

    /// Enforces deadlines; never returns.
    pub(crate) async fn enforce_deadlines(self: Arc<Self>) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.watched.look(now_ms());
            self.tidy();
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::config::Config;
    use crate::transport::LinkLimits;

    fn link() -> Link {
        let peer = ([127, 0, 0, 1], 1).into();
        Link::new(peer, LinkLimits::from(&Config::default()))
    }

    #[tokio::test]
    async fn those_without_a_request_make_room_for_others() {
        let links = Links::new(2, Memory::new(1 << 30));
        let busy = links.add(link());
        busy.request_began();
        let idle = links.add(link());
        let counted = [links.make_room().await, links.make_room().await];
        assert!(counted.iter().all(Option::is_some));
        let third = links.make_room().await;
        assert!(third.is_some());
        // As many more as were closed may be there; then they are waited for.
        let mut fourth = Box::pin(links.make_room());
        links.add(link());
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(counted);
        assert!(fourth.await.is_some());
        assert!(idle.close_reason().is_some() && busy.close_reason().is_none());
    }

    #[tokio::test]
    async fn those_in_use_are_not_closed_for_others() {
        let links = Links::new(2, Memory::new(1 << 30));
        let busy: Vec<_> = (0..2).map(|_| links.add(link())).collect();
        busy.iter().for_each(|link| link.request_began());
        let counted = [links.make_room().await, links.make_room().await];
        assert!(counted.iter().all(Option::is_some));
        assert!(links.make_room().await.is_none());
        assert!(busy.iter().all(|link| link.close_reason().is_none()));
        drop(counted);
        assert!(links.make_room().await.is_some());
    }
}
