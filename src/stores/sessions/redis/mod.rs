//! Sessions in Redis, which servers share: a member is in a session wherever it is connected, and a
//! session outlives the server that made it.
//!
//! What may be done is decided here, by the same [`State`] as for sessions in memory. An operation reads
//! the state, decides, and has a script change the session whole unless somebody else did meanwhile; then
//! it is done again. A message needs no decision: it is one script.
//!
//! Sessions expire by Redis itself, each with all that is kept of it. What sessions take is bounded for
//! each by the limits of members and of its history, and for all together only by Redis: it has to have a
//! `maxmemory`, and the policy `noeviction`. When it is full, nobody comes in and nothing is kept any
//! more, but messages are relayed and members go. `sessions_memory` counts for nothing here, since no
//! server knows what the others keep. The number of sessions is looked at before one is made, so several
//! servers may make a few too many at once.

mod change;
mod encoded;
mod index;
mod keys;
mod scripts;
mod stamp;
#[cfg(test)]
mod tests;
mod troubles;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::redis::Cmd;
use async_trait::async_trait;
use futures_util::future::join_all;
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
use crate::stores::drivers::redis::Redis;
use change::{Decided, Failure, Reads, Refused};
use index::Index;
use keys::Keys;
use scripts::{Committed, Scripts};
use troubles::Troubles;

/// How many sessions are asked for at once, and looked at for having ended in one call at least.
const AT_ONCE: usize = 1_000;
/// In how many calls all sessions that have members here are looked at.
const CALLS_FOR_ALL: usize = 20;

/// All sessions in one Redis.
#[derive(Debug)]
pub struct RedisStore {
    redis: Arc<Redis>,
    limits: SessionLimits,
    clock: Arc<dyn Clock>,
    scripts: Scripts,
    index: Index,
    /// Up to where it was looked for sessions that ended.
    looked_at: AtomicUsize,
    troubles: Troubles,
}

impl RedisStore {
    /// The sessions that are in this Redis.
    pub fn new(redis: Arc<Redis>, limits: SessionLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            index: Index::new(&redis),
            scripts: Scripts::new(),
            looked_at: AtomicUsize::new(0),
            troubles: Troubles::default(),
            redis,
            limits,
            clock,
        }
    }

    fn keys(&self, id: &SessionId) -> Keys {
        Keys::of(&self.redis, id)
    }

    async fn try_append(
        &self,
        id: &SessionId,
        message: &Message,
    ) -> Result<Option<Appended>, Failure> {
        let keys = self.keys(id);
        let name = encoded::name_of(message);
        let written = encoded::write_message(message).ok_or(Failure::Unreadable)?;
        let entry = (name.as_ref(), &*written);
        let history = self.limits.history;
        let appended = self.scripts.append(&self.redis, &keys, entry, history);
        let appended = appended.await;
        self.troubles.note_room(&appended);
        if matches!(&appended, Err(error) if error.is_out_of_memory()) {
            // It is used nevertheless.
            self.use_now(id).await?;
        }
        let Some(message) = self.troubles.note(appended)? else {
            return Ok(None);
        };
        self.tell_index(id, message.index_for).await;
        let revision = message.revision;
        Ok(Some(match message.is_repeated {
            true => Appended::Repeated { revision },
            false => Appended::First { revision },
        }))
    }

    /// A session, which is kept for longer by that.
    async fn use_now(&self, id: &SessionId) -> Result<Option<State>, Failure> {
        let touched = self.scripts.touch(&self.redis, &self.keys(id)).await;
        let Some(touched) = self.troubles.note(touched)? else {
            return Ok(None);
        };
        self.tell_index(id, touched.index_for).await;
        let state = encoded::read_state(&touched.state).ok_or(Failure::Unreadable)?;
        Ok(Some(state))
    }

    /// Tells the index for how many milliseconds a session is kept, if it has to know.
    async fn tell_index(&self, id: &SessionId, timeout: Option<NonZeroU64>) {
        if let Some(timeout) = timeout {
            self.index.put(&self.redis, id, timeout).await;
        }
    }

    async fn is_gone(&self, id: &SessionId) -> bool {
        let asked = Cmd::exists(self.keys(id).session);
        let exists = self.redis.query(&asked).await;
        exists.is_ok_and(|exists: bool| !exists)
    }

    /// The messages that a member may see, of those that were read.
    fn history(&self, read: &[Vec<u8>], user: &UserId) -> Vec<Arc<Message>> {
        let messages: Vec<_> = read
            .iter()
            .filter_map(|m| encoded::read_message(m))
            .collect();
        if messages.len() < read.len() {
            tracing::error!("some messages in Redis cannot be read by this release");
        }
        let seen = messages.into_iter().filter(|message| message.is_for(user));
        seen.map(Arc::new).collect()
    }

    async fn summary(&self, id: &SessionId) -> Option<Summary> {
        let keys = self.keys(id);
        let mut asked = ::redis::pipe();
        asked.hget(&keys.session, "state").llen(&keys.history);
        let (state, messages): (Option<Vec<u8>>, usize) = self.redis.pipe(&asked).await.ok()?;
        let state = encoded::read_state(&state?)?;
        Some(state.summary(id.clone(), messages))
    }
}

/// Those to be looked at in this call, and from where on in the next.
fn part(all: &[SessionId], start: usize) -> (impl Iterator<Item = &SessionId>, usize) {
    let most = AT_ONCE.max(all.len() / CALLS_FOR_ALL).min(all.len());
    let start = if start < all.len() { start } else { 0 };
    let part = all.iter().cycle().skip(start).take(most);
    (part, start + most)
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
    ) -> Result<(), ReserveError> {
        let key = KeyHash::new(key, mode);
        let reserved = self.change(id, Reads::Nothing, |found| match found {
            Some(_) => Err(ReserveError::Exists),
            None => Ok(Decided::keep(State::reserved(key.clone(), mode), ())),
        });
        match reserved.await {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.or(ReserveError::Busy)),
        }
    }

    async fn join(&self, id: &SessionId, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError> {
        let grace = self.limits.rejoin_grace;
        let joined = self.change(id, Reads::History, |found| {
            State::check(found.as_ref(), &join, self.limits.members)?;
            if !seat.is_free {
                return Err(JoinError::Busy);
            }
            let mut state = found.unwrap_or_else(State::created);
            let joined = state.admit(join.clone(), seat.connection, self.clock.now_ms(), grace);
            Ok(Decided::keep(state, joined))
        });
        let (joined, committed) = joined
            .await
            .map_err(|refused| refused.or(JoinError::Busy))?;
        Ok(Joined {
            history: self.history(&committed.history, &joined.member.user),
            revision: committed.revision,
            ..joined
        })
    }

    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<Saved> {
        let saved = self.change(id, Reads::Nothing, |found| {
            let mut state = found.ok_or(())?;
            let saved = state.save_key(user, key.clone(), display_name.clone());
            let members = saved.map(|()| state.members.clone());
            members
                .map(|members| Decided::keep(state, members))
                .ok_or(())
        });
        let (members, Committed { revision, .. }) = saved.await.ok()?;
        Some(Saved { members, revision })
    }

    async fn members(&self, id: &SessionId) -> Vec<Member> {
        match self.use_now(id).await {
            Ok(found) => found.map_or_else(Vec::new, |state| state.members),
            Err(failure) => {
                failure.note();
                Vec::new()
            }
        }
    }

    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended> {
        let appended = self.try_append(id, &message).await;
        appended.unwrap_or_else(|failure| {
            failure.note();
            Some(Appended::NotKept)
        })
    }

    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError> {
        let set = self.change(id, Reads::Nothing, |found| {
            let is_group = |state: &State| state.mode == ChatMode::Group;
            let mut state = found.filter(is_group).ok_or(KeysError::NotGroup)?;
            state.session_keys = Some(keys.clone());
            Ok(Decided::keep(state, ()))
        });
        match set.await {
            Ok(((), committed)) => Ok(committed.revision),
            Err(refused) => Err(refused.or(KeysError::Busy)),
        }
    }

    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable> {
        let (clock, limits) = (&self.clock, &self.limits);
        let departed = self.change(id, Reads::Nothing, |found| {
            let mut state = found.ok_or(())?;
            let member = state.depart(user, connection, departure, clock.now_ms(), limits);
            let member = member.ok_or(())?;
            let members = state.members.clone();
            Ok(match state.is_over(departure) {
                true => Decided::end((member, members)),
                false => Decided::keep(state, (member, members)).anyway(),
            })
        });
        match departed.await {
            Ok(((member, members), Committed { revision, .. })) => Ok(Some(Departed {
                member,
                members,
                revision,
            })),
            Err(Refused::Decided(())) => Ok(None),
            Err(Refused::Failed) => Err(Unavailable),
        }
    }

    async fn expired(&self, here: &[SessionId]) -> Vec<SessionId> {
        let (part, next) = part(here, self.looked_at.load(Ordering::Relaxed));
        self.looked_at.store(next, Ordering::Relaxed);
        let looked = part.map(async |id| self.is_gone(id).await.then(|| id.clone()));
        join_all(looked).await.into_iter().flatten().collect()
    }

    async fn end_expired(&self, id: &SessionId) -> bool {
        self.is_gone(id).await
    }

    async fn count(&self) -> usize {
        let count = self.index.count(&self.redis).await;
        count.unwrap_or_else(|_| self.index.last_count())
    }

    async fn summaries(&self) -> Vec<Summary> {
        let all = self.index.all(&self.redis).await.unwrap_or_default();
        let mut summaries = Vec::new();
        for some in all.chunks(AT_ONCE) {
            let asked = join_all(some.iter().map(|id| self.summary(id))).await;
            summaries.extend(asked.into_iter().flatten());
        }
        summaries
    }
}
