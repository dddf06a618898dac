//! Reacting to messages.

use std::sync::Arc;

use super::messages::reference;
use super::{Actor, Conversations, Stored};
use crate::audit::Event;
use crate::model::conversation::{ConversationId, Emoji, Extra, MessageId, ReactionId};
use crate::stores::conversations::StoreError;

impl Conversations {
    /// Adds a reaction; its id. One that the user had added before is not published again. What its client says beside is
    /// told and not stored.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`], or the store fails.
    pub(crate) async fn add_reaction(
        self: &Arc<Self>,
        actor: Actor<'_>,
        conversation: &ConversationId,
        message: MessageId,
        emoji: &Emoji,
        extra: Extra,
    ) -> Result<Stored<ReactionId>, StoreError> {
        let guard = self.lock(conversation).await;
        let user = &actor.identity.user;
        let reactions = &self.stores().reactions;
        let reacted = reactions.add(conversation, message, user, emoji);
        let logged = self.noted(conversation, reacted.await)?;
        if logged.change.is_some() {
            let event = Event::Reaction(reference(conversation, message));
            actor.record(&self.audit, event);
        }
        let id = logged.value.id;
        let published = guard.publish_logged_saying(actor, logged, extra);
        Ok(Stored::new(self.presence.drain(), id, published))
    }

    /// Removes a reaction of the user's own. One that they have removed before is not published again.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`], or the store fails.
    pub(crate) async fn remove_reaction(
        self: &Arc<Self>,
        actor: Actor<'_>,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        extra: Extra,
    ) -> Result<Stored<()>, StoreError> {
        let guard = self.lock(conversation).await;
        let user = &actor.identity.user;
        let reactions = &self.stores().reactions;
        let removed = reactions.remove(conversation, message, reaction, user);
        let logged = self.noted(conversation, removed.await)?;
        if logged.change.is_some() {
            let event = Event::Reaction(reference(conversation, message));
            actor.record(&self.audit, event);
        }
        let published = guard.publish_logged_saying(actor, logged, extra);
        Ok(Stored::new(self.presence.drain(), (), published))
    }
}
