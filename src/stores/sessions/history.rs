//! The history of one session: the newest messages, within a number and a size.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::model::UserId;
use crate::model::session::{Fingerprint, Message};

/// Bounds of one history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistoryLimits {
    /// Messages.
    pub(crate) messages: usize,
    /// Bytes of messages.
    pub(crate) bytes: usize,
}

/// Messages, oldest first, and what they are recognized by.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<(Fingerprint, Arc<Message>)>,
    known: HashSet<Fingerprint>,
    bytes: usize,
}

impl History {
    /// Whether it has the message with this fingerprint.
    pub(super) fn has(&self, fingerprint: &Fingerprint) -> bool {
        self.known.contains(fingerprint)
    }

    /// Adds a message that it has not, and drops the oldest when there are too many. One that is too
    /// large alone is not added.
    pub(super) fn push(
        &mut self,
        fingerprint: Fingerprint,
        message: Arc<Message>,
        limits: HistoryLimits,
    ) {
        let size = message.size();
        if limits.messages == 0 || size > limits.bytes {
            return;
        }
        while self.messages.len() >= limits.messages {
            self.drop_oldest();
        }
        self.cut_to(limits.bytes - size);
        self.known.insert(fingerprint);
        self.messages.push_back((fingerprint, message));
        self.bytes += size;
    }

    /// Drops the oldest messages until at most this many bytes are left.
    pub(super) fn cut_to(&mut self, bytes: usize) {
        while self.bytes > bytes {
            self.drop_oldest();
        }
    }

    /// The messages that this member may read.
    pub(super) fn of(&self, user: &UserId) -> Vec<Arc<Message>> {
        let messages = self.messages.iter().map(|(_, message)| message);
        let may_read = |message: &&Arc<Message>| message.is_for(user);
        messages.filter(may_read).cloned().collect()
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self) {
        if let Some((fingerprint, oldest)) = self.messages.pop_front() {
            self.bytes -= oldest.size();
            self.known.remove(&fingerprint);
        }
    }
}
