//! Whom a connection has told that its user is typing, so that it can be ended with the connection.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::model::UserId;

/// To how many users somebody may be typing at once.
const MAX_TYPING: usize = 64;

/// How long a connection counts as typing on that does not say that it still does, when another one ceases to.
const LASTS: Duration = Duration::from_secs(60);

/// The users who were told, and not that it ended, each with when that was last.
#[derive(Debug, Default)]
pub(crate) struct Typing(Mutex<SmallVec<[(UserId, Instant); 1]>>);

impl Typing {
    /// Notes that a user is told that this connection's user is typing. `false`: too many are.
    pub(crate) fn begin(&self, to: &UserId) -> bool {
        let (mut typing, now) = (self.0.lock(), Instant::now());
        if let Some((_, since)) = typing.iter_mut().find(|(user, _)| user == to) {
            *since = now;
            return true;
        }
        let has_room = typing.len() < MAX_TYPING;
        if has_room {
            typing.push((to.clone(), now));
        }
        has_room
    }

    /// Whether a user was told lately, and not that it ended.
    pub(crate) fn is_to(&self, to: &UserId) -> bool {
        let typing = self.0.lock();
        let mut typing = typing.iter();
        typing.any(|(user, since)| user == to && since.elapsed() < LASTS)
    }

    /// Notes that a user is told that it ended.
    pub(crate) fn end(&self, to: &UserId) {
        self.0.lock().retain(|(user, _)| user != to);
    }

    /// All who are still to be told that it ended.
    pub(crate) fn end_all(&self) -> SmallVec<[UserId; 1]> {
        let typing = std::mem::take(&mut *self.0.lock());
        typing.into_iter().map(|(user, _)| user).collect()
    }
}
