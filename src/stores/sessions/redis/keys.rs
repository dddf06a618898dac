//! The names of the keys of a session.

use crate::model::session::SessionId;
use crate::stores::drivers::redis::Redis;

/// All with one tag: in a Redis cluster they are on one server.
#[derive(Debug)]
pub(super) struct Keys {
    /// A hash: the state of the session, its revision and its timeout.
    pub(super) session: String,
    /// A list: the messages, oldest first.
    pub(super) history: String,
    /// A sorted set: what these messages are recognized by, in the order of their revisions.
    pub(super) ids: String,
}

impl Keys {
    pub(super) fn of(redis: &Redis, id: &SessionId) -> Self {
        let tag = id.as_str();
        Self {
            session: redis.key("session", tag),
            history: redis.key("session-history", tag),
            ids: redis.key("session-ids", tag),
        }
    }
}
