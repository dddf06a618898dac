//! The details of an event in the form that a store writes.
//!
//! Owns the field names of the contract. Which event has which details is decided by
//! [`Event`].

use serde::Serialize;

use super::event::{
    Event, FileChunk, MessageRef, MessageSent, Repeated, Room, Target, Undelivered,
};
use super::text::{AuditText, Label, Seq};
use crate::model::{AuthFailure, DisconnectReason, ErrorCode, clock};

/// The details of one event: exactly the contract's fields, absent ones left out. The variants of
/// [`Event`] describe them.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipients: Option<&'a [AuditText]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<&'a Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chunk_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_chunks: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) targets: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversations: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) participants: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) urgent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<ErrorCode>,
}

impl Event {
    /// The details that a store writes.
    pub(super) fn details(&self) -> Details<'_> {
        let mut details = Details::default();
        match self {
            Self::SocketConnect | Self::UserOnline => {}
            Self::UserOffline { last_ms } => details.last_at = last_ms.map(clock::iso_ms),
            Self::ConversationCreated { .. }
            | Self::ParticipantAdded { .. }
            | Self::ParticipantRemoved { .. } => self.fill_participation(&mut details),
            Self::MessageUndelivered(undelivered) => undelivered.fill(&mut details),
            Self::SocketDisconnect { reason } => details.reason = Some(reason.as_str()),
            Self::Error { code } => details.code = Some(*code),
            Self::RoomJoin(room) | Self::RoomLeave(room) => room.fill(&mut details),
            Self::MessageSent(message) => message.fill(&mut details),
            Self::MessageUpdated(message)
            | Self::MessageDeleted(message)
            | Self::Reaction(message) => message.fill(&mut details),
            Self::MessageRead {
                conversation_id,
                count,
            } => {
                details.conversation_id = Some(conversation_id.as_str());
                details.count = Some(number(*count));
            }
            Self::FileUpload(chunk) => chunk.fill(&mut details),
            Self::FileDownload {
                recipient,
                message_id,
            } => {
                details.recipient = Some(recipient.as_str());
                details.message_id = Some(message_id.as_str());
            }
            Self::KeyExchangeRelay { recipient }
            | Self::UserBlocked { recipient }
            | Self::UserUnblocked { recipient } => details.recipient = Some(recipient.as_str()),
            Self::SessionReserved { room_name }
            | Self::SessionJoined { room_name }
            | Self::SessionLeft { room_name } => details.room_name = Some(room_name.as_str()),
            Self::AuthFailed { .. }
            | Self::Refused { .. }
            | Self::OriginRefused { .. }
            | Self::RateLimited { .. }
            | Self::SlowConsumer { .. }
            | Self::Admin { .. } => self.fill_outcome(&mut details),
            Self::Published { .. } => self.fill_published(&mut details),
            Self::Imported { .. } => self.fill_imported(&mut details),
            Self::Repeated(repeated) => repeated.fill(&mut details),
        }
        details
    }

    /// The details of what the server or an administrator did to a request or a user.
    fn fill_outcome<'a>(&'a self, details: &mut Details<'a>) {
        match self {
            Self::AuthFailed { code, reason } => {
                details.code = Some(*code);
                details.reason = reason.map(AuthFailure::as_str);
            }
            Self::Refused {
                code,
                recipient,
                message_id,
                conversation_id,
            } => {
                details.code = Some(*code);
                details.recipient = recipient.as_ref().map(AuditText::as_str);
                details.message_id = message_id.as_ref().map(AuditText::as_str);
                details.conversation_id = conversation_id.as_ref().map(AuditText::as_str);
            }
            Self::OriginRefused { origin } => {
                details.code = Some(ErrorCode::OriginNotAllowed);
                details.origin = Some(origin.as_str());
            }
            Self::RateLimited { count } => {
                details.code = Some(ErrorCode::RateLimit);
                details.count = Some(number(*count));
            }
            Self::SlowConsumer { bytes } => {
                details.reason = Some(DisconnectReason::SlowConsumer.as_str());
                details.bytes = Some(number(*bytes));
            }
            Self::Admin {
                action,
                recipient,
                conversation_id,
                count,
            } => {
                details.reason = Some(action.as_str());
                details.recipient = recipient.as_ref().map(AuditText::as_str);
                details.conversation_id = conversation_id.as_ref().map(AuditText::as_str);
                details.count = count.map(number);
            }
            _ => {}
        }
    }
}

impl Event {
    fn fill_participation<'a>(&'a self, details: &mut Details<'a>) {
        match self {
            Self::ConversationCreated { conversation_id } => {
                details.conversation_id = Some(conversation_id.as_str());
            }
            Self::ParticipantAdded {
                recipient,
                conversation_id,
            }
            | Self::ParticipantRemoved {
                recipient,
                conversation_id,
            } => {
                details.recipient = Some(recipient.as_str());
                details.conversation_id = Some(conversation_id.as_str());
            }
            _ => {}
        }
    }

    fn fill_published<'a>(&'a self, details: &mut Details<'a>) {
        let Self::Published {
            event,
            targets,
            connections,
            bytes,
        } = self
        else {
            return;
        };
        details.reason = Some("published");
        details.event = Some(event.as_str());
        details.targets = Some(number(*targets));
        details.count = Some(number(*connections));
        details.bytes = Some(number(*bytes));
    }

    fn fill_imported(&self, details: &mut Details<'_>) {
        let Self::Imported {
            is_dry_run,
            users,
            conversations,
            participants,
        } = self
        else {
            return;
        };
        details.reason = Some(match is_dry_run {
            true => "import tried",
            false => "imported",
        });
        details.users = Some(number(*users));
        details.conversations = Some(number(*conversations));
        details.participants = Some(number(*participants));
    }
}

impl Repeated {
    fn fill(&self, details: &mut Details<'_>) {
        details.code = self.code;
        details.count = Some(number(self.count));
        details.first_at = Some(clock::iso_ms(self.first_ms.max(0) as u64));
        details.last_at = Some(clock::iso_ms(self.last_ms.max(0) as u64));
    }
}

impl Room {
    fn fill<'a>(&'a self, details: &mut Details<'a>) {
        match self {
            Self::Pair {
                recipient,
                room_name,
            } => {
                details.recipient = Some(recipient.as_str());
                details.room_name = Some(room_name.as_str());
            }
            Self::Conversation(id) => details.conversation_id = Some(id.as_str()),
        }
    }
}

impl MessageSent {
    fn fill<'a>(&'a self, details: &mut Details<'a>) {
        match &self.target {
            Target::User(id) => details.recipient = Some(id.as_str()),
            Target::Conversation(id) => details.conversation_id = Some(id.as_str()),
            Target::Session(name) => details.room_name = Some(name.as_str()),
        }
        details.message_id = self.message_id.as_ref().map(AuditText::as_str);
        details.message_type = self.message_type.as_ref().map(Label::as_str);
        details.seq = self.seq.as_ref();
        details.bytes = Some(number(self.bytes));
    }
}

impl Undelivered {
    fn fill<'a>(&'a self, details: &mut Details<'a>) {
        details.recipients = Some(&self.recipients);
        details.message_id = self.message_id.as_ref().map(AuditText::as_str);
        details.conversation_id = self.conversation_id.as_ref().map(AuditText::as_str);
        details.message_type = self.message_type.as_ref().map(Label::as_str);
        details.bytes = Some(number(self.bytes));
        details.urgent = Some(self.urgent);
    }
}

impl MessageRef {
    fn fill<'a>(&'a self, details: &mut Details<'a>) {
        details.conversation_id = Some(self.conversation_id.as_str());
        details.message_id = Some(self.message_id.as_str());
    }
}

impl FileChunk {
    fn fill<'a>(&'a self, details: &mut Details<'a>) {
        details.recipient = Some(self.recipient.as_str());
        details.message_id = self.message_id.as_ref().map(AuditText::as_str);
        details.chunk_number = self.chunk_number.map(number);
        details.total_chunks = self.total_chunks.map(number);
        details.file_size = self.file_size.map(number);
        details.mime_type = self.mime_type.as_ref().map(Label::as_str);
        details.bytes = Some(number(self.bytes));
    }
}

/// Databases have no larger integers; a larger number can only be a false claim of a client.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests;
