//! What was read from a client and is not yet handled, or not yet an event, and when reading stops. It must not know
//! what is sent to the client.

use std::sync::atomic::Ordering;

use super::{FRAME_OVERHEAD, Flow};

impl Flow {
    /// Counts bytes of an event that is not complete as read.
    pub(crate) fn arrived(&self, bytes: usize) {
        self.arriving.fetch_add(bytes, Ordering::Relaxed);
        self.count_held();
    }

    /// Of what [arrived](Self::arrived) only so many bytes are of an event that is not complete.
    pub(in crate::transport) fn arriving(&self, bytes: usize) {
        self.arriving.store(bytes, Ordering::Relaxed);
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
        let budget = self.limits.sender_budget;
        if before >= budget && before - bytes < budget {
            self.resume_reading();
        }
        self.count_held();
    }

    /// Whether reading from the client is paused, after what it is in the middle of.
    pub(crate) fn reading_paused(&self) -> bool {
        self.unhandled.load(Ordering::Acquire) >= self.limits.sender_budget
            && !self.closed.load(Ordering::Acquire)
    }

    /// Whether more waits to be handled than what the client may send before it is not read any more.
    pub(crate) fn is_flooded(&self) -> bool {
        let most = self.limits.sender_budget + self.limits.max_event;
        self.unhandled.load(Ordering::Acquire) > most
    }

    /// Whether nothing is read from the client at all, since its user holds too much.
    pub(crate) fn reading_stopped(&self) -> bool {
        let arriving = self.arriving.load(Ordering::Relaxed);
        let read = self.unhandled.load(Ordering::Acquire) + arriving;
        self.is_over_share(read) && !self.closed.load(Ordering::Acquire)
    }

    /// Waits until something may be read; for polling, which has no link of its own.
    pub(crate) async fn readable(&self) {
        let waits = || self.reading_paused() || self.reading_stopped();
        while waits() {
            let notified = self.handled.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if !waits() {
                return;
            }
            notified.await;
        }
    }
}
