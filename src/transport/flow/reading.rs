//! What was read from a client and is not yet handled, or not yet an event, and when reading stops. It must not know
//! what is sent to the client.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{FRAME_OVERHEAD, Flow};
use crate::transport::clock::now_ms;

/// A WebSocket of which nothing came for so long has sent no more.
const PAUSE: Duration = Duration::from_millis(20);
/// The same of a client that polls: it posts again when it has the answer.
const PAUSE_OF_POLLING: Duration = Duration::from_millis(500);

impl Flow {
    /// Counts bytes of an event that is not complete as read.
    pub(crate) fn arrived(&self, bytes: usize) {
        self.arriving.fetch_add(bytes, Ordering::Relaxed);
        self.count_held();
    }

    /// Of the frame that is arriving, so many bytes are left.
    pub(in crate::transport) fn expect(&self, bytes: u64) {
        let bytes = self.of_event(bytes);
        if self.expected.load(Ordering::Relaxed) != bytes {
            self.expected.store(bytes, Ordering::Relaxed);
            self.count_held();
        }
    }

    /// So many bytes of what [arrived](Self::arrived) are an event that is complete, or nothing.
    pub(crate) fn assembled(&self, bytes: usize) {
        let rest = |arriving: usize| Some(arriving.saturating_sub(bytes));
        // The closure never refuses.
        let _ = self
            .arriving
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
        self.count_held();
    }

    /// Counts packets of no event that were posted; whether there may be that many.
    pub(crate) fn allows_controls(&self, count: u32) -> bool {
        self.posted_controls.allow(count)
    }

    /// Counts an event of `bytes` as read and not yet handled.
    pub(crate) fn received(&self, bytes: usize) {
        self.unhandled
            .fetch_add(bytes + FRAME_OVERHEAD, Ordering::AcqRel);
        self.count_held();
    }

    /// Counts an event of [`Self::received`] as handled; reading may resume.
    pub(crate) fn done(&self, bytes: usize) {
        let bytes = bytes + FRAME_OVERHEAD;
        let before = self.unhandled.fetch_sub(bytes, Ordering::AcqRel);
        let budget = self.limits.now().sender_budget;
        if before >= budget && before - bytes < budget {
            self.resume_reading();
        }
        self.count_held();
    }

    /// Whether reading from the client is paused, after what it is in the middle of.
    pub(crate) fn reading_paused(&self) -> bool {
        self.unhandled.load(Ordering::Acquire) >= self.limits.now().sender_budget
            && !self.closed.load(Ordering::Acquire)
    }

    /// Whether something was read that is not handled yet, or more of it is on the way.
    pub(crate) fn is_busy(&self) -> bool {
        self.unhandled.load(Ordering::Acquire) > 0 || !self.pause_left().is_zero()
    }

    /// How long nothing must come until the client is taken to have sent no more. Zero: that is so.
    pub(crate) fn pause_left(&self) -> Duration {
        let polls = self.carrier().is_none_or(|carrier| carrier.is_polling());
        let pause = if polls { PAUSE_OF_POLLING } else { PAUSE };
        match self.arriving.load(Ordering::Relaxed) {
            0 => pause.saturating_sub(self.since_heard()),
            _ => pause,
        }
    }

    /// Whether more waits to be handled than what the client may send before it is not read any more.
    pub(crate) fn is_flooded(&self) -> bool {
        let most = self.limits.now().sender_budget + self.limits.now().max_event;
        self.unhandled.load(Ordering::Acquire) > most
    }

    /// Whether so many packets may wait to be handled at once, of so many bytes.
    pub(crate) fn may_wait(&self, packets: usize, bytes: usize) -> bool {
        let charged = packets.saturating_mul(FRAME_OVERHEAD).saturating_add(bytes);
        charged <= self.limits.now().sender_budget + self.limits.now().max_event
    }

    /// Whether nothing is read from the client at all, since its user holds too much.
    pub(crate) fn reading_stopped(&self) -> bool {
        let arriving = self.arriving.load(Ordering::Relaxed);
        let read = self.unhandled.load(Ordering::Acquire) + arriving;
        self.is_over_share(read) && !self.closed.load(Ordering::Acquire)
    }

    /// The client is gone, perhaps before all that it sent is read.
    pub(in crate::transport) fn client_is_gone(&self) {
        let now = now_ms().max(1);
        let _ = self
            .gone_at
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// For how long the client is known to be gone. `None`: it is there. What it sent before is perhaps still read and
    /// handled.
    pub(crate) fn gone_for(&self) -> Option<Duration> {
        let gone_at = self.gone_at.load(Ordering::Relaxed);
        (gone_at > 0).then(|| Duration::from_millis(now_ms().saturating_sub(gone_at)))
    }

    /// Waits until all is read that has arrived by now, as far as it may be read.
    pub(crate) async fn all_is_read(&self) {
        let read = self.all_read.notified();
        let mut read = std::pin::pin!(read);
        read.as_mut().enable();
        self.is_awaited.store(true, Ordering::Release);
        if let Some(carrier) = self.carrier() {
            carrier.wake_reader();
            read.await;
        }
    }

    /// Nothing is left that could be read now.
    pub(crate) fn nothing_is_left(&self) {
        if self.is_awaited.load(Ordering::Relaxed) && self.is_awaited.swap(false, Ordering::AcqRel)
        {
            self.all_read.notify_waiters();
        }
    }

    /// Whether the client is read.
    pub(crate) fn is_read(&self) -> bool {
        !self.reading_paused() && !self.reading_stopped()
    }

    /// Waits until more may be read from the client.
    pub(crate) async fn readable(&self) {
        self.until(Self::is_read).await;
    }

    /// Waits until reading from the client is not paused.
    pub(crate) async fn goes_on(&self) {
        self.until(|flow| !flow.reading_paused()).await;
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let notified = self.handled.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if is_so(self) {
                return;
            }
            notified.await;
        }
    }
}
