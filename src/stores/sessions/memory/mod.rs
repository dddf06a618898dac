//! Sessions in the memory of one server, bounded for all of them together.

mod budget;
mod departures;
mod eviction;
mod stored;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

use super::state::{Now, State};
use super::store::SessionStore;
use super::{KeyHash, SessionLimits};
use crate::config::Live;
use crate::limits::Memory;
use crate::model::UserId;
use crate::model::clock::Clock;
use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, JoinSlot, Joined, KeySaved,
    KeysError, Maker, Members, Message, ReserveError, Returning, SessionId, Summary, Unavailable,
};
use crate::payload::OwnedValue;
use budget::Usage;
use departures::Departures;
use eviction::Evictions;
use stored::{MEMBER_SIZE, SESSION_SIZE, Stored};

/// All sessions of this server.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    limits: Live<SessionLimits>,
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    sessions: DashMap<SessionId, Stored>,
    usage: Usage,
    evictions: Evictions,
    departures: Departures,
}

impl MemoryStore {
    /// No sessions yet. What they take counts in `memory`.
    pub(crate) fn new(
        limits: impl Into<Live<SessionLimits>>,
        memory: Arc<Memory>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            limits: limits.into(),
            memory,
            clock,
            sessions: DashMap::new(),
            usage: Usage::default(),
            evictions: Evictions::default(),
            departures: Departures::new(),
        }
    }

    /// Nothing here outlives this process, so its own clock decides how long it lasts.
    fn now(&self) -> Now {
        Now {
            date: self.clock.now_ms(),
            lasting: self.clock.steady_ms(),
        }
    }

    /// Who made a session.
    fn maker_of(&self, id: &SessionId) -> Option<IpAddr> {
        self.sessions.get(id).map(|session| session.maker)
    }

    /// Counts one more session, if it may be made.
    fn may_make(&self, maker: Maker<'_>) -> bool {
        (maker.may_make)() && self.add_session()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
        maker: Maker<'_>,
    ) -> Result<(), ReserveError> {
        let has_memory = self.may_grow(maker.address, SESSION_SIZE);
        let entry = match self.sessions.entry(id.clone()) {
            Entry::Vacant(entry) => entry,
            Entry::Occupied(found) => {
                return match found.get().state.is_reserved_by(key, mode) {
                    true => Ok(()),
                    false => Err(ReserveError::Exists),
                };
            }
        };
        if !has_memory || !self.may_make(maker) {
            return Err(ReserveError::Busy);
        }
        let state = State::reserved(KeyHash::new(key, mode), mode);
        let now = self.now().lasting;
        let mut session = entry.insert(Stored::new(state, maker.address, now));
        session.changed(now);
        self.recount(&mut session);
        Ok(())
    }

    async fn join(
        &self,
        id: &SessionId,
        join: Join<'_>,
        slot: JoinSlot<'_>,
    ) -> Result<Joined, JoinError> {
        let key_size = join
            .public_key
            .as_ref()
            .map_or(0, |key| key.as_opaque().total_size());
        let (maker, size) = (slot.maker, SESSION_SIZE + MEMBER_SIZE + key_size);
        let address = self.maker_of(id).unwrap_or(maker.address);
        let has_memory = slot.is_free && self.may_grow(address, size);
        let now = self.now();
        let mut session = match self.sessions.entry(id.clone()) {
            Entry::Occupied(found) => {
                State::check(Some(&found.get().state), &join, now, &self.limits.now())?;
                match has_memory {
                    true => found.into_ref(),
                    false => return Err(JoinError::Busy),
                }
            }
            Entry::Vacant(entry) => {
                State::check(None, &join, now, &self.limits.now())?;
                match has_memory && self.may_make(maker) {
                    true => {
                        let stored = Stored::new(State::created(), maker.address, now.lasting);
                        entry.insert(stored)
                    }
                    false => return Err(JoinError::Busy),
                }
            }
        };
        let state = &mut session.state;
        let mut joined = state.admit(join, slot.connection, now, &self.limits.now());
        joined.history = session.history.of(&joined.member.user);
        joined.revision = session.changed(now.lasting);
        self.recount(&mut session);
        Ok(joined)
    }

    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        saved: (OwnedValue, Option<Arc<str>>),
    ) -> Option<KeySaved> {
        let maker = self.maker_of(id)?;
        let has_memory = self.may_grow(maker, saved.0.as_opaque().total_size());
        let mut session = self.sessions.get_mut(id).filter(|_| has_memory)?;
        let now = self.now();
        let displaced = session.state.save_key(user, connection, saved, now)?;
        let saved = KeySaved {
            members: session.state.members.clone(),
            displaced,
            revision: session.changed(now.lasting),
        };
        self.recount(&mut session);
        Some(saved)
    }

    async fn members(&self, id: &SessionId) -> Members {
        let members = self.sessions.get_mut(id).map(|mut session| {
            session.last_used = self.now().lasting;
            Members {
                members: session.state.members.clone(),
                revision: session.revision,
            }
        });
        members.unwrap_or_default()
    }

    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended> {
        let has_memory = self.free_memory(message.size());
        let fingerprint = message.fingerprint();
        let mut session = self.sessions.get_mut(id)?;
        let revision = session.changed(self.now().lasting);
        if session.history.has(&fingerprint) {
            return Some(Appended::Repeated { revision });
        }
        if has_memory {
            let limits = self.limits.now().history;
            session.history.push(fingerprint, message, limits);
            self.recount_history(&mut session);
        }
        Some(Appended::First { revision })
    }

    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError> {
        let maker = self.maker_of(id).ok_or(KeysError::NotGroup)?;
        let has_memory = self.may_grow(maker, keys.as_opaque().total_size());
        let session = self.sessions.get_mut(id);
        let is_group = |session: &Stored| session.state.mode == ChatMode::Group;
        let mut session = session
            .filter(|session| is_group(session))
            .ok_or(KeysError::NotGroup)?;
        if !has_memory {
            return Err(KeysError::Busy);
        }
        session.state.session_keys = Some(keys);
        let revision = session.changed(self.now().lasting);
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
        let departed = state.depart(user, connection, departure, now, &self.limits.now());
        let Some((member, is_gone)) = departed else {
            return Ok(None);
        };
        let departed = Departed {
            member,
            is_gone,
            members: session.state.members.clone(),
            revision: session.changed(now.lasting),
        };
        match session.state.is_over(departure) {
            true => self.remove_usage(&found.remove()),
            false => self.recount(session),
        }
        Ok(Some(departed))
    }

    async fn note_left(&self, id: &SessionId, who: Returning<'_>) {
        self.departures.note(id, who, self.now().lasting);
    }

    async fn left_lately(&self, id: &SessionId, who: Returning<'_>) -> bool {
        let (now, grace) = (self.now().lasting, self.limits.now().rejoin_grace);
        self.departures.has(id, who, now, grace)
    }

    async fn expired(&self, _local: &[SessionId]) -> Vec<SessionId> {
        let now = self.now();
        let expired = |session: &Stored| session.is_expired(now.lasting, &self.limits.now());
        self.sessions
            .iter()
            .filter(|entry| expired(entry.value()))
            .map(|entry| entry.key().clone())
            .collect()
    }

    async fn end_expired(&self, id: &SessionId) -> bool {
        let now = self.now();
        let expired =
            |_: &SessionId, session: &Stored| session.is_expired(now.lasting, &self.limits.now());
        let ended = self.sessions.remove_if(id, expired);
        ended
            .inspect(|(_, session)| self.remove_usage(session))
            .is_some()
    }

    async fn count(&self) -> usize {
        self.usage.sessions()
    }

    async fn count_shared(&self) -> Option<[u64; ChatMode::ALL.len()]> {
        None
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
