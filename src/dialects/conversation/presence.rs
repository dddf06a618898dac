//! Who is online: the users who are subscribed to a conversation.

use schemars::JsonSchema;
use serde::Serialize;

use super::CONVERSATION_ID;
use super::messages::UserJson;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::conversation::ClientId;
use crate::model::{ClientUserId, Refusal, clock};
use crate::payload::{FrameSizes, Payload};
use crate::users::Member;

const RESPONSE: &str = "presence:response";

/// `presence:response`, and the answer to its callback.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    conversation_id: ClientId<'a>,
    online_users: Vec<UserJson<'a>>,
    /// ISO 8601.
    timestamp: String,
}

/// `user:online`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationOnline")]
#[serde(rename_all = "camelCase")]
pub(super) struct Online<'a> {
    pub(super) conversation_id: ClientId<'a>,
    pub(super) user_id: ClientUserId<'a>,
    pub(super) user: UserJson<'a>,
    /// ISO 8601.
    pub(super) timestamp: String,
}

/// `user:offline`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offline<'a> {
    pub(super) conversation_id: ClientId<'a>,
    pub(super) user_id: ClientUserId<'a>,
    /// ISO 8601.
    pub(super) timestamp: String,
    /// ISO 8601.
    pub(super) last_seen_at: String,
}

/// `presence:request`
pub(super) async fn request(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = Fields::new(payload, request.config).conversation(CONVERSATION_ID)?;
    let conversations = &app.conversations;
    let online = conversations.online(member, &conversation);
    let online = online.await?;
    let mut response = Response {
        success: None,
        conversation_id: conversation.as_client(),
        online_users: online.users.iter().map(UserJson::from).collect(),
        timestamp: clock::now_iso(),
    };
    let size: usize = response.online_users.iter().map(UserJson::size).sum();
    let frames = FrameSizes::from_slice(&[512 + size]);
    connection.send_sized(RESPONSE, &response, &frames);
    response.success = Some(true);
    request.answer(&response, &frames);
    Ok(())
}
