//! Files: chunks, and the request for a file.

use serde::Serialize;

use super::Refusal;
use super::messages::from;
use crate::audit::{AuditText, Event as Audited, FileChunk, Label};
use crate::connection::Member;
use crate::dialects::Request;
use crate::dialects::fields::{BadField, Fields};
use crate::model::Dialect::Direct;
use crate::model::clock;
use crate::payload::{Opaque, Payload};
use crate::users::Progress;

const RECEIVE_FILE_CHUNK: &str = "receive_file_chunk";
const CHUNK_SENT: &str = "file:chunk-sent";
const UPLOAD_COMPLETE: &str = "file:upload-complete";
const FILE_REQUESTED: &str = "file:requested";
const REQUEST_SENT: &str = "file:request-sent";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChunkSent<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    message_id: &'p Opaque<'a>,
    chunk_number: u64,
    total_chunks: u64,
    success: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadComplete<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    message_id: &'p Opaque<'a>,
    total_chunks: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileRequested<'p, 'a> {
    requester_id: &'p str,
    requester_username: &'p str,
    message_id: &'p Opaque<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestSent<'p, 'a> {
    message_id: &'p Opaque<'a>,
    success: bool,
}

/// `send_file_chunk`. A sender over the rate is handled, and so read, more slowly: clients send
/// all chunks at once and cannot send one again.
pub(super) async fn send_file_chunk(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let config = &request.app.config;
    let fields = Fields::new(payload, config);
    let recipient = fields.user("recipientId")?;
    let message = fields.id("messageId")?;
    let chunk_number = fields.count("chunkNumber")?;
    let total_chunks = fields.count("totalChunks")?;
    if total_chunks == 0 {
        return Err(BadField(Some("totalChunks")).into());
    }
    if chunk_number >= total_chunks {
        return Err(BadField(Some("chunkNumber")).into());
    }
    for name in ["encryptedData", "iv", "tag"] {
        fields.filled(name)?;
    }
    fields.present("hash")?;
    fields.filled_up_to("fileName", config.max_file_name_bytes)?;
    fields.filled("fileSize")?;
    fields.number("fileSize")?;
    let mime_type = fields.label("mimeType")?;

    let bytes = request.event.size();
    member.user.limits.file_bytes.wait_for(bytes).await;
    let timestamp = clock::now_iso();
    let chunk = from(member, payload).with("timestamp", &timestamp);
    request
        .app
        .to_user(&recipient)
        .await
        .send_sized(&member.user.id, RECEIVE_FILE_CHUNK, &chunk, &chunk.frames())
        .await;
    request.app.users.add_peer(&member.user, &recipient);
    request.record(
        Direct,
        Audited::FileUpload(FileChunk {
            recipient: recipient.shared().into(),
            message_id: AuditText::new(&message),
            chunk_number,
            total_chunks,
            file_size: payload.count("fileSize"),
            mime_type: Label::new(&mime_type),
            bytes: bytes as u64,
        }),
    );
    let recipient_id = fields.filled("recipientId")?;
    let message_id = fields.filled("messageId")?;
    request.confirm(
        CHUNK_SENT,
        &ChunkSent {
            recipient_id,
            message_id,
            chunk_number,
            total_chunks,
            success: true,
        },
    );
    let progress =
        member
            .user
            .transfers
            .lock()
            .sent(recipient.as_str(), &message, chunk_number, total_chunks);
    if progress == Progress::Complete {
        request.connection.send(
            UPLOAD_COMPLETE,
            &UploadComplete {
                recipient_id,
                message_id,
                total_chunks,
            },
        );
    }
    Ok(())
}

/// `request_file`
pub(super) async fn request_file(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    Refusal::unless_allowed(member.user.limits.messages.allows())?;
    let fields = Fields::new(payload, &request.app.config);
    let sender = fields.user("senderId")?;
    let message = fields.id("messageId")?;
    let message_id = fields.filled("messageId")?;
    let requested = FileRequested {
        requester_id: member.user.id.as_str(),
        requester_username: &member.identity.name,
        message_id,
    };
    request
        .app
        .to_user(&sender)
        .await
        .send(&member.user.id, FILE_REQUESTED, &requested)
        .await;
    request.app.users.add_peer(&member.user, &sender);
    request.record(
        Direct,
        Audited::FileDownload {
            recipient: sender.shared().into(),
            message_id: AuditText::new(&message),
        },
    );
    request.confirm(
        REQUEST_SENT,
        &RequestSent {
            message_id,
            success: true,
        },
    );
    Ok(())
}
