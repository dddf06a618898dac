//! Changing a session that other servers may change at the same time: read it, decide, and write it if it
//! is unchanged; else try again, a bounded number of times.

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

/// How many times a change is tried. Each time, at least one of the concurrent changes succeeds.
const MAX_TRIES: u32 = 64;
/// For how long a change is tried, since a client waits.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(2);
/// How many tries follow each other without a pause.
const IMMEDIATE_TRIES: u32 = 3;
const MAX_PAUSE: Duration = Duration::from_millis(10);

/// Whether a change returns the history, as it is at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HistoryRead {
    No,
    Yes,
}

/// The decision on a session: its new state, and the result once that is written.
#[derive(Debug)]
pub(super) struct Decided<T> {
    /// `None`: it ends.
    state: Option<State>,
    result: T,
    /// It is written even when Redis is full.
    even_if_full: bool,
}

impl<T> Decided<T> {
    pub(super) fn write(state: State, result: T) -> Self {
        Self {
            state: Some(state),
            result,
            even_if_full: false,
        }
    }

    pub(super) fn end(result: T) -> Self {
        Self {
            state: None,
            result,
            even_if_full: true,
        }
    }

    pub(super) fn even_if_full(self) -> Self {
        Self {
            even_if_full: true,
            ..self
        }
    }
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum Rejected<E> {
    /// By the decision.
    Decided(E),
    /// It failed, which is logged.
    Failed,
}

impl<E> Rejected<E> {
    /// The reason of the decision, or else this one.
    pub(super) fn or(self, failed: E) -> E {
        match self {
            Self::Decided(error) => error,
            Self::Failed => failed,
        }
    }
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Its stored form cannot be read, or its new one not be encoded.
    #[error("it cannot be read by this release")]
    Unreadable,
    #[error("others change it all the time")]
    Contended,
    #[error("there are as many sessions as there may be")]
    TooMany,
}

impl Failure {
    /// Logs what is unusual. Errors of Redis are logged by
    /// [`ErrorThrottle`](super::error_throttle::ErrorThrottle).
    pub(super) fn log(&self) {
        if matches!(self, Self::Unreadable | Self::Contended) {
            tracing::error!(reason = %self, "a session in Redis cannot be used");
        }
    }
}

impl RedisStore {
    /// Changes a session by a decision, which may be made several times.
    pub(super) async fn change<T, E>(
        &self,
        id: &SessionId,
        history_read: HistoryRead,
        mut decide: impl FnMut(Option<State>) -> Result<Decided<T>, E>,
    ) -> Result<(T, Committed), Rejected<E>> {
        let failed = |failure: Failure| {
            failure.log();
            Rejected::Failed
        };
        let (keys, start) = (self.keys(id), Instant::now());
        for tried in 0..MAX_TRIES {
            pause(tried).await;
            if start.elapsed() > CHANGE_TIMEOUT {
                break;
            }
            let (before, state) = self.read(&keys).await.map_err(failed)?;
            let decided = decide(state).map_err(Rejected::Decided)?;
            let committed = self.commit(&keys, before, &decided, history_read).await;
            if let Some(committed) = committed.map_err(failed)? {
                match &decided.state {
                    Some(state) => {
                        let mode = Some(state.mode);
                        self.update_index(id, committed.index_for, mode).await;
                    }
                    None => self.index.remove(&self.redis, id).await,
                }
                return Ok((decided.result, committed));
            }
        }
        Err(failed(Failure::Contended))
    }

    async fn read(&self, keys: &Keys) -> Result<(Option<Stamp>, Option<State>), Failure> {
        let fields = ["stamp", "state"];
        let read = self.redis.query(&Cmd::hmget(&keys.session, &fields)).await;
        let (stamp, state): (Option<Stamp>, Option<Vec<u8>>) = self.errors.note(read)?;
        let state = state.map(|state| encoded::read_state(&state).ok_or(Failure::Unreadable));
        Ok((stamp, state.transpose()?))
    }

    /// `None`: it was changed meanwhile.
    async fn commit<T>(
        &self,
        keys: &Keys,
        before: Option<Stamp>,
        decided: &Decided<T>,
        history_read: HistoryRead,
    ) -> Result<Option<Committed>, Failure> {
        if before.is_none() && self.index.count(&self.redis).await? >= self.limits.now().sessions {
            return Err(Failure::TooMany);
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
            reads_history: history_read == HistoryRead::Yes,
            even_if_full: decided.even_if_full,
        };
        let committed = self.scripts.commit(&self.redis, keys, &commit).await;
        if !decided.even_if_full {
            self.errors.note_memory(&committed);
        }
        Ok(self.errors.note(committed)?)
    }

    /// For how many milliseconds a session exists without being used.
    fn timeout(&self, state: &State) -> NonZeroU64 {
        /// More than any setting, and small enough for the numbers of Lua.
        const MAX: u128 = 1 << 48;
        let timeout = state.timeout(&self.limits.now()).as_millis().min(MAX) as u64;
        NonZeroU64::new(timeout).unwrap_or(NonZeroU64::MIN)
    }
}

/// Waits a random time, so that concurrent changes of the same session succeed.
async fn pause(tried: u32) {
    if tried >= IMMEDIATE_TRIES {
        let part: f64 = rand::rng().random_range(0.0..1.0);
        tokio::time::sleep(MAX_PAUSE.mul_f64(part)).await;
    }
}
