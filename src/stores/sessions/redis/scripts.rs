//! What Redis does as a whole: the scripts, their arguments and what they return. All their keys are
//! one session's. A script that has no flag is refused from its first line on when Redis has no memory
//! left; those that free some, or take none, run nevertheless.

use std::num::NonZeroU64;

use ::redis::{Script, ScriptInvocation};

use super::keys::Keys;
use super::stamp::Stamp;
use crate::model::session::Message;
use crate::stores::drivers::redis::{Redis, RedisError};
use crate::stores::sessions::HistoryLimits;

#[derive(Debug)]
pub(super) struct Scripts {
    commit: Script,
    /// The same for what must be possible without memory.
    commit_anyway: Script,
    append: Script,
    touch: Script,
}

/// How a session is to be changed.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    /// What it was when it was read; `None`: there was none.
    pub(super) before: Option<Stamp>,
    /// What it is then, and for how many milliseconds it is kept without being used; `None`: it is
    /// over.
    pub(super) after: Option<(&'a [u8], NonZeroU64)>,
    pub(super) reads_history: bool,
    /// It is done also when Redis has no memory.
    pub(super) anyway: bool,
}

/// It was changed.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) revision: u64,
    /// For how long it is kept, when the index has to know.
    pub(super) index_for: Option<NonZeroU64>,
    /// Oldest first, when it was to be read.
    pub(super) history: Vec<Vec<u8>>,
}

/// A message was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) revision: u64,
    pub(super) is_repeated: bool,
    /// As in [`Committed`].
    pub(super) index_for: Option<NonZeroU64>,
}

/// A session that was used.
#[derive(Debug)]
pub(super) struct Touched {
    pub(super) state: Vec<u8>,
    /// As in [`Committed`].
    pub(super) index_for: Option<NonZeroU64>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |flags: &str, body: &str| {
            let parts = ["#!lua", flags, "\n", include_str!("prolong.lua"), body];
            Script::new(&parts.concat())
        };
        const ANYWAY: &str = " flags=allow-oom";
        Self {
            commit: script("", include_str!("commit.lua")),
            commit_anyway: script(ANYWAY, include_str!("commit.lua")),
            append: script("", include_str!("append.lua")),
            touch: script(ANYWAY, include_str!("touch.lua")),
        }
    }

    /// Changes a session. `None`: it is not what it was any more.
    pub(super) async fn commit(
        &self,
        redis: &Redis,
        keys: &Keys,
        commit: &Commit<'_>,
    ) -> Result<Option<Committed>, RedisError> {
        let script = match commit.anyway {
            true => &self.commit_anyway,
            false => &self.commit,
        };
        let mut call = on(script, keys);
        match &commit.before {
            Some(stamp) => call.arg(stamp),
            None => call.arg(""),
        };
        call.arg(Stamp::new());
        match commit.after {
            Some((state, timeout)) => call.arg(state).arg(timeout.get()),
            None => call.arg("").arg(0),
        };
        call.arg(u8::from(commit.reads_history));
        let committed: Option<(u64, u64, Vec<Vec<u8>>)> = redis.run(&call).await?;
        Ok(committed.map(|(revision, index, history)| Committed {
            revision,
            index_for: NonZeroU64::new(index),
            history,
        }))
    }

    /// Adds a message to a history. `None`: there is no such session.
    pub(super) async fn append(
        &self,
        redis: &Redis,
        keys: &Keys,
        (id, message): (&[u8], &[u8]),
        limits: HistoryLimits,
    ) -> Result<Option<Taken>, RedisError> {
        let mut call = on(&self.append, keys);
        call.arg(message).arg(id);
        call.arg(limits.messages).arg(limits.bytes);
        call.arg(Message::FIELDS);
        let taken: Option<(u64, u8, u64)> = redis.run(&call).await?;
        Ok(taken.map(|(revision, repeated, index)| Taken {
            revision,
            is_repeated: repeated != 0,
            index_for: NonZeroU64::new(index),
        }))
    }

    /// Reads a session and prolongs it. `None`: there is none.
    pub(super) async fn touch(
        &self,
        redis: &Redis,
        keys: &Keys,
    ) -> Result<Option<Touched>, RedisError> {
        let touched: Option<(Vec<u8>, u64)> = redis.run(&on(&self.touch, keys)).await?;
        Ok(touched.map(|(state, index)| Touched {
            state,
            index_for: NonZeroU64::new(index),
        }))
    }
}

fn on<'s>(script: &'s Script, keys: &Keys) -> ScriptInvocation<'s> {
    let mut call = script.prepare_invoke();
    call.key(&keys.session).key(&keys.history).key(&keys.ids);
    call
}
