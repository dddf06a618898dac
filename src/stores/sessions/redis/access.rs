//! Reading, prolonging and appending: what needs no decision.

use std::num::NonZeroU64;
use std::sync::Arc;

use ::redis::Cmd;

use super::change::Failure;
use super::{RedisStore, encoded};
use crate::model::UserId;
use crate::model::session::{Appended, ChatMode, Message, SessionId, Summary};
use crate::stores::sessions::state::State;

impl RedisStore {
    pub(super) async fn try_append(
        &self,
        id: &SessionId,
        message: &Message,
    ) -> Result<Option<Appended>, Failure> {
        let keys = self.keys(id);
        let written = encoded::write_message(message).ok_or(Failure::Unreadable)?;
        let fingerprint = message.fingerprint();
        let entry = (&fingerprint[..], &*written);
        let history = self.limits.now().history;
        let appended = self.scripts.append(&self.redis, &keys, entry, history);
        let appended = appended.await;
        self.errors.note_memory(&appended);
        if matches!(&appended, Err(error) if error.is_out_of_memory()) {
            // That is a use of the session, too.
            self.touch(id).await?;
        }
        let Some(message) = self.errors.note(appended)? else {
            return Ok(None);
        };
        self.update_index(id, message.index_for, None).await;
        let revision = message.revision;
        Ok(Some(match message.is_repeated {
            true => Appended::Repeated { revision },
            false => Appended::First { revision },
        }))
    }

    /// Reads a session, which is a use that prolongs it.
    pub(super) async fn touch(&self, id: &SessionId) -> Result<Option<(State, u64)>, Failure> {
        let touched = self.scripts.touch(&self.redis, &self.keys(id)).await;
        let Some(touched) = self.errors.note(touched)? else {
            return Ok(None);
        };
        let state = encoded::read_state(&touched.state);
        let mode = state.as_ref().map(|state| state.mode);
        self.update_index(id, touched.index_for, mode).await;
        let state = state.ok_or(Failure::Unreadable)?;
        Ok(Some((state, touched.revision)))
    }

    /// Notes in the index for how many milliseconds a session of this mode, if it is known, exists, if it has to be updated.
    pub(super) async fn update_index(
        &self,
        id: &SessionId,
        timeout: Option<NonZeroU64>,
        mode: Option<ChatMode>,
    ) {
        if let Some(timeout) = timeout {
            self.index.put(&self.redis, id, timeout, mode).await;
        }
    }

    pub(super) async fn is_gone(&self, id: &SessionId) -> bool {
        let asked = Cmd::exists(self.keys(id).session);
        let exists = self.redis.query(&asked).await;
        exists.is_ok_and(|exists: bool| !exists)
    }

    /// The messages that a member may read, of those that are stored.
    pub(super) fn history(&self, stored: &[Vec<u8>], user: &UserId) -> Vec<Arc<Message>> {
        let messages: Vec<_> = stored
            .iter()
            .filter_map(|message| encoded::read_message(message))
            .collect();
        if messages.len() < stored.len() {
            tracing::error!("some messages in Redis cannot be read by this release");
        }
        let readable = messages.into_iter().filter(|message| message.is_for(user));
        readable.map(Arc::new).collect()
    }

    pub(super) async fn summary(&self, id: &SessionId) -> Option<Summary> {
        let keys = self.keys(id);
        let mut asked = ::redis::pipe();
        asked.hget(&keys.session, "state").llen(&keys.history);
        let (state, messages): (Option<Vec<u8>>, usize) = self.redis.pipe(&asked).await.ok()?;
        let state = encoded::read_state(&state?)?;
        Some(state.summary(id.clone(), messages))
    }
}
