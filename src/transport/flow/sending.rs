//! What is handed to a client and not yet written, who waits until there is room, and whose turn it is. It must not know what
//! comes from the client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;

use super::{FRAME_OVERHEAD, Flow};
use crate::model::UserId;
use crate::payload::FrameSizes;
use crate::transport::clock::now_ms;
use crate::transport::turns::{Origin, Place, Turn};

impl Flow {
    /// Counts frames of these sizes as handed to the client. `false`: its backlog is too large
    /// already, nothing was counted, and it should be disconnected.
    #[must_use]
    pub(crate) fn hand_over(&self, frames: &FrameSizes) -> bool {
        let bytes = charged(frames);
        if !self.fits(bytes) {
            return false;
        }
        self.enqueue(frames, || self.add_to_backlog(bytes));
        self.count_held();
        true
    }

    /// The same for frames that wait until it is the turn of what they are of. `woken` is notified when that may be.
    pub(crate) fn defer(
        &self,
        frames: &FrameSizes,
        of: Origin,
        woken: &Arc<Notify>,
    ) -> Option<Place> {
        let bytes = charged(frames);
        if !self.fits(bytes) {
            return None;
        }
        self.deferred.fetch_add(bytes, Ordering::AcqRel);
        self.add_to_backlog(bytes);
        self.count_held();
        Some(self.turns.enqueue(of, bytes, woken.clone()))
    }

    /// Whether it is the turn of deferred frames, and there is room for them.
    pub(crate) fn is_turn(&self, place: Place) -> bool {
        self.turns
            .is_turn(place, |more| self.is_within_window(more))
    }

    /// Deferred frames are handed to the client now.
    pub(crate) fn hand_over_deferred(&self, frames: &FrameSizes, place: Place) {
        self.enqueue(frames, || {
            self.deferred.fetch_sub(charged(frames), Ordering::AcqRel);
        });
        self.turns.remove(place);
    }

    /// Deferred frames will not be handed over: the connection has ended.
    pub(crate) fn give_up(&self, place: Place) {
        self.turns.remove(place);
    }

    fn fits(&self, bytes: usize) -> bool {
        self.backlog.load(Ordering::Relaxed) + bytes <= self.limits.now().hard_limit()
    }

    /// The sizes of frames are known before they count, so what is [taken](Self::taken) is never more.
    fn enqueue(&self, frames: &FrameSizes, count: impl FnOnce()) {
        let mut queued = self.queued.lock();
        let charged = frames.iter().map(|&size| size + FRAME_OVERHEAD);
        queued.extend(charged.map(|size| u32::try_from(size).unwrap_or(u32::MAX)));
        count();
    }

    fn add_to_backlog(&self, bytes: usize) {
        if self.backlog.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.moved_at.store(now_ms(), Ordering::Relaxed);
        }
    }

    /// Counts the oldest `count` frames of [`Self::hand_over`] as written to the client's transport.
    pub(crate) fn taken(&self, count: usize) {
        let bytes;
        {
            let mut queued = self.queued.lock();
            let taken = count.min(queued.len());
            bytes = queued.drain(..taken).map(|size| size as usize).sum();
            if queued.is_empty() && queued.capacity() > 64 {
                queued.shrink_to_fit();
            }
        }
        let now = now_ms();
        self.moved_at.store(now, Ordering::Relaxed);
        self.window.taken(bytes, now);
        let before = self.backlog.fetch_sub(bytes, Ordering::AcqRel);
        if before >= self.limits.now().receiver_budget {
            self.room.notify_waiters();
        }
        if bytes > 0 {
            self.turns.look_again();
        }
        self.count_held();
    }

    /// Bytes handed over, or deferred, and not yet written to the client's transport.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Acquire)
    }

    /// Whether so much waits for the client that those who send to it wait.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.backlog() >= self.limits.now().receiver_budget
    }

    /// How long the client has taken nothing of its backlog; zero without a backlog.
    pub(crate) fn stalled_for(&self) -> Duration {
        match self.backlog() {
            0 => Duration::ZERO,
            _ => Duration::from_millis(
                now_ms().saturating_sub(self.moved_at.load(Ordering::Relaxed)),
            ),
        }
    }

    /// Whether a sender may hand over another event now. A closed connection accepts everything.
    pub(crate) fn has_room(&self) -> bool {
        self.is_room_behind(self.backlog())
    }

    /// Waits until [`Self::has_room`].
    pub(crate) async fn wait_for_room(&self) {
        self.wait_until(|| self.has_room()).await;
    }

    /// Waits until there is room for what passes all that is deferred, as an answer to the client does.
    pub(crate) async fn wait_for_room_to_answer(&self) {
        self.wait_until(|| self.has_room_to_answer()).await;
    }

    /// Whether there is room for what passes all that is deferred.
    pub(crate) fn has_room_to_answer(&self) -> bool {
        self.is_room_behind(self.handed_over())
    }

    fn is_room_behind(&self, waiting: usize) -> bool {
        let has_room = waiting < self.limits.now().receiver_budget && !self.is_over_share(waiting);
        has_room || self.closed.load(Ordering::Acquire)
    }

    async fn wait_until(&self, has_room: impl Fn() -> bool) {
        while !has_room() {
            let notified = self.room.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if has_room() {
                return;
            }
            notified.await;
        }
    }

    /// The turn of a sender to hand over so many bytes, if nobody has to be waited for.
    pub(crate) fn turn_now(&self, bytes: usize) -> Option<Turn> {
        self.turns
            .now(bytes, |granted| self.is_within_window(granted))
    }

    /// Waits until it is the turn of a sender, of all who send to the client, to hand over so many bytes.
    pub(crate) async fn wait_for_turn(&self, sender: &UserId, bytes: usize) -> Turn {
        let has_room = |granted| self.is_within_window(granted);
        self.turns.wait(sender, bytes, has_room).await
    }

    /// Whether less waits for the client than makes its senders take turns, when so much more is about to.
    pub(crate) fn is_within_window(&self, more: usize) -> bool {
        let window = self.window.bytes().min(self.limits.now().receiver_budget);
        self.handed_over() + more < window || self.closed.load(Ordering::Acquire)
    }

    /// Bytes of the backlog that are not deferred.
    fn handed_over(&self) -> usize {
        let deferred = self.deferred.load(Ordering::Acquire);
        self.backlog().saturating_sub(deferred)
    }

    /// Bytes of a sender that wait for their turn.
    pub(crate) fn waiting_of(&self, sender: &UserId) -> usize {
        self.turns.waiting_of(sender)
    }

    /// Whether something waits for its turn that such an event has to come behind.
    pub(crate) fn has_waiting(&self, of: &Origin) -> bool {
        self.turns.has_waiting(of)
    }
}

fn charged(frames: &FrameSizes) -> usize {
    frames.iter().map(|size| size + FRAME_OVERHEAD).sum()
}
