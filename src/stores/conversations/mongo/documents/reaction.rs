//! Documents of `reactions`.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::fields::{damaged, ms};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Emoji, MessageId, Reaction, ReactionId};
use crate::stores::conversations::error::StoreError;

/// A reaction that was removed stays for a while, with `removedAt`: so that a node that is late does not
/// add it again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReactionDocument {
    pub(crate) id: String,
    pub(crate) message_id: String,
    pub(crate) conversation_id: String,
    pub(crate) user_id: String,
    pub(crate) emoji: String,
    pub(crate) created_at: DateTime,
}

impl ReactionDocument {
    pub(crate) fn reaction(self) -> Result<Reaction, StoreError> {
        self.parts().ok_or_else(damaged("reactions"))
    }

    fn parts(self) -> Option<Reaction> {
        Some(Reaction {
            id: ReactionId::parse(&self.id)?,
            message: MessageId::parse(&self.message_id)?,
            conversation: ConversationId::parse(&self.conversation_id)?,
            user: UserId::parse(&self.user_id)?,
            emoji: Emoji::parse(&self.emoji)?,
            created_at: ms(self.created_at),
        })
    }
}
