//! Those who do not see the whole history of a conversation: what happens to messages from before they joined
//! is no news to them. It must not know what they are sent.

use super::ConversationGuard;
use super::subscriptions::{Followed, Newcomers};
use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationEvent, LoggedEvent, MessageId};
use crate::stores::conversations::StoreError;

impl ConversationGuard {
    /// The users who do not see the message that the next change is about.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn blind_to_next(&mut self) -> Result<Vec<UserId>, StoreError> {
        let next = self.local.followed.as_ref().and_then(Followed::next);
        let Some(message) = next.and_then(LoggedEvent::earlier_message) else {
            return Ok(Vec::new());
        };
        let newcomers = self.newcomers().await?;
        if newcomers.is_empty() {
            return Ok(Vec::new());
        }
        let log = &self.conversations().stores().log;
        let sent = log.sent_by(self.id(), message).await?;
        let sent = sent.unwrap_or(ChangeNumber::START);
        let blind = newcomers.iter().filter(|(_, since)| sent <= **since);
        Ok(blind.map(|(user, _)| user.clone()).collect())
    }

    async fn newcomers(&mut self) -> Result<Newcomers, StoreError> {
        let known = self.local.followed.as_ref().and_then(Followed::newcomers);
        if let Some(known) = known {
            return Ok(known);
        }
        let log = &self.conversations().stores().log;
        let found = log.newcomers(self.id()).await?;
        let newcomers = Newcomers::new(found.into_iter().collect());
        if let Some(followed) = &mut self.local.followed {
            followed.set_newcomers(newcomers.clone());
        }
        Ok(newcomers)
    }
}

impl LoggedEvent {
    /// The message that was sent before, and that something happened to.
    fn earlier_message(&self) -> Option<MessageId> {
        match self {
            Self::Event(
                ConversationEvent::Edited(message) | ConversationEvent::Deleted(message),
            ) => Some(message.id),
            Self::Event(
                ConversationEvent::Reacted { reaction, .. }
                | ConversationEvent::Unreacted { reaction, .. },
            ) => Some(reaction.message),
            _ => None,
        }
    }
}
