//! The history of one session: the newest messages, within a number and a size.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::model::UserId;
use crate::model::session::Message;

/// Bounds of one history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistoryLimits {
    /// Messages.
    pub(crate) messages: usize,
    /// Bytes of messages.
    pub(crate) bytes: usize,
}

/// Messages, oldest first. An id belongs to the member who sent it, so that nobody can use another's.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Arc<Message>>,
    ids: HashSet<(UserId, Box<str>)>,
    bytes: usize,
}

fn name(message: &Message) -> (UserId, Box<str>) {
    (message.from.clone(), message.id.text().into())
}

impl History {
    /// Whether the same member sent a message with the same id.
    pub(super) fn has(&self, message: &Message) -> bool {
        self.ids.contains(&name(message))
    }

    /// Adds a message, and drops the oldest when there are too many. One that is too large alone is
    /// not added.
    pub(super) fn push(&mut self, message: Arc<Message>, limits: HistoryLimits) {
        let size = message.size();
        if limits.messages == 0 || size > limits.bytes {
            return;
        }
        while self.messages.len() >= limits.messages {
            self.drop_oldest();
        }
        self.cut_to(limits.bytes - size);
        self.ids.insert(name(&message));
        self.messages.push_back(message);
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
        let may_read = |message: &&Arc<Message>| message.is_for(user);
        self.messages.iter().filter(may_read).cloned().collect()
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
        if let Some(oldest) = self.messages.pop_front() {
            self.bytes -= oldest.size();
            self.ids.remove(&name(&oldest));
        }
    }
}
