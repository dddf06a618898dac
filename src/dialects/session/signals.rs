//! Typing and notifications of downloads: relayed, never stored, and not audited.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::member_of;
use crate::cluster::Typing;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::{Refusal, UserId};
use crate::payload::{Opaque, Payload, frames};
use crate::sessions::{LocalMember, Session, SessionUpdate};

const USER_TYPING: &str = "user-typing";
const USER_STOPPED_TYPING: &str = "user-stopped-typing";
const DOWNLOAD_NOTIFICATION: &str = "download-notification";

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionTyping")]
#[serde(rename_all = "camelCase")]
pub(super) struct TypingJson<'a> {
    user_id: &'a str,
    display_name: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadNotification<'p, 'a> {
    downloaded_by: &'p str,
    user_id: &'p str,
    file_name: &'p Opaque<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'p Opaque<'a>>,
}

/// `typing`
pub(super) async fn start_typing(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, payload, USER_TYPING).await
}

/// `stopped-typing`
pub(super) async fn stop_typing(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, payload, USER_STOPPED_TYPING).await
}

async fn typing(
    request: &Request<'_>,
    payload: &Payload<'_>,
    event: &'static str,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, request.config);
    // Clients say how they are called; the others are told how the session knows them.
    fields.optional_name("displayName")?;
    let connection = request.connection;
    let mut session = member_of(request, &fields, Some("userId")).await?;
    let member = session.member_on(connection);
    let member = member.ok_or_else(Refusal::not_member)?;
    let (user, typing_as) = (member.user.clone(), member.display_name.clone());
    let is_typing = event == USER_TYPING;
    session.set_typing(connection, is_typing.then(|| typing_as.clone()));
    let typing = Typing {
        connection: connection.id.uuid(),
        is_typing,
        user,
    };
    publish(&mut session, typing, event, &typing_as).await;
    Ok(())
}

async fn publish(session: &mut Session<'_>, typing: Typing, event: &'static str, name: &str) {
    let user = typing.user.clone();
    let payload = TypingJson {
        user_id: user.as_str(),
        display_name: name,
    };
    session.publish_typing(typing, event, &payload).await;
}

/// A member is on this connection no more, and so does not type on it.
pub(super) async fn end_typing(session: &mut Session<'_>, ended: &LocalMember) {
    if let Some(name) = &ended.typing_as {
        let (user, connection) = (ended.user.clone(), ended.connection.id.uuid());
        end_typing_on(session, user, connection, name).await;
    }
}

/// A member is on a connection no more, and so does not type on it, which it perhaps did.
pub(super) async fn end_typing_on(
    session: &mut Session<'_>,
    user: UserId,
    connection: Uuid,
    name: &str,
) {
    let typing = Typing {
        user,
        connection,
        is_typing: false,
    };
    publish(session, typing, USER_STOPPED_TYPING, name).await;
}

/// `file-downloaded`. Clients say who they are by their id or by their name; nobody says that it was somebody else.
pub(super) async fn file_downloaded(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let config = request.config;
    let fields = Fields::new(payload, config);
    let claimed = fields.shown_id("downloadedBy")?;
    fields.filled_up_to("fileName", config.max_file_name_bytes)?;
    let sender = fields.user("senderId")?;
    let timestamp = match payload.get("timestamp") {
        Some(_) => Some(fields.number("timestamp")?),
        None => None,
    };
    let session = member_of(request, &fields, None).await?;
    let member = session.member_on(request.connection);
    let member = member.ok_or_else(Refusal::not_member)?;
    let (id, name) = (member.user.as_str(), &*member.display_name);
    let notification = DownloadNotification {
        downloaded_by: if claimed == id { id } else { name },
        user_id: id,
        file_name: fields.filled("fileName")?,
        timestamp,
    };
    let frames = frames([notification.file_name]);
    // Too small to wait for slow receivers.
    let _ = session.send_to(
        &sender,
        SessionUpdate::SIGNAL,
        DOWNLOAD_NOTIFICATION,
        &notification,
        &frames,
    );
    Ok(())
}
