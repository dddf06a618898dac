//! Documents of `conversations`.

use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::fields::ms;
use crate::model::UserId;
use crate::model::conversation::{Conversation, ConversationId};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationDocument {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Option<DateTime>,
    pub(crate) last_message_at: Option<DateTime>,
    /// Only for the store: the number of its messages, deleted ones included.
    #[serde(default)]
    pub(crate) message_count: i64,
}

impl ConversationDocument {
    /// The projection: without the tail, which may have the content of a message.
    pub(crate) fn fields() -> Document {
        doc! { "tail": 0 }
    }

    /// `None`: its `id` is not a valid one.
    pub(crate) fn conversation(self) -> Option<Conversation> {
        let created_at = self.created_at.map_or(0, ms);
        let created_by = self.created_by.as_deref().and_then(UserId::parse);
        Some(Conversation {
            id: ConversationId::parse(&self.id)?,
            title: self.title.map(Into::into),
            // An application may not know it.
            created_by: created_by.or_else(|| UserId::parse("unknown"))?,
            created_at,
            last_message_at: self.last_message_at.map_or(created_at, ms),
        })
    }
}
