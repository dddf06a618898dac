//! Sessions in the memory of one server. What clients can make it keep is counted, and bounded for
//! all sessions together.

mod stored;
#[cfg(test)]
mod tests;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

use super::history::HistoryLimits;
use super::model::{
    Appended, ChatMode, Departed, Departure, Join, JoinError, Joined, Member, Message,
    ReserveError, Seat, SessionId, Summary,
};
use super::store::SessionStore;
use super::{AuthKey, KeyHash};
use crate::clock::Clock;
use crate::identity::UserId;
use crate::payload::Kept;
use stored::{MEMBER_SIZE, SESSION_SIZE, Stored};

/// Bounds of all sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// Sessions at one time.
    pub sessions: usize,
    /// Members of a session in group mode.
    pub members: usize,
    /// The history of one session.
    pub history: HistoryLimits,
    /// Bytes of all sessions together.
    pub memory: usize,
    /// How long a reserved session waits for its first member.
    pub reserved_timeout: Duration,
    /// How long a session without members is kept after its last use.
    pub idle_timeout: Duration,
    /// How long any session is kept after its last use.
    pub max_idle: Duration,
    /// How long a disconnected member's key is kept.
    pub rejoin_grace: Duration,
}

/// All sessions of this server.
#[derive(Debug)]
pub struct MemoryStore {
    limits: SessionLimits,
    clock: Arc<dyn Clock>,
    sessions: DashMap<SessionId, Stored>,
    /// How many there are. Counted here because counting a map locks all of it.
    count: AtomicUsize,
    /// Bytes of all histories.
    history_used: AtomicUsize,
    /// Bytes of everything else.
    fixed_used: AtomicUsize,
}

impl MemoryStore {
    /// No sessions yet.
    pub fn new(limits: SessionLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            sessions: DashMap::new(),
            count: AtomicUsize::new(0),
            history_used: AtomicUsize::new(0),
            fixed_used: AtomicUsize::new(0),
        }
    }

    /// Counts anew what a session takes, after its members or keys were changed.
    fn recount(&self, session: &mut Stored) {
        let size = session.fixed_size();
        let before = std::mem::replace(&mut session.counted.0, size);
        self.fixed_used.fetch_add(size, Ordering::Relaxed);
        self.fixed_used.fetch_sub(before, Ordering::Relaxed);
    }

    /// The same, after its history was changed.
    fn recount_history(&self, session: &mut Stored) {
        let size = session.history.bytes();
        let before = std::mem::replace(&mut session.counted.1, size);
        self.history_used.fetch_add(size, Ordering::Relaxed);
        self.history_used.fetch_sub(before, Ordering::Relaxed);
    }

    fn forget(&self, session: &Stored) {
        let (fixed, history) = session.counted;
        self.fixed_used.fetch_sub(fixed, Ordering::Relaxed);
        self.history_used.fetch_sub(history, Ordering::Relaxed);
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes the place of one more session. `false`: there is none.
    fn take_place(&self) -> bool {
        let most = self.limits.sessions;
        let add = |count| (count < most).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_ok()
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        let used =
            self.fixed_used.load(Ordering::Relaxed) + self.history_used.load(Ordering::Relaxed);
        used + bytes <= self.limits.memory
    }

    /// Whether so many bytes more of members and keys may be kept. They may take half of the
    /// memory, so that cutting histories is always worth it.
    fn may_grow(&self, bytes: usize) -> bool {
        let used = self.fixed_used.load(Ordering::Relaxed);
        used + bytes <= self.limits.memory / 2 && self.make_room(bytes)
    }

    /// Whether so many bytes more may be kept. When not, the longest histories are cut first, to
    /// a length that leaves room for a while. To be called while no session is locked.
    fn make_room(&self, bytes: usize) -> bool {
        if self.has_room_for(bytes) {
            return true;
        }
        let mut histories: Vec<usize> = self
            .sessions
            .iter()
            .map(|session| session.history.bytes())
            .collect();
        let target = self.limits.memory - self.limits.memory / 16;
        let others = self.fixed_used.load(Ordering::Relaxed) + bytes;
        let longest = common_length(&mut histories, target.saturating_sub(others));
        for mut session in self.sessions.iter_mut() {
            if session.history.bytes() > longest {
                session.history.cut_to(longest);
                self.recount_history(&mut session);
            }
        }
        self.has_room_for(bytes)
    }

    fn now(&self) -> u64 {
        self.clock.now_ms()
    }
}

/// The length to which the longest of these have to be cut so that all together take at most
/// `sum`.
fn common_length(lengths: &mut [usize], sum: usize) -> usize {
    lengths.sort_unstable();
    let mut left = sum;
    for (index, &length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
    ) -> Result<(), ReserveError> {
        let has_room = self.may_grow(SESSION_SIZE);
        let Entry::Vacant(place) = self.sessions.entry(id.clone()) else {
            return Err(ReserveError::Exists);
        };
        if !has_room || !self.take_place() {
            return Err(ReserveError::Busy);
        }
        let key = Some(KeyHash::new(key, mode));
        let mut session = place.insert(Stored::new(key, mode, true, self.now()));
        self.recount(&mut session);
        Ok(())
    }

    async fn join(&self, id: &SessionId, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError> {
        let key_size = join
            .public_key
            .as_ref()
            .map_or(0, |key| key.lend().total_size());
        let has_room = seat.is_free && self.may_grow(SESSION_SIZE + MEMBER_SIZE + key_size);
        let now = self.now();
        let mut session = match self.sessions.entry(id.clone()) {
            Entry::Occupied(found) => {
                found.get().check_key(&join)?;
                found.get().check_room(&join.user, self.limits.members)?;
                match has_room {
                    true => found.into_ref(),
                    false => return Err(JoinError::Busy),
                }
            }
            Entry::Vacant(_) if !join.is_creator => return Err(JoinError::NotFound),
            Entry::Vacant(place) => match has_room && self.take_place() {
                true => place.insert(Stored::new(None, ChatMode::Group, false, now)),
                false => return Err(JoinError::Busy),
            },
        };
        session.last_used = now;
        session.forget_disconnected(now, self.limits.rejoin_grace);
        let joined = session.admit(join, seat.connection, now);
        self.recount(&mut session);
        Ok(joined)
    }

    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        key: Kept,
        display_name: Option<Arc<str>>,
    ) -> Option<Vec<Member>> {
        let has_room = self.may_grow(key.lend().total_size());
        let mut session = self.sessions.get_mut(id)?;
        let member = session.member(user).filter(|_| has_room)?;
        member.public_key = Some(key);
        if let Some(name) = display_name {
            member.display_name = name;
        }
        session.last_used = self.now();
        self.recount(&mut session);
        Some(session.members.clone())
    }

    async fn members(&self, id: &SessionId) -> Vec<Member> {
        let members = self.sessions.get_mut(id).map(|mut session| {
            session.last_used = self.now();
            session.members.clone()
        });
        members.unwrap_or_default()
    }

    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended> {
        let has_room = self.make_room(message.size());
        let mut session = self.sessions.get_mut(id)?;
        session.last_used = self.now();
        if session.history.has(&message) {
            return Some(Appended::Repeated);
        }
        if has_room {
            session.history.push(message, self.limits.history);
            self.recount_history(&mut session);
        }
        Some(Appended::First)
    }

    async fn set_session_keys(&self, id: &SessionId, keys: Kept) -> bool {
        let has_room = self.may_grow(keys.lend().total_size());
        let session = self.sessions.get_mut(id);
        let Some(mut session) = session.filter(|found| has_room && found.mode == ChatMode::Group)
        else {
            return false;
        };
        session.session_keys = Some(keys);
        session.last_used = self.now();
        self.recount(&mut session);
        true
    }

    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Option<Departed> {
        let Entry::Occupied(mut found) = self.sessions.entry(id.clone()) else {
            return None;
        };
        let now = self.now();
        let session = found.get_mut();
        let is_it = |member: &Member| member.user == *user && member.connection == connection;
        let at = session.members.iter().position(is_it)?;
        let member = session.members.remove(at);
        let members = session.members.clone();
        session.last_used = now;
        session.forget_disconnected(now, self.limits.rejoin_grace);
        match departure {
            Departure::Left if members.is_empty() => self.forget(&found.remove()),
            Departure::Left => self.recount(session),
            Departure::Disconnected => {
                if session.disconnected.len() >= self.limits.members {
                    session.disconnected.remove(0);
                }
                session.disconnected.push((member.clone(), now));
                self.recount(session);
            }
        }
        Some(Departed { member, members })
    }

    async fn expired(&self) -> Vec<SessionId> {
        let now = self.now();
        let expired = |session: &Stored| session.is_expired(now, &self.limits);
        self.sessions
            .iter()
            .filter(|entry| expired(entry.value()))
            .map(|entry| entry.key().clone())
            .collect()
    }

    async fn end_expired(&self, id: &SessionId) -> bool {
        let now = self.now();
        let expired = |_: &SessionId, session: &Stored| session.is_expired(now, &self.limits);
        let ended = self.sessions.remove_if(id, expired);
        ended.inspect(|(_, session)| self.forget(session)).is_some()
    }

    async fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    async fn summaries(&self) -> Vec<Summary> {
        let summary = |id: &SessionId, session: &Stored| Summary {
            id: id.clone(),
            members: session.members.len(),
            messages: session.history.len(),
            public_keys: session
                .members
                .iter()
                .filter(|member| member.public_key.is_some())
                .count(),
        };
        self.sessions
            .iter()
            .map(|entry| summary(entry.key(), entry.value()))
            .collect()
    }
}
