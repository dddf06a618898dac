//! Who is online, as a backend asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::{bad_user, refuse_unknown};
use crate::app::App;
use crate::backend::UserPresence;
use crate::http::administrator::Admin;
use crate::http::body::JsonText;
use crate::http::path::PathParameters;
use crate::model::conversation::ConversationId;
use crate::model::{Refusal, UserId, Why, clock};

const USER_IDS: &str = "userIds";
/// The most users in one request.
const MAX_USERS: usize = 1_000;
/// The largest body: each id has at most 128 bytes, each of which may be escaped.
pub(super) const MAX_BODY: usize = MAX_USERS * (128 * 6 + 16) + 4096;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct PresenceJson {
    id: UserId,
    online: bool,
    connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

impl From<UserPresence> for PresenceJson {
    fn from(presence: UserPresence) -> Self {
        Self {
            id: presence.user,
            online: presence.connections > 0,
            connections: presence.connections,
            last_seen: presence.last_seen.map(clock::iso_ms),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PresenceOfUser")]
pub(in crate::http) struct OneUser {
    user: PresenceJson,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Users {
    users: Vec<PresenceJson>,
    complete: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OnlineParticipants")]
pub(in crate::http) struct Online {
    online: Vec<UserId>,
    complete: bool,
}

pub(super) async fn of_user(
    State(app): State<Arc<App>>,
    _: Admin,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let user = UserId::parse(&id).ok_or_else(bad_user)?;
    let (mut found, _) = app.backend.presence(&[user]).await?;
    let user = found.pop().ok_or(Refusal::new(Why::Failed))?.into();
    Ok(Json(OneUser { user }).into_response())
}

pub(super) async fn of_users(
    State(app): State<Arc<App>>,
    _: Admin,
    body: JsonText,
) -> Result<Response, Refusal> {
    let users = {
        let payload = body.payload(&app.config.now())?;
        refuse_unknown(payload.besides(&[USER_IDS]))?;
        let wrong = || match payload.given(USER_IDS) {
            Some(_) => Refusal::unusable(USER_IDS),
            None => Refusal::invalid(USER_IDS),
        };
        let ids = payload.texts(USER_IDS, MAX_USERS).ok_or_else(wrong)?;
        let users: Option<Vec<_>> = ids.iter().map(|id| UserId::parse(id)).collect();
        users.filter(|users| !users.is_empty()).ok_or_else(wrong)?
    };
    let (found, complete) = app.backend.presence(&users).await?;
    let users = found.into_iter().map(Into::into).collect();
    Ok(Json(Users { users, complete }).into_response())
}

pub(super) async fn in_conversation(
    State(app): State<Arc<App>>,
    _: Admin,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let unknown = || Refusal::new(Why::ConversationNotFound);
    let id = ConversationId::parse(&id).ok_or_else(unknown)?;
    let (online, complete) = app.backend.presence_in(&id).await?.ok_or_else(unknown)?;
    Ok(Json(Online { online, complete }).into_response())
}
