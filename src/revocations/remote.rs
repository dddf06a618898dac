//! What other nodes tell of revocations.

use std::sync::atomic::Ordering;

use super::Revocations;
use crate::cluster::{Answer, RevocationMessage};

impl Revocations {
    /// Another node has made one, or taken one back; how many connections were closed here.
    pub(crate) async fn received(&self, message: RevocationMessage) -> Answer {
        match message {
            RevocationMessage::Made(revocation) => Answer::Count(self.apply(&revocation).await),
            RevocationMessage::TakenBack(revocation) => {
                self.tokens.forget(&revocation);
                Answer::Count(0)
            }
        }
    }

    /// Messages of other nodes were lost: the store is read soon.
    pub(crate) fn missed(&self) {
        self.has_missed.store(true, Ordering::SeqCst);
    }
}
