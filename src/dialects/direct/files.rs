//! Files: chunks, and the request for a file.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::messages::from;
use super::{MESSAGE_ID, RECIPIENT_ID, undelivered};
use crate::audit::{AuditText, Event as Audited, FileChunk, Label};
use crate::cluster::About;
use crate::config::Config;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::{Dialect, ErrorCode, Refusal, UserId, clock};
use crate::payload::{Opaque, Payload, Relayed};
use crate::users::{self, FileNames, Member, Progress, User, Users};

/// Something about a file failed.
pub(super) const ERROR: &str = "file:error";
const RECEIVE_FILE_CHUNK: &str = "receive_file_chunk";
const CHUNK_SENT: &str = "file:chunk-sent";
const UPLOAD_COMPLETE: &str = "file:upload-complete";
const FILE_REQUESTED: &str = "file:requested";
const REQUEST_SENT: &str = "file:request-sent";

const CHUNK_NUMBER: &str = "chunkNumber";
const TOTAL_CHUNKS: &str = "totalChunks";
const FILE_NAME: &str = "fileName";
const FILE_SIZE: &str = "fileSize";
const MIME_TYPE: &str = "mimeType";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChunkSent<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_number: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_chunks: Option<&'p Opaque<'a>>,
    success: bool,
    recipient_online: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadComplete<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_chunks: Option<&'p Opaque<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestSent<'p, 'a> {
    message_id: &'p Opaque<'a>,
    success: bool,
    recipient_online: bool,
}

/// A file of which it will not be told that it is complete.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forgotten<'f> {
    error: &'static str,
    code: ErrorCode,
    recipient_id: &'f RawValue,
    message_id: &'f RawValue,
}

/// What is checked of a chunk before it is relayed. Of what the deployed server does not ask for, anything may be missing.
struct Chunk<'p, 'a> {
    recipient: UserId,
    message: Option<Cow<'a, str>>,
    number: Option<u64>,
    total: Option<u64>,
    /// The fields as they were sent.
    recipient_id: &'p Opaque<'a>,
    message_id: Option<&'p Opaque<'a>>,
    chunk_number: Option<&'p Opaque<'a>>,
    total_chunks: Option<&'p Opaque<'a>>,
}

impl<'p, 'a> Chunk<'p, 'a> {
    fn read(payload: &'p Payload<'a>, config: &Config) -> Result<Self, Refusal> {
        let fields = Fields::new(payload, config);
        let recipient = fields.user(RECIPIENT_ID)?;
        let message = fields.optional_own_id(MESSAGE_ID)?;
        let number = fields.optional_count(CHUNK_NUMBER)?;
        let total = fields.optional_count(TOTAL_CHUNKS)?;
        if total == Some(0) {
            return Err(Refusal::invalid(TOTAL_CHUNKS));
        }
        if number
            .zip(total)
            .is_some_and(|(number, total)| number >= total)
        {
            return Err(Refusal::invalid(CHUNK_NUMBER));
        }
        // Encrypted, an empty file may be nothing but its tag.
        fields.given("encryptedData")?;
        for name in ["iv", "tag"] {
            fields.filled(name)?;
        }
        for name in [FILE_NAME, MIME_TYPE] {
            fields.optional_up_to(name, config.max_file_name_bytes)?;
        }
        if fields.is_given(FILE_SIZE) {
            fields.number(FILE_SIZE)?;
        }
        Ok(Self {
            recipient,
            message,
            number,
            total,
            recipient_id: fields.filled(RECIPIENT_ID)?,
            message_id: fields.optional(MESSAGE_ID),
            chunk_number: fields.optional(CHUNK_NUMBER),
            total_chunks: fields.optional(TOTAL_CHUNKS),
        })
    }

    /// Counts it among those that were sent of its file. `None`: it does not say which it is, of which file.
    async fn note(&self, users: &Users, sender: &User) -> Option<Progress> {
        let own = |id: &Opaque<'_>| {
            let json = id.json().unwrap_or_default().to_owned();
            RawValue::from_string(json).unwrap_or_default()
        };
        let message_id = self.message_id?;
        let names = || FileNames {
            recipient: own(self.recipient_id),
            message: own(message_id),
        };
        let chunk = users::Chunk {
            recipient: &self.recipient,
            message: self.message.as_deref()?,
            number: self.number?,
            total: self.total?,
        };
        Some(users.count_chunk(sender, &chunk, names).await)
    }

    fn audited(&self, payload: &Payload<'_>, bytes: usize) -> Audited {
        Audited::FileUpload(FileChunk {
            recipient: self.recipient.shared().into(),
            message_id: self.message.as_deref().map(AuditText::new),
            chunk_number: self.number,
            total_chunks: self.total,
            file_size: payload.count(FILE_SIZE),
            mime_type: payload.text(MIME_TYPE).and_then(|name| Label::new(&name)),
            bytes: bytes as u64,
        })
    }
}

/// `send_file_chunk`. A sender over the rate is slowed down instead of refused: clients send all
/// chunks at once and cannot send one again.
pub(super) async fn send_file_chunk(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let chunk = Chunk::read(payload, request.config)?;
    request.wait_for_limit(member).await?;
    let timestamp = clock::now_iso();
    let identity = member.identity();
    let relayed = from(&identity, payload).with("timestamp", timestamp.as_str());
    let (users, size) = (&request.app.users, request.event.size());
    if let Some(message) = &chunk.message {
        users
            .relayed
            .note(&member.user.id, &chunk.recipient, message);
    }
    let about = || Some(About::Message(chunk.message.as_deref()?.to_owned()));
    let is_online = users
        .receivers_of_file(&chunk.recipient, &member.user, size)
        .await
        .about(about)
        .send_sized(RECEIVE_FILE_CHUNK, &relayed, &relayed.frames())
        .await;
    request.app.users.add_peer(&member.user, &chunk.recipient);
    if !is_online && chunk.number.is_none_or(|number| number == 0) {
        let about = undelivered::About {
            message_id: chunk.message.as_deref().map(AuditText::new),
            message_type: None,
            is_file: true,
        };
        Box::pin(undelivered::note(request, member, &chunk.recipient, about)).await;
    }
    request.record(chunk.audited(payload, request.event.size()));
    confirm_chunk(request, member, &chunk, is_online).await;
    Ok(())
}

/// Confirms to the sender that a chunk was relayed, and that the file is complete when it was the last
/// missing one.
async fn confirm_chunk(
    request: &mut Request<'_>,
    member: &Member,
    chunk: &Chunk<'_, '_>,
    recipient_online: bool,
) {
    let sent = ChunkSent {
        recipient_id: chunk.recipient_id,
        message_id: chunk.message_id,
        chunk_number: chunk.chunk_number,
        total_chunks: chunk.total_chunks,
        success: true,
        recipient_online,
    };
    request.confirm(CHUNK_SENT, &sent);
    let Some(progress) = chunk.note(&request.app.users, &member.user).await else {
        return;
    };
    let Progress {
        is_complete,
        forgotten,
    } = progress;
    for file in forgotten {
        tell_forgotten(&member.user, &file);
    }
    if is_complete {
        let complete = UploadComplete {
            recipient_id: chunk.recipient_id,
            message_id: chunk.message_id,
            total_chunks: chunk.total_chunks,
        };
        request.connection.send(UPLOAD_COMPLETE, &complete);
    }
}

/// Whatever connection a file comes from: each may be waiting for it.
fn tell_forgotten(user: &User, file: &FileNames) {
    let forgotten = Forgotten {
        error: "Too many unfinished files",
        code: ErrorCode::ServerBusy,
        recipient_id: &file.recipient,
        message_id: &file.message,
    };
    let connections = user.connections().into_iter();
    for connection in connections.filter(|one| one.dialect() == Dialect::Direct) {
        connection.send(ERROR, &forgotten);
    }
}

/// `request_file`
pub(super) async fn request_file(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, request.config);
    let sender = fields.user("senderId")?;
    let message = fields.own_id(MESSAGE_ID)?;
    let message_id = fields.filled(MESSAGE_ID)?;
    let identity = member.identity();
    let requested = Relayed::new(payload)
        .without("senderId")
        .with("requesterId", &identity.user)
        .with("requesterUsername", &*identity.name);
    let recipient_online = request
        .app
        .users
        .receivers(&sender, &member.user, request.event.size())
        .await
        .send_sized(FILE_REQUESTED, &requested, &requested.frames())
        .await;
    request.app.users.add_peer(&member.user, &sender);
    request.record(Audited::FileDownload {
        recipient: sender.shared().into(),
        message_id: AuditText::new(&message),
    });
    request.confirm(
        REQUEST_SENT,
        &RequestSent {
            message_id,
            success: true,
            recipient_online,
        },
    );
    Ok(())
}
