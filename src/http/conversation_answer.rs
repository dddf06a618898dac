//! The answer with one conversation, and the names in it.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::conversation_json::{ConversationJson, ParticipantJson};
use crate::app::App;
use crate::model::UserId;
use crate::stores::conversations::StoreError;

/// The answer with one conversation.
#[derive(Serialize, JsonSchema)]
pub(super) struct ConversationAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'static str>,
    pub(super) conversation: ConversationJson<'a>,
    pub(super) participants: Vec<ParticipantJson<'a>>,
}

/// The names of those of these users whom the store knows.
pub(super) async fn names_of(
    app: &App,
    users: impl IntoIterator<Item = &UserId>,
) -> Result<HashMap<UserId, Arc<str>>, StoreError> {
    let users: Vec<_> = users.into_iter().cloned().collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let known = app.conversations.stores().users.find_all(&users).await?;
    Ok(known.into_iter().map(|user| (user.id, user.name)).collect())
}

pub(super) fn name_of(names: &HashMap<UserId, Arc<str>>, user: &UserId) -> Arc<str> {
    names.get(user).unwrap_or(user.shared()).clone()
}
