//! Typing and notifications of downloads: relayed, never stored, and not audited.

use serde::Serialize;

use super::member_of;
use crate::connection::rooms::To;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::Refusal;
use crate::payload::{FrameSizes, Opaque, Payload, frames};
use crate::sessions::{LocalMember, Session, SessionUpdate};

const USER_TYPING: &str = "user-typing";
const USER_STOPPED_TYPING: &str = "user-stopped-typing";
const DOWNLOAD_NOTIFICATION: &str = "download-notification";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Typing<'a> {
    user_id: &'a str,
    display_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DownloadNotification<'p, 'a> {
    downloaded_by: &'p Opaque<'a>,
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
    let fields = Fields::new(payload, &request.app.config);
    let name = fields.optional_name("displayName")?;
    let mut session = member_of(request, &fields, Some("userId")).await?;
    let member = session.member_on(request.connection);
    let member = member.ok_or_else(Refusal::not_member)?;
    let (user, known_name) = (member.user.clone(), member.display_name.clone());
    let typing = Typing {
        user_id: user.as_str(),
        display_name: name.as_deref().unwrap_or(&known_name),
    };
    publish(&mut session, To::Others(request.connection), event, &typing).await;
    let typing_as = (event == USER_TYPING).then(|| name.unwrap_or(known_name));
    session.set_typing(request.connection, typing_as);
    Ok(())
}

async fn publish(session: &mut Session<'_>, to: To<'_>, event: &'static str, typing: &Typing<'_>) {
    let frames = FrameSizes::from_slice(&[512]);
    // Too small to wait for slow receivers.
    let _ = session
        .publish(to, SessionUpdate::SIGNAL, event, typing, &frames)
        .await;
}

/// The connection of a member is none of the session any more: it is not typing on it, which the others are sent.
pub(super) async fn end_typing(session: &mut Session<'_>, to: To<'_>, ended: &LocalMember) {
    if let Some(display_name) = &ended.typing_as {
        let typing = Typing {
            user_id: ended.user.as_str(),
            display_name,
        };
        publish(session, to, USER_STOPPED_TYPING, &typing).await;
    }
}

/// A member has moved to another node.
pub(crate) async fn moved_away(session: &mut Session<'_>, moved: &LocalMember) {
    end_typing(session, To::Everyone, moved).await;
}

/// `file-downloaded`. The name in it is free text, so it need not be the sender's.
pub(super) async fn file_downloaded(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let config = &request.app.config;
    let fields = Fields::new(payload, config);
    fields.shown_id("downloadedBy")?;
    fields.filled_up_to("fileName", config.max_file_name_bytes)?;
    let sender = fields.user("senderId")?;
    let timestamp = match payload.get("timestamp") {
        Some(_) => Some(fields.number("timestamp")?),
        None => None,
    };
    let notification = DownloadNotification {
        downloaded_by: fields.filled("downloadedBy")?,
        file_name: fields.filled("fileName")?,
        timestamp,
    };
    let session = member_of(request, &fields, None).await?;
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
