//! Whom a connection has told that its user is typing, so that it can be ended with the connection.

use smallvec::SmallVec;

use super::Member;
use crate::model::UserId;

/// To how many users somebody may be typing at once.
const MAX_TYPING: usize = 64;

/// Users who were told.
pub(super) type TypingTo = SmallVec<[UserId; 1]>;

impl Member {
    /// Notes that a user is told that this connection's user is typing. `false`: too many are.
    pub(crate) fn begin_typing(&self, to: &UserId) -> bool {
        let mut typing = self.typing_to.lock();
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
    pub(crate) fn end_typing(&self, to: &UserId) {
        self.typing_to.lock().retain(|user| user != to);
    }

    /// All who are still to be told that it ended.
    pub(crate) fn end_all_typing(&self) -> TypingTo {
        std::mem::take(&mut self.typing_to.lock())
    }
}
