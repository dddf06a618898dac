//! Sessions in Redis, which servers share: a member is in a session whichever server it is connected to,
//! and a session outlives the server that created it.
//!
//! What may be done is decided on the server, by the same [`State`] as for sessions in memory. An
//! operation reads the state, decides, and has a script write the new state unless it was changed
//! meanwhile; then it is tried again. A message needs no decision: it is one script.
//!
//! Sessions expire in Redis itself, each with all its keys. The memory of each is bounded by the limits of
//! members and of its history, that of all together only by Redis, which needs a `maxmemory` and the
//! policy `noeviction`. When it is full, nobody can join and nothing is stored any more, but messages are
//! relayed and members can leave. `sessions_memory` has no effect, since no server knows what the others
//! store. The number of sessions is checked before one is created, so several servers may create a few
//! too many at once.

mod access;
mod change;
mod encoded;
mod error_throttle;
mod index;
mod keys;
mod scripts;
mod stamp;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::Cmd;
use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;
use uuid::Uuid;

use super::state::{Now, State};
use super::store::SessionStore;
use super::{KeyHash, SessionLimits};
use crate::config::Live;
use crate::model::UserId;
use crate::model::clock::Clock;
use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, JoinSlot, Joined, KeySaved,
    KeysError, Maker, Members, Message, ReserveError, Returning, SessionId, Summary, Unavailable,
};
use crate::payload::OwnedValue;
use crate::stores::drivers::redis::Redis;
use change::{Decided, HistoryRead, Rejected};
use error_throttle::ErrorThrottle;
use index::Index;
use keys::Keys;
use scripts::{Committed, Scripts};

/// How many sessions are asked for at once, and checked for having expired in one call at least.
const BATCH: usize = 1_000;
/// In how many calls all sessions that have members on this server are checked.
const CALLS_FOR_ALL: usize = 20;
/// How long Redis may take to say how many sessions there are: who asks is answered soon.
const COUNT_TIMEOUT: Duration = Duration::from_millis(100);

/// All sessions in one Redis.
#[derive(Debug)]
pub(crate) struct RedisStore {
    redis: Arc<Redis>,
    limits: Live<SessionLimits>,
    clock: Arc<dyn Clock>,
    scripts: Scripts,
    index: Index,
    /// Where the next check for expired sessions begins.
    next_checked: AtomicUsize,
    errors: ErrorThrottle,
}

impl RedisStore {
    /// The sessions in this Redis.
    pub(crate) fn new(
        redis: Arc<Redis>,
        limits: impl Into<Live<SessionLimits>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            index: Index::new(&redis),
            scripts: Scripts::new(),
            next_checked: AtomicUsize::new(0),
            errors: ErrorThrottle::default(),
            redis,
            limits: limits.into(),
            clock,
        }
    }

    /// Other servers compare with it, so it is the wall clock. One that jumps misjudges `rejoin_grace`
    /// alone: how long a session exists, Redis decides.
    fn now(&self) -> Now {
        let date = self.clock.now_ms();
        Now {
            date,
            lasting: date,
        }
    }

    /// The key that is there while somebody has left a session lately: all of a session on one server of a cluster.
    fn left_key(&self, id: &SessionId, mark: &str) -> String {
        let key = self.redis.key("session-left", id.as_str());
        format!("{key}:{mark}")
    }

    fn keys(&self, id: &SessionId) -> Keys {
        Keys::of(&self.redis, id)
    }
}

/// The sessions to check in this call, and where the next call begins.
fn part(all: &[SessionId], start: usize) -> (impl Iterator<Item = &SessionId>, usize) {
    let count = BATCH.max(all.len() / CALLS_FOR_ALL).min(all.len());
    let start = if start < all.len() { start } else { 0 };
    let part = all.iter().cycle().skip(start).take(count);
    (part, start + count)
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
        maker: Maker<'_>,
    ) -> Result<(), ReserveError> {
        let hash = KeyHash::new(key, mode);
        let reserved = self.change(id, HistoryRead::No, |found| match found {
            Some(state) if state.is_reserved_by(key, mode) => Err(None),
            Some(_) => Err(Some(ReserveError::Exists)),
            None if !(maker.may_make)() => Err(Some(ReserveError::Busy)),
            None => Ok(Decided::write(State::reserved(hash.clone(), mode), ())),
        });
        match reserved.await {
            Ok(_) => Ok(()),
            Err(rejected) => match rejected.or(Some(ReserveError::Busy)) {
                Some(error) => Err(error),
                None => Ok(()),
            },
        }
    }

    async fn join(
        &self,
        id: &SessionId,
        join: Join<'_>,
        slot: JoinSlot<'_>,
    ) -> Result<Joined, JoinError> {
        let joined = self.change(id, HistoryRead::Yes, |found| {
            let now = self.now();
            State::check(found.as_ref(), &join, now, &self.limits.now())?;
            let may_be = slot.is_free && (found.is_some() || (slot.maker.may_make)());
            if !may_be {
                return Err(JoinError::Busy);
            }
            let mut state = found.unwrap_or_else(State::created);
            let joined = state.admit(join.clone(), slot.connection, now, &self.limits.now());
            Ok(Decided::write(state, joined))
        });
        let (joined, committed) = joined
            .await
            .map_err(|rejected| rejected.or(JoinError::Busy))?;
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
        connection: Uuid,
        saved: (OwnedValue, Option<Arc<str>>),
    ) -> Option<KeySaved> {
        let saved = self.change(id, HistoryRead::No, |found| {
            let mut state = found.ok_or(())?;
            let displaced = state.save_key(user, connection, saved.clone(), self.now());
            let displaced = displaced.ok_or(())?;
            let members = state.members.clone();
            Ok::<_, ()>(Decided::write(state, (members, displaced)))
        });
        let ((members, displaced), Committed { revision, .. }) = saved.await.ok()?;
        Some(KeySaved {
            members,
            displaced,
            revision,
        })
    }

    async fn members(&self, id: &SessionId) -> Members {
        match self.touch(id).await {
            Ok(Some((State { members, .. }, revision))) => Members { members, revision },
            Ok(None) => Members::default(),
            Err(failure) => {
                failure.log();
                Members::default()
            }
        }
    }

    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended> {
        let appended = self.try_append(id, &message).await;
        appended.unwrap_or_else(|failure| {
            failure.log();
            Some(Appended::NotStored)
        })
    }

    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError> {
        let set = self.change(id, HistoryRead::No, |found| {
            let is_group = |state: &State| state.mode == ChatMode::Group;
            let mut state = found.filter(is_group).ok_or(KeysError::NotGroup)?;
            state.session_keys = Some(keys.clone());
            Ok(Decided::write(state, ()))
        });
        match set.await {
            Ok(((), committed)) => Ok(committed.revision),
            Err(rejected) => Err(rejected.or(KeysError::Busy)),
        }
    }

    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable> {
        let limits = &self.limits.now();
        let departed = self.change(id, HistoryRead::No, |found| {
            let mut state = found.ok_or(())?;
            let departed = state.depart(user, connection, departure, self.now(), limits);
            let (member, is_gone) = departed.ok_or(())?;
            let departed = Departed {
                member,
                is_gone,
                members: state.members.clone(),
                revision: 0,
            };
            Ok(match state.is_over(departure) {
                true => Decided::end(departed),
                false => Decided::write(state, departed).even_if_full(),
            })
        });
        match departed.await {
            Ok((departed, Committed { revision, .. })) => Ok(Some(Departed {
                revision,
                ..departed
            })),
            Err(Rejected::Decided(())) => Ok(None),
            Err(Rejected::Failed) => Err(Unavailable),
        }
    }

    async fn note_left(&self, id: &SessionId, who: Returning<'_>) {
        let grace = u64::try_from(self.limits.now().rejoin_grace.as_millis()).unwrap_or(u64::MAX);
        if grace == 0 {
            return;
        }
        for mark in who.marks() {
            let mut note = Cmd::new();
            note.arg("SET").arg(self.left_key(id, &mark)).arg("");
            note.arg("PX").arg(grace);
            if let Err(error) = self.redis.query::<()>(&note).await {
                tracing::debug!(%error, "who was disconnected from a session was not noted");
            }
        }
    }

    async fn left_lately(&self, id: &SessionId, who: Returning<'_>) -> bool {
        let grace = self.limits.now().rejoin_grace;
        for mark in who.marks() {
            let rest: Result<i64, _> = self.redis.query(&Cmd::pttl(self.left_key(id, &mark))).await;
            // Negative: there is none.
            let rest = rest.ok().and_then(|rest| u64::try_from(rest).ok());
            let since = rest.map(|rest| grace.saturating_sub(Duration::from_millis(rest)));
            if since.is_some_and(|since| who.came_after(since)) {
                return true;
            }
        }
        false
    }

    async fn expired(&self, local: &[SessionId]) -> Vec<SessionId> {
        let (part, next) = part(local, self.next_checked.load(Ordering::Relaxed));
        self.next_checked.store(next, Ordering::Relaxed);
        let checked = part.map(async |id| self.is_gone(id).await.then(|| id.clone()));
        join_all(checked).await.into_iter().flatten().collect()
    }

    async fn end_expired(&self, id: &SessionId) -> bool {
        self.is_gone(id).await
    }

    async fn count(&self) -> usize {
        let count = self.index.count(&self.redis).await;
        count.unwrap_or_else(|_| self.index.last_count())
    }

    async fn count_shared(&self) -> Option<[u64; ChatMode::ALL.len()]> {
        let counting = timeout(COUNT_TIMEOUT, self.index.count_by_mode(&self.redis));
        let counts = counting.await.ok().and_then(Result::ok);
        Some(counts.unwrap_or_else(|| self.index.last_by_mode()))
    }

    async fn summaries(&self) -> Vec<Summary> {
        let all = self.index.all(&self.redis).await.unwrap_or_default();
        let mut summaries = Vec::new();
        for batch in all.chunks(BATCH) {
            let asked = join_all(batch.iter().map(|id| self.summary(id))).await;
            summaries.extend(asked.into_iter().flatten());
        }
        summaries
    }
}
