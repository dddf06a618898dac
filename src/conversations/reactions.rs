//! Reacting to messages.

use super::Actor;
use super::messages::reference;
use crate::app::Relay;
use crate::audit::Event;
use crate::conversations::Fact;
use crate::model::conversation::{ConversationId, Emoji, MessageId, Reacted, ReactionId};
use crate::stores::conversations::StoreError;

/// Keeps a reaction and tells everybody. `kept` is called in between, with its id. When the user had
/// reacted so before, nobody is told anything.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn add_reaction(
    relay: &Relay,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    emoji: &Emoji,
    kept: impl FnOnce(ReactionId) + Send,
) -> Result<(), StoreError> {
    let conversations = &relay.conversations;
    let mut live = conversations.live(conversation).await;
    let user = &actor.identity.user;
    let store = conversations.store();
    let reacted = store.add_reaction(conversation, message, user, emoji);
    let Reacted { reaction, repeated } = reacted.await?;
    if repeated {
        kept(reaction.id);
        return Ok(());
    }
    actor.record(relay, Event::Reaction(reference(conversation, message)));
    kept(reaction.id);
    live.check_members(&relay.users).await;
    let fact = Fact::Reacted {
        reaction: &reaction,
        user: actor.identity,
    };
    let behind = live.tell(&fact).await;
    drop(live);
    behind.caught_up_at(relay.config.room_min_rate).await;
    Ok(())
}

/// Takes a user's own reaction back and tells everybody. `kept` is called in between.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn remove_reaction(
    relay: &Relay,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    reaction: ReactionId,
    kept: impl FnOnce() + Send,
) -> Result<(), StoreError> {
    let conversations = &relay.conversations;
    let mut live = conversations.live(conversation).await;
    let user = &actor.identity.user;
    let store = conversations.store();
    let removed = store.remove_reaction(conversation, message, reaction, user);
    let removed = removed.await?;
    actor.record(relay, Event::Reaction(reference(conversation, message)));
    kept();
    live.check_members(&relay.users).await;
    let behind = live.tell(&Fact::Unreacted(&removed)).await;
    drop(live);
    behind.caught_up_at(relay.config.room_min_rate).await;
    Ok(())
}
