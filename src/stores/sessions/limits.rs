//! What bounds sessions, in any store.

use std::time::Duration;

use super::history::HistoryLimits;

/// Bounds of all sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    /// Sessions at one time.
    pub(crate) sessions: usize,
    /// Members of a session in group mode.
    pub(crate) members: usize,
    /// The history of one session.
    pub(crate) history: HistoryLimits,
    /// Bytes of all sessions together, in memory.
    pub(crate) memory: usize,
    /// How long a reserved session waits for its first member.
    pub(crate) reserved_timeout: Duration,
    /// How long a session without members exists after its last use.
    pub(crate) idle_timeout: Duration,
    /// How long any session exists after its last use.
    pub(crate) max_idle: Duration,
    /// How long the key of a disconnected member is stored.
    pub(crate) rejoin_grace: Duration,
}
