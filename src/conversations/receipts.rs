//! What reached whom, and what was read.

use super::Actor;
use crate::app::App;
use crate::audit::{AuditText, Event};
use crate::conversations::UserNotification;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Message, MessageId, PageLimit};
use crate::stores::conversations::StoreError;

/// Notes that a user has read these messages, and tells their senders what of it is new. `kept` is
/// called in between.
///
/// # Errors
/// [`StoreError::NotParticipant`], or the store fails.
pub async fn mark_read(
    app: &App,
    actor: Actor<'_>,
    conversation: &ConversationId,
    messages: &[MessageId],
    kept: impl FnOnce() + Send,
) -> Result<(), StoreError> {
    let reader = &actor.identity.user;
    let stores = app.conversations.stores();
    let read = stores
        .receipts
        .mark_read(conversation, reader, messages)
        .await?;
    let count = read.messages.iter().map(|(_, ids)| ids.len() as u64).sum();
    if count > 0 {
        actor.record(
            app,
            Event::MessageRead {
                conversation_id: AuditText::new(conversation.as_str()),
                count,
            },
        );
    }
    kept();
    let notification = UserNotification::Read {
        reader,
        read: &read,
    };
    app.conversations
        .notify(&app.users, conversation, &notification);
    Ok(())
}

/// Notes that a message reached these users, and tells its sender. It is kept and told already:
/// when this fails, it counts as delivered at the next chance.
pub(super) async fn delivered(app: &App, message: &Message, users: &[UserId]) {
    if users.is_empty() {
        return;
    }
    let stores = app.conversations.stores();
    let at = app.conversations.now_ms();
    let reached = stores
        .receipts
        .mark_delivered_to(&message.conversation, message.id, users);
    match reached.await {
        Ok(reached) if reached.is_empty() => {}
        Ok(reached) => {
            let notification = UserNotification::Delivered {
                to: &reached,
                at,
                messages: &[(message.id, message.sender.clone())],
            };
            app.conversations
                .notify(&app.users, &message.conversation, &notification);
        }
        Err(error) => tracing::warn!(%error, "that a message was delivered was not noted"),
    }
}

/// Notes that all that was sent while a user was away has reached them, and tells the senders.
///
/// # Errors
/// [`StoreError::NotParticipant`], or the store fails.
pub(super) async fn mark_all_delivered(
    app: &App,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    let Some(most) = PageLimit::new(crate::model::conversation::MAX_PAGE.into()) else {
        return Ok(());
    };
    loop {
        let delivered = conversations
            .stores()
            .receipts
            .mark_delivered(conversation, user, most);
        let delivered = delivered.await?;
        if !delivered.messages.is_empty() {
            // Their senders know of none before they are told that it was kept.
            conversations.settled(conversation).await;
            let to = std::slice::from_ref(user);
            let notification = UserNotification::delivered(to, &delivered);
            conversations.notify(&app.users, conversation, &notification);
        }
        if !delivered.more {
            return Ok(());
        }
    }
}
