//! One session in memory, and what it takes.

use std::net::IpAddr;
use std::time::Duration;

use crate::metrics::present::Present;
use crate::stores::sessions::SessionLimits;
use crate::stores::sessions::history::History;
use crate::stores::sessions::state::State;

/// What a session takes beside its contents, in bytes.
pub(super) const SESSION_SIZE: usize = 512;
/// What a member takes beside its key, its name and further connections.
pub(super) const MEMBER_SIZE: usize = 512;
/// What a connection of a member takes beside the first one.
const CONNECTION_SIZE: usize = 192;

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) state: State,
    pub(super) history: History,
    /// Of its last change.
    pub(super) revision: u64,
    pub(super) last_used: u64,
    /// Who made it, and so whose memory it takes.
    pub(super) maker: IpAddr,
    /// Others need its memory: it counts as expired.
    pub(super) is_evicted: bool,
    /// Bytes that were counted of it without its history.
    pub(super) counted_fixed: usize,
    /// Bytes that were counted of its history.
    pub(super) counted_history: usize,
    _present: Present,
}

impl Stored {
    pub(super) fn new(state: State, maker: IpAddr, now: u64) -> Self {
        Self {
            _present: Present::session(state.mode),
            state,
            history: History::default(),
            revision: 0,
            last_used: now,
            maker,
            is_evicted: false,
            counted_fixed: 0,
            counted_history: 0,
        }
    }

    /// Notes a change; its revision.
    pub(super) fn changed(&mut self, now: u64) -> u64 {
        self.last_used = now;
        self.revision += 1;
        self.revision
    }

    pub(super) fn is_expired(&self, now: u64, limits: &SessionLimits) -> bool {
        let unused = Duration::from_millis(now.saturating_sub(self.last_used));
        self.is_evicted || unused >= self.state.timeout(limits)
    }

    /// What it takes beside its history, in bytes.
    pub(super) fn fixed_size(&self) -> usize {
        let departed = self.state.disconnected.iter().map(|(member, _)| member);
        let members = self.state.members.iter().chain(departed).map(|member| {
            let key = member.public_key.as_ref();
            let more = member.connections.len().saturating_sub(1);
            let key = key.map_or(0, |key| key.as_opaque().total_size());
            MEMBER_SIZE + more * CONNECTION_SIZE + member.display_name.len() + key
        });
        let session_keys = self.state.session_keys.as_ref();
        SESSION_SIZE
            + members.sum::<usize>()
            + session_keys.map_or(0, |keys| keys.as_opaque().total_size())
    }
}
