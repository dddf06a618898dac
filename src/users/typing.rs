//! Whom a connection has told that its user is typing, so that it can be ended with the connection.

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::model::UserId;

/// To how many users somebody may be typing at once.
const MAX_TYPING: usize = 64;

/// The users who were told, and not that it ended.
#[derive(Debug, Default)]
pub(crate) struct Typing(Mutex<SmallVec<[UserId; 1]>>);

impl Typing {
    /// Notes that a user is told that this connection's user is typing. `false`: too many are.
    pub(crate) fn begin(&self, to: &UserId) -> bool {
        let mut typing = self.0.lock();
        if typing.contains(to) {
            return true;
        }
        let has_room = typing.len() < MAX_TYPING;
        if has_room {
            typing.push(to.clone());
        }
        has_room
    }

    /// Notes that a user is told that it ended.
    pub(crate) fn end(&self, to: &UserId) {
        self.0.lock().retain(|user| user != to);
    }

    /// All who are still to be told that it ended.
    pub(crate) fn end_all(&self) -> SmallVec<[UserId; 1]> {
        std::mem::take(&mut self.0.lock())
    }
}
