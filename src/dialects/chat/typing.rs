//! Typing: as clients of this dialect send it and see it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::envelope::Both;
use crate::conversations::Typing;
use crate::dialects::{Request, fields};
use crate::model::conversation::{ClientId, ConversationDialect, Extra, TypedId};
use crate::model::{ClientUserId, Refusal};
use crate::payload::Payload;
use crate::users::Member;

/// The field that names a chat.
pub(super) const CHAT_ID: &str = "chatId";
/// How long typing lasts after the last event that says so.
const LASTS: Duration = Duration::from_secs(3);

/// `user:typing` and `user:stop-typing`
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "ChatTyping")]
#[serde(rename_all = "camelCase")]
pub(super) struct TypingJson<'a> {
    pub(super) user_id: ClientUserId<'a>,
    pub(super) chat_id: ClientId<'a>,
    pub(super) is_typing: bool,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

impl<'a> TypingJson<'a> {
    /// The same in an envelope and beside it.
    pub(super) fn both(self, event: &'static str) -> Both<Self> {
        Both::new(event, self)
    }
}

/// `user:typing`
pub(super) async fn start(
    request: &mut Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
) -> Result<(), Refusal> {
    typing(request, member, payload, Some(LASTS)).await
}

/// `user:stop-typing`
pub(super) async fn stop(
    request: &mut Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
) -> Result<(), Refusal> {
    typing(request, member, payload, None).await
}

async fn typing(
    request: &Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
    lasts: Option<Duration>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let id = &chat(payload).ok_or_else(Refusal::malformed)?.id;
    let extra = payload.and_then(Extra::of_typing);
    let extra = extra.ok_or_else(Refusal::malformed)?;
    let (conversations, typing) = (&app.conversations, Typing { lasts, extra });
    let dialect = ConversationDialect::Chat;
    let typing = conversations.set_typing(connection, member, id, dialect, typing);
    Ok(typing.await?)
}

/// The chat that an event names.
pub(super) fn chat(payload: Option<&Payload<'_>>) -> Option<TypedId> {
    fields::conversation(payload?, CHAT_ID)
}
