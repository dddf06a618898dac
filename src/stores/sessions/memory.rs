//! Sessions in the memory of one server. What clients can make it keep is counted, and bounded for
//! all sessions together.

mod stored;
#[cfg(test)]
mod tests;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

use super::state::State;
use super::store::SessionStore;
use super::{KeyHash, SessionLimits};
use crate::model::UserId;
use crate::model::clock::Clock;
use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, Joined, KeysError, Member,
    Message, ReserveError, Saved, Seat, SessionId, Summary, Unavailable,
};
use crate::payload::OwnedValue;
use stored::{MEMBER_SIZE, SESSION_SIZE, Stored};

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
        let state = State::reserved(KeyHash::new(key, mode), mode);
        let mut session = place.insert(Stored::new(state, self.now()));
        session.changed(self.now());
        self.recount(&mut session);
        Ok(())
    }

    async fn join(&self, id: &SessionId, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError> {
        let key_size = join
            .public_key
            .as_ref()
            .map_or(0, |key| key.as_opaque().total_size());
        let has_room = seat.is_free && self.may_grow(SESSION_SIZE + MEMBER_SIZE + key_size);
        let now = self.now();
        let mut session = match self.sessions.entry(id.clone()) {
            Entry::Occupied(found) => {
                State::check(Some(&found.get().state), &join, self.limits.members)?;
                match has_room {
                    true => found.into_ref(),
                    false => return Err(JoinError::Busy),
                }
            }
            Entry::Vacant(place) => {
                State::check(None, &join, self.limits.members)?;
                match has_room && self.take_place() {
                    true => place.insert(Stored::new(State::created(), now)),
                    false => return Err(JoinError::Busy),
                }
            }
        };
        let (connection, grace) = (seat.connection, self.limits.rejoin_grace);
        let mut joined = session.state.admit(join, connection, now, grace);
        joined.history = session.history.of(&joined.member.user);
        joined.revision = session.changed(now);
        self.recount(&mut session);
        Ok(joined)
    }

    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<Saved> {
        let has_room = self.may_grow(key.as_opaque().total_size());
        let mut session = self.sessions.get_mut(id).filter(|_| has_room)?;
        session.state.save_key(user, key, display_name)?;
        let saved = Saved {
            members: session.state.members.clone(),
            revision: session.changed(self.now()),
        };
        self.recount(&mut session);
        Some(saved)
    }

    async fn members(&self, id: &SessionId) -> Vec<Member> {
        let members = self.sessions.get_mut(id).map(|mut session| {
            session.last_used = self.now();
            session.state.members.clone()
        });
        members.unwrap_or_default()
    }

    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended> {
        let has_room = self.make_room(message.size());
        let mut session = self.sessions.get_mut(id)?;
        let revision = session.changed(self.now());
        if session.history.has(&message) {
            return Some(Appended::Repeated { revision });
        }
        if has_room {
            session.history.push(message, self.limits.history);
            self.recount_history(&mut session);
        }
        Some(Appended::First { revision })
    }

    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError> {
        let has_room = self.may_grow(keys.as_opaque().total_size());
        let session = self.sessions.get_mut(id);
        let is_group = |session: &Stored| session.state.mode == ChatMode::Group;
        let mut session = session
            .filter(|session| is_group(session))
            .ok_or(KeysError::NotGroup)?;
        if !has_room {
            return Err(KeysError::Busy);
        }
        session.state.session_keys = Some(keys);
        let revision = session.changed(self.now());
        self.recount(&mut session);
        Ok(revision)
    }

    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable> {
        let Entry::Occupied(mut found) = self.sessions.entry(id.clone()) else {
            return Ok(None);
        };
        let now = self.now();
        let session = found.get_mut();
        let state = &mut session.state;
        let Some(member) = state.depart(user, connection, departure, now, &self.limits) else {
            return Ok(None);
        };
        let departed = Departed {
            member,
            members: session.state.members.clone(),
            revision: session.changed(now),
        };
        match session.state.is_over(departure) {
            true => self.forget(&found.remove()),
            false => self.recount(session),
        }
        Ok(Some(departed))
    }

    async fn expired(&self, _here: &[SessionId]) -> Vec<SessionId> {
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
        let summary = |id: &SessionId, session: &Stored| {
            let messages = session.history.len();
            session.state.summary(id.clone(), messages)
        };
        self.sessions
            .iter()
            .map(|entry| summary(entry.key(), entry.value()))
            .collect()
    }
}
