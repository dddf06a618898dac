//! The scripts by which Redis changes a session atomically, with their arguments and results. All their
//! keys belong to one session. When Redis is full it rejects a script that has no flag; those that free
//! memory, or need none, run nevertheless.

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
    /// The same when Redis may be full.
    commit_if_full: Script,
    append: Script,
    touch: Script,
}

/// A change of a session.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    /// The state that was read; `None`: there was no session.
    pub(super) before: Option<Stamp>,
    /// The new state, and for how many milliseconds the session exists without being used; `None`:
    /// it ends.
    pub(super) after: Option<(&'a [u8], NonZeroU64)>,
    pub(super) reads_history: bool,
    /// It is written even when Redis is full.
    pub(super) even_if_full: bool,
}

/// A session was changed.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) revision: u64,
    /// For how many milliseconds it exists, when the index has to be updated.
    pub(super) index_for: Option<NonZeroU64>,
    /// Oldest first; empty unless it was asked for.
    pub(super) history: Vec<Vec<u8>>,
}

/// A message was added.
#[derive(Debug)]
pub(super) struct Added {
    pub(super) revision: u64,
    pub(super) is_repeated: bool,
    /// As in [`Committed`].
    pub(super) index_for: Option<NonZeroU64>,
}

/// A session was used.
#[derive(Debug)]
pub(super) struct Touched {
    pub(super) state: Vec<u8>,
    pub(super) revision: u64,
    /// As in [`Committed`].
    pub(super) index_for: Option<NonZeroU64>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |flags: &str, body: &str| {
            let parts = ["#!lua", flags, "\n", include_str!("prolong.lua"), body];
            Script::new(&parts.concat())
        };
        const IF_FULL: &str = " flags=allow-oom";
        Self {
            commit: script("", include_str!("commit.lua")),
            commit_if_full: script(IF_FULL, include_str!("commit.lua")),
            append: script("", include_str!("append.lua")),
            touch: script(IF_FULL, include_str!("touch.lua")),
        }
    }

    /// Changes a session. `None`: it was changed meanwhile.
    pub(super) async fn commit(
        &self,
        redis: &Redis,
        keys: &Keys,
        commit: &Commit<'_>,
    ) -> Result<Option<Committed>, RedisError> {
        let script = match commit.even_if_full {
            true => &self.commit_if_full,
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
        (fingerprint, message): (&[u8], &[u8]),
        limits: HistoryLimits,
    ) -> Result<Option<Added>, RedisError> {
        let mut call = on(&self.append, keys);
        call.arg(message).arg(fingerprint);
        call.arg(limits.messages).arg(limits.bytes);
        call.arg(Message::FIELDS);
        let added: Option<(u64, u8, u64)> = redis.run(&call).await?;
        Ok(added.map(|(revision, repeated, index)| Added {
            revision,
            is_repeated: repeated != 0,
            index_for: NonZeroU64::new(index),
        }))
    }

    /// Reads a session and prolongs it. `None`: there is no such session.
    pub(super) async fn touch(
        &self,
        redis: &Redis,
        keys: &Keys,
    ) -> Result<Option<Touched>, RedisError> {
        let touched: Option<(Vec<u8>, u64, u64)> = redis.run(&on(&self.touch, keys)).await?;
        Ok(touched.map(|(state, revision, index)| Touched {
            state,
            revision,
            index_for: NonZeroU64::new(index),
        }))
    }
}

fn on<'s>(script: &'s Script, keys: &Keys) -> ScriptInvocation<'s> {
    let mut call = script.prepare_invoke();
    call.key(&keys.session).key(&keys.history).key(&keys.ids);
    call
}
