//! How long messages are kept, and what happened to them. Nobody is told that something went. It must not
//! know how it is removed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Conversations;
use super::participants::Initiator;
use crate::audit::{AdminAction, Source};
use crate::model::conversation::{Conversation, ConversationId};
use crate::model::{Refusal, Why};
use crate::stores::conversations::StoreError;

/// How often old messages are looked for where a conversation has a retention of its own; and the shortest
/// time after which they are in others.
const INTERVAL: Duration = Duration::from_secs(60);
/// The longest time after which old messages are looked for in others, and the records of logs.
const LONG_INTERVAL: Duration = Duration::from_secs(3600);
/// Messages are kept longer than they should be by at most this part, but for [`INTERVAL`].
const LONGER: u32 = 60;

/// When everything is to be looked at again.
pub(super) struct Due {
    pub(super) messages: Instant,
    pub(super) logs: Instant,
}

impl Conversations {
    /// Sets how long messages of a conversation are kept: zero is for ever, `None` as long as the
    /// settings say.
    ///
    /// # Errors
    /// [`Why::ConversationNotFound`], or the store fails.
    pub(crate) async fn set_message_retention(
        &self,
        by: &Arc<Source>,
        id: &ConversationId,
        retention: Option<Duration>,
    ) -> Result<Conversation, Refusal> {
        let store = &self.stores().retention;
        let changed = store.set_message_retention(id, retention).await?;
        let changed = changed.ok_or(Refusal::new(Why::ConversationNotFound))?;
        Initiator::Admin(by).record(&self.audit, AdminAction::RetentionChanged, id, None);
        Ok(changed)
    }

    /// Removes what has been kept long enough, for ever.
    pub(crate) async fn remove_old(self: Arc<Self>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        let mut due = Due {
            messages: Instant::now(),
            logs: Instant::now(),
        };
        loop {
            let now = ticks.tick().await;
            match self.remove_old_once(now, &mut due).await {
                Ok(()) => is_failing = false,
                Err(_) if is_failing => {}
                Err(error) => {
                    is_failing = true;
                    tracing::warn!(%error, "what is old was not removed");
                }
            }
        }
    }

    /// Removes what has been kept long enough, as far as it is due.
    pub(super) async fn remove_old_once(
        &self,
        now: Instant,
        due: &mut Due,
    ) -> Result<(), StoreError> {
        let store = &self.stores().retention;
        let kept = self.config.now().message_retention;
        let is_due = now >= due.messages;
        let others = if is_due { kept } else { Duration::ZERO };
        let removed = store.remove_old_messages(others).await?;
        if removed > 0 {
            tracing::debug!(removed, "removed old messages");
        }
        if is_due {
            due.messages = now + (kept / LONGER).clamp(INTERVAL, LONG_INTERVAL);
        }
        let kept = self.config.now().changes_retention;
        if now >= due.logs && !kept.is_zero() {
            store.remove_old_changes(kept).await?;
            due.logs = now + LONG_INTERVAL;
        }
        Ok(())
    }
}
