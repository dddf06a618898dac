//! Documents of `conversations`.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::fields::ms;
use crate::model::conversation::{Conversation, ConversationId, Description, History, IdType};
use crate::model::{UserId, name};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationDocument {
    pub(crate) id: String,
    /// Who made it wrote its id as a number.
    #[serde(default)]
    pub(crate) numeric_id: bool,
    pub(crate) title: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Option<DateTime>,
    pub(crate) last_message_at: Option<DateTime>,
    /// How long its messages are kept, in seconds; 0 is for ever.
    pub(crate) message_retention: Option<i64>,
    /// What those see who are added; all of it if it is none of the known names.
    pub(crate) history: Option<String>,
    /// Only for the store: the number of its messages, deleted and removed ones included.
    #[serde(default)]
    pub(crate) message_count: i64,
    /// Only for the store: some of these were removed since they were old.
    #[serde(default)]
    pub(crate) lacks_messages: bool,
}

impl ConversationDocument {
    /// The projection: without the tail, which may have the content of a message.
    pub(crate) fn fields() -> Document {
        doc! { "tail": 0 }
    }

    /// What those see who are added.
    pub(crate) fn history(&self) -> History {
        let history = self.history.as_deref().and_then(History::parse);
        history.unwrap_or(History::All)
    }

    /// `None`: its `id` is not a valid one.
    pub(crate) fn conversation(self) -> Option<Conversation> {
        let created_at = self.created_at.map_or(0, ms);
        let created_by = self.created_by.as_deref().and_then(UserId::parse);
        let history = self.history();
        Some(Conversation {
            history,
            id: ConversationId::parse(&self.id)?,
            id_type: IdType::of_number(self.numeric_id),
            description: Description {
                title: self.title.and_then(|title| name::shown(&title)),
                avatar_url: self.avatar_url.map(Into::into),
            },
            // An application may not know it.
            created_by: created_by.or_else(|| UserId::parse("unknown"))?,
            created_at,
            last_message_at: self.last_message_at.map_or(created_at, ms),
            message_retention: self.message_retention.map(|seconds| {
                let seconds = u64::try_from(seconds).unwrap_or(0);
                Duration::from_secs(seconds)
            }),
        })
    }
}
