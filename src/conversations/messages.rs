//! Sending, editing, deleting and hiding messages.

use uuid::Uuid;

use super::{Actor, receipts};
use crate::app::App;
use crate::audit::{AuditText, Event, MessageRef, MessageSent, Target};
use crate::conversations::{ConversationEvent, ConversationGuard};
use crate::model::conversation::{ConversationId, Deleted, Edit, Message, MessageId, NewMessage};
use crate::model::{Identity, UserId};
use crate::stores::conversations::StoreError;

/// Keeps a message and tells everybody. `kept` is called in between: with the message, and whether
/// its sender had sent it before, in which case nobody is told anything.
///
/// # Errors
/// [`StoreError::NotParticipant`], or the store fails.
pub async fn send(
    app: &App,
    actor: Actor<'_>,
    new: &NewMessage,
    size: usize,
    kept: impl FnOnce(&Message, bool) + Send,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let mut guard = conversations.lock(&new.conversation).await;
    let appended = conversations.stores().messages.append(new).await?;
    let message = appended.message;
    actor.record_as(app, *message.id.uuid(), sent(&message, size));
    kept(&message, appended.repeated);
    if appended.repeated && appended.before.is_empty() {
        return Ok(());
    }
    guard.check_members(&app.users).await;
    let mut told = Vec::new();
    for message in appended.before {
        let sender = identity_of(app, &message.sender).await;
        let lagging = guard.tell(&sent_by(&message, &sender)).await;
        told.push((others(&guard, &message), lagging, message));
    }
    if !appended.repeated {
        let lagging = guard.tell(&sent_by(&message, actor.identity)).await;
        told.push((others(&guard, &message), lagging, message));
    }
    drop(guard);

    for (others, lagging, message) in told {
        receipts::delivered(app, &message, &others).await;
        lagging.wait_at_rate(app.config.room_min_rate).await;
    }
    Ok(())
}

/// Tells those here of a message that was sent on another server.
pub async fn sent_elsewhere(app: &App, message: Message, sender: &Identity) {
    let mut guard = app.conversations.lock(&message.conversation).await;
    guard.check_members(&app.users).await;
    let lagging = guard.tell_here(&sent_by(&message, sender)).await;
    let others = others(&guard, &message);
    drop(guard);
    receipts::delivered(app, &message, &others).await;
    lagging.wait_at_rate(app.config.room_min_rate).await;
}

/// Tells those here of something else that happened on another server.
pub async fn tell_here(app: &App, conversation: &ConversationId, event: &ConversationEvent<'_>) {
    let mut guard = app.conversations.lock(conversation).await;
    guard.check_members(&app.users).await;
    let lagging = guard.tell_here(event).await;
    drop(guard);
    lagging.wait_at_rate(app.config.room_min_rate).await;
}

fn sent_by<'a>(message: &'a Message, sender: &'a Identity) -> ConversationEvent<'a> {
    ConversationEvent::Sent { message, sender }
}

/// Whom here a message reached.
fn others(guard: &ConversationGuard<'_>, message: &Message) -> Vec<UserId> {
    let users = guard.users().into_iter();
    let others = users.filter(|user| **user != message.sender);
    others.cloned().collect()
}

/// A sender who is not at hand.
async fn identity_of(app: &App, user: &UserId) -> Identity {
    let known = app.conversations.stores().users.find(user).await;
    let known = known.unwrap_or_else(|error| {
        tracing::warn!(%error, "the name of a sender could not be read");
        None
    });
    Identity {
        user: user.clone(),
        name: known
            .as_ref()
            .map_or(user.shared(), |known| &known.name)
            .clone(),
        avatar_url: known.and_then(|known| known.avatar_url),
    }
}

fn sent(message: &Message, size: usize) -> Event {
    Event::MessageSent(MessageSent {
        target: Target::Conversation(AuditText::new(message.conversation.as_str())),
        message_id: Some(AuditText::new(&message.id.to_string())),
        message_type: None,
        seq: None,
        bytes: size as u64,
    })
}

/// Changes what a message says, for its author.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn edit(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    edit: &Edit,
    kept: impl FnOnce(&Message) + Send,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let mut guard = conversations.lock(conversation).await;
    let author = &actor.identity.user;
    let stores = conversations.stores();
    let edited = stores
        .messages
        .edit(conversation, message, author, edit)
        .await?;
    actor.record(app, Event::MessageUpdated(reference(conversation, message)));
    kept(&edited);
    guard.check_members(&app.users).await;
    let lagging = guard.tell(&ConversationEvent::Edited(&edited)).await;
    drop(guard);
    lagging.wait_at_rate(app.config.room_min_rate).await;
    Ok(())
}

/// Deletes what a message says, for its author or an admin of the conversation. When that was done
/// before, nobody is told anything.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn delete(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
    kept: impl FnOnce(&Message) + Send,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let mut guard = conversations.lock(conversation).await;
    let user = &actor.identity.user;
    let deleted = conversations
        .stores()
        .messages
        .delete(conversation, message, user);
    let Deleted { message, repeated } = deleted.await?;
    let event = Event::MessageDeleted(reference(conversation, message.id));
    actor.record_as(app, deletion_of(&message), event);
    kept(&message);
    if repeated {
        return Ok(());
    }
    guard.check_members(&app.users).await;
    let lagging = guard.tell(&ConversationEvent::Deleted(&message)).await;
    drop(guard);
    lagging.wait_at_rate(app.config.room_min_rate).await;
    Ok(())
}

/// The id of the record that a message was deleted: like that of the message, at another time.
fn deletion_of(message: &Message) -> Uuid {
    let id = message.id.uuid().as_u128();
    let at = message.deleted_at().unwrap_or(message.created_at);
    Uuid::from_u128((u128::from(at) << 80) | ((id ^ 1) & ((1 << 80) - 1)))
}

/// Leaves a message out of the history for one user. Nobody is told.
///
/// # Errors
/// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`], or the store fails.
pub async fn hide(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    message: MessageId,
) -> Result<(), StoreError> {
    let user = &actor.identity.user;
    let stores = app.conversations.stores();
    if stores.messages.hide(conversation, message, user).await? {
        actor.record(app, Event::MessageDeleted(reference(conversation, message)));
    }
    Ok(())
}

pub(super) fn reference(conversation: &ConversationId, message: MessageId) -> MessageRef {
    MessageRef {
        conversation_id: AuditText::new(conversation.as_str()),
        message_id: AuditText::new(&message.to_string()),
    }
}
