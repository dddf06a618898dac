//! Typing and read receipts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::CONVERSATION_ID;
use super::messages::UserName;
use crate::conversations::Typing;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ClientId, ConversationDialect, Extra, MAX_READ, MessageId, ReadMessages,
};
use crate::model::{ClientUserId, Dialect, Refusal, Why};
use crate::payload::Payload;
use crate::users::Member;

/// The field that names them.
pub(crate) const MESSAGE_IDS: &str = "messageIds";
/// The same for a single one.
const MESSAGE_ID: &str = "messageId";
/// How long someone types unless it is renewed.
const TYPES_FOR: Duration = Duration::from_secs(5);

/// `typing:user:start`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartedTyping<'a> {
    pub(super) conversation_id: ClientId<'a>,
    pub(super) user_id: ClientUserId<'a>,
    pub(super) user: UserName<'a>,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

/// `typing:user:stop`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoppedTyping<'a> {
    pub(super) conversation_id: ClientId<'a>,
    pub(super) user_id: ClientUserId<'a>,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

/// `typing:start`
pub(super) async fn start_typing(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, member, payload, true).await
}

/// `typing:stop`
pub(super) async fn stop_typing(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, member, payload, false).await
}

async fn typing(
    request: &Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    is_typing: bool,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let id = Fields::new(payload, request.config)
        .conversation(CONVERSATION_ID)?
        .id;
    let lasts = is_typing.then_some(TYPES_FOR);
    let extra = Extra::of_typing(payload).ok_or_else(Refusal::malformed)?;
    let dialect = ConversationDialect::Conversation;
    let (conversations, typing) = (&app.conversations, Typing { lasts, extra });
    let typing = conversations.set_typing(connection, member, &id, dialect, typing);
    typing.await.map_err(|error| {
        let refusal = Refusal::from(error);
        match refusal.why() {
            // Dropped like a signal over its rate: no error event (`SIGNAL_ERROR`).
            Why::NotParticipant => Refusal::new(Why::NotSubscribed),
            _ => refusal,
        }
    })
}

/// `message:read`
pub(super) async fn read(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let app = request.app;
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?.id;
    let messages = messages_read(&fields)?;
    request.wait_for_limit(member).await?;
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let (conversations, on) = (&app.conversations, request.connection.id.uuid());
    let read = conversations.mark_read(actor, Some(on), &conversation, &messages);
    let read = read.await?;
    request.succeed();
    read.publish().await;
    Ok(())
}

/// The messages that a payload says are read, without ids that no message has: all of the conversation, where it names
/// none.
pub(crate) fn messages_read(fields: &Fields<'_, '_>) -> Result<ReadMessages, Refusal> {
    let ids = match (fields.is_there(MESSAGE_IDS), fields.is_there(MESSAGE_ID)) {
        (true, _) => fields.labels(MESSAGE_IDS, MAX_READ)?,
        (false, true) => vec![fields.label(MESSAGE_ID)?.into_owned()],
        (false, false) => return Ok(ReadMessages::All),
    };
    let ids = ids.iter().filter_map(|id| MessageId::parse(id));
    Ok(ReadMessages::These(ids.collect()))
}
