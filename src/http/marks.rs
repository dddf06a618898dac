//! What histories say of their messages besides what these say: who reacted, whom they reached, and who read them.

use schemars::JsonSchema;
use serde::Serialize;

use super::change_json::ReactionJson;
use super::receipts::ReceiptJson;
use crate::app::App;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Message, Reaction, Receipt};
use crate::stores::conversations::StoreError;

/// Of the messages of a part of a history.
#[derive(Default)]
pub(super) struct Marks {
    reactions: Vec<Reaction>,
    receipts: Vec<Receipt>,
}

/// The same in an answer.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct MarksJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<ReceiptJson<'a>>,
}

impl Marks {
    /// As far as a user may know them.
    pub(super) async fn read(
        app: &App,
        id: &ConversationId,
        user: &UserId,
        messages: &[Message],
    ) -> Result<Self, StoreError> {
        if messages.is_empty() {
            return Ok(Self::default());
        }
        let messages: Vec<_> = messages.iter().map(|message| message.id).collect();
        let stores = app.conversations.stores();
        let reactions = stores.reactions.of_messages(id, &messages);
        let receipts = stores.receipts.of_messages(id, user, &messages);
        let (reactions, receipts) = tokio::try_join!(reactions, receipts)?;
        Ok(Self {
            reactions,
            receipts,
        })
    }
}

impl<'a> From<&'a Marks> for MarksJson<'a> {
    fn from(marks: &'a Marks) -> Self {
        Self {
            reactions: marks.reactions.iter().map(Into::into).collect(),
            receipts: marks.receipts.iter().map(Into::into).collect(),
        }
    }
}
