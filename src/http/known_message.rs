//! The message that a path names.

use crate::app::App;
use crate::model::Refusal;
use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::StoreError;

/// The conversation of the message with this id. A message of others is answered like one that does
/// not exist.
pub(super) async fn find(app: &App, id: &str) -> Result<(ConversationId, MessageId), Refusal> {
    let id = MessageId::parse(id).ok_or(StoreError::NotFoundOrForbidden)?;
    let message = app.conversations.stores().messages.find(id).await?;
    let message = message.ok_or(StoreError::NotFoundOrForbidden)?;
    Ok((message.conversation, id))
}

/// Why a message is not changed.
pub(super) fn not_found(error: StoreError) -> Refusal {
    match error {
        StoreError::NotParticipant => StoreError::NotFoundOrForbidden.into(),
        error => error.into(),
    }
}
