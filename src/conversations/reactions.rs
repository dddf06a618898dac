//! Reacting to messages.

use super::Actor;
use super::messages::reference;
use crate::app::App;
use crate::audit::Event;
use crate::conversations::ConversationEvent;
use crate::model::conversation::{ConversationId, Emoji, MessageId, Reacted, ReactionId};
use crate::stores::conversations::StoreError;

/// Keeps a reaction and tells everybody. `kept` is called in between, with its id. When the user had
/// reacted so before, nobody is told anything.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn add_reaction(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    emoji: &Emoji,
    kept: impl FnOnce(ReactionId) + Send,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let mut guard = conversations.lock(conversation).await;
    let user = &actor.identity.user;
    let stores = conversations.stores();
    let reacted = stores.reactions.add(conversation, message, user, emoji);
    let Reacted { reaction, repeated } = reacted.await?;
    if repeated {
        kept(reaction.id);
        return Ok(());
    }
    actor.record(app, Event::Reaction(reference(conversation, message)));
    kept(reaction.id);
    guard.check_members(&app.users).await;
    let event = ConversationEvent::Reacted {
        reaction: &reaction,
        user: actor.identity,
    };
    let lagging = guard.tell(&event).await;
    drop(guard);
    lagging.wait_at_rate(app.config.room_min_rate).await;
    Ok(())
}

/// Takes a user's own reaction back and tells everybody. `kept` is called in between.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn remove_reaction(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    reaction: ReactionId,
    kept: impl FnOnce() + Send,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let mut guard = conversations.lock(conversation).await;
    let user = &actor.identity.user;
    let stores = conversations.stores();
    let removed = stores
        .reactions
        .remove(conversation, message, reaction, user);
    let removed = removed.await?;
    actor.record(app, Event::Reaction(reference(conversation, message)));
    kept();
    guard.check_members(&app.users).await;
    let lagging = guard.tell(&ConversationEvent::Unreacted(&removed)).await;
    drop(guard);
    lagging.wait_at_rate(app.config.room_min_rate).await;
    Ok(())
}
