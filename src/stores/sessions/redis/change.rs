//! Changing a session that others may change at the same time: it is read, something is decided, and it
//! is changed if it is still what was read. Else all of that is done again, a bounded number of times.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use ::redis::Cmd;
use rand::RngExt as _;

use super::keys::Keys;
use super::scripts::{Commit, Committed};
use super::stamp::Stamp;
use super::{RedisStore, encoded};
use crate::model::session::SessionId;
use crate::stores::drivers::redis::RedisError;
use crate::stores::sessions::state::State;

/// How often it is tried. In each round at least one of those who are at it is done.
const TRIES: u32 = 64;
/// For how long it is tried again, since a client waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// After how many tries there is a pause before the next, and how long it is at most.
const TRIES_AT_ONCE: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Whether who changes a session gets its history, as it is at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Nothing,
    History,
}

/// What is to become of a session, and what is answered when it did.
#[derive(Debug)]
pub(super) struct Decided<T> {
    /// `None`: it is over.
    state: Option<State>,
    outcome: T,
    /// It is done also when Redis has no memory.
    anyway: bool,
}

impl<T> Decided<T> {
    pub(super) fn keep(state: State, outcome: T) -> Self {
        Self {
            state: Some(state),
            outcome,
            anyway: false,
        }
    }

    pub(super) fn end(outcome: T) -> Self {
        Self {
            state: None,
            outcome,
            anyway: true,
        }
    }

    pub(super) fn anyway(self) -> Self {
        Self {
            anyway: true,
            ..self
        }
    }
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum Refused<E> {
    /// It was decided so.
    Decided(E),
    /// It was not possible; the reason was noted.
    Failed,
}

impl<E> Refused<E> {
    /// What was decided, or this.
    pub(super) fn or(self, failed: E) -> E {
        match self {
            Self::Decided(error) => error,
            Self::Failed => failed,
        }
    }
}

/// Why something is not possible.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Also when it cannot be written.
    #[error("it cannot be read by this release")]
    Unreadable,
    #[error("others change it all the time")]
    Contended,
    #[error("there are as many sessions as there may be")]
    NoPlace,
}

impl Failure {
    /// Says why, unless it is nothing unusual, or Redis, of which the
    /// [`Troubles`](super::troubles::Troubles) tell.
    pub(super) fn note(&self) {
        if matches!(self, Self::Unreadable | Self::Contended) {
            tracing::error!(reason = %self, "a session in Redis cannot be used");
        }
    }
}

impl RedisStore {
    /// Changes a session as it is decided.
    pub(super) async fn change<T, E>(
        &self,
        id: &SessionId,
        reads: Reads,
        mut decide: impl FnMut(Option<State>) -> Result<Decided<T>, E>,
    ) -> Result<(T, Committed), Refused<E>> {
        let failed = |failure: Failure| {
            failure.note();
            Refused::Failed
        };
        let (keys, start) = (self.keys(id), Instant::now());
        for tried in 0..TRIES {
            pause(tried).await;
            if start.elapsed() > PATIENCE {
                break;
            }
            let (before, state) = self.read(&keys).await.map_err(failed)?;
            let decided = decide(state).map_err(Refused::Decided)?;
            let committed = self.commit(&keys, before, &decided, reads).await;
            if let Some(committed) = committed.map_err(failed)? {
                match decided.state {
                    Some(_) => self.tell_index(id, committed.index_for).await,
                    None => self.index.remove(&self.redis, id).await,
                }
                return Ok((decided.outcome, committed));
            }
        }
        Err(failed(Failure::Contended))
    }

    async fn read(&self, keys: &Keys) -> Result<(Option<Stamp>, Option<State>), Failure> {
        let fields = ["stamp", "state"];
        let read = self.redis.query(&Cmd::hmget(&keys.session, &fields)).await;
        let (stamp, state): (Option<Stamp>, Option<Vec<u8>>) = self.troubles.note(read)?;
        let state = state.map(|state| encoded::read_state(&state).ok_or(Failure::Unreadable));
        Ok((stamp, state.transpose()?))
    }

    /// `None`: somebody else changed it.
    async fn commit<T>(
        &self,
        keys: &Keys,
        before: Option<Stamp>,
        decided: &Decided<T>,
        reads: Reads,
    ) -> Result<Option<Committed>, Failure> {
        if before.is_none() && self.index.count(&self.redis).await? >= self.limits.sessions {
            return Err(Failure::NoPlace);
        }
        let written = match &decided.state {
            Some(state) => {
                let written = encoded::write_state(state).ok_or(Failure::Unreadable)?;
                Some((written, self.timeout(state)))
            }
            None => None,
        };
        let after = written.as_ref();
        let commit = Commit {
            before,
            after: after.map(|(state, timeout)| (&**state, *timeout)),
            reads_history: reads == Reads::History,
            anyway: decided.anyway,
        };
        let committed = self.scripts.commit(&self.redis, keys, &commit).await;
        if !decided.anyway {
            self.troubles.note_room(&committed);
        }
        Ok(self.troubles.note(committed)?)
    }

    /// For how many milliseconds a session is kept without being used.
    fn timeout(&self, state: &State) -> NonZeroU64 {
        /// More than anyone sets, and few enough to count with.
        const LONGEST: u128 = 1 << 48;
        let timeout = state.timeout(&self.limits).as_millis().min(LONGEST) as u64;
        NonZeroU64::new(timeout).unwrap_or(NonZeroU64::MIN)
    }
}

/// Lets the others come through who are at the same session.
async fn pause(tried: u32) {
    if tried >= TRIES_AT_ONCE {
        let part: f64 = rand::rng().random_range(0.0..1.0);
        tokio::time::sleep(LONGEST_PAUSE.mul_f64(part)).await;
    }
}
