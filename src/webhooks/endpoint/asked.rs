//! What operators are told of an endpoint, and what they have done with it, by who tells it.

use super::{Replay, Teller};
use crate::model::clock::{Clock as _, SystemClock};

impl Teller {
    /// Says how it is.
    pub(super) fn report(&self) {
        if self.setup.is_heir() {
            return;
        }
        let pending = self.queue.len() as u64 + self.source.waiting();
        let oldest = self.queue.oldest_ms();
        let is_broken = self.is_unread || self.notes.are_failing();
        let (dead, is_disabled) = (self.notes.dead_count(), self.is_disabled);
        self.setup.common.status.change(|now| {
            (now.pending, now.oldest, now.dead) = (pending, oldest, dead);
            (now.is_disabled, now.is_broken) = (is_disabled, is_broken);
        });
    }

    /// Has dead facts told again.
    pub(super) async fn replay(&mut self, Replay { selection, answer }: Replay) {
        // Of what has just died, too.
        self.notes.write(self.queue.ids()).await;
        let now = SystemClock.now_ms();
        let revived = self.notes.revive(selection, now).await;
        let revived = revived.map(|ids| {
            self.source.replay(&ids, now);
            ids.len() as u64
        });
        // Whoever asked may have gone.
        let _ = answer.send(revived);
    }
}
