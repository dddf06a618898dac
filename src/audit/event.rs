//! The events that can be audited: a closed enum, each with the details it may have and no others.
//!
//! A new detail is a new field here, so that it is seen in a review; nothing accepts free text or
//! JSON. The names of events are in `event_type`.

use super::event_type::EventType;
use super::text::{AuditText, Label, RoomName, Seq};
use crate::model::{AuthFailure, DisconnectReason, ErrorCode};

/// The receivers of a message.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// One user.
    User(AuditText),
    /// The participants of a stored conversation, by its id.
    Conversation(AuditText),
    /// The members of an ad-hoc session, by its visible name.
    Session(RoomName),
}

/// A room that is joined or left.
#[derive(Clone, Debug)]
pub(crate) enum Room {
    /// The room of two users.
    Pair {
        /// The other user.
        recipient: AuditText,
        /// The visible name.
        room_name: RoomName,
    },
    /// A stored conversation, by its id.
    Conversation(AuditText),
}

/// A message that was relayed.
#[derive(Clone, Debug)]
pub(crate) struct MessageSent {
    /// Its receivers.
    pub(crate) target: Target,
    /// The id that the sender gave it, or the stored one.
    pub(crate) message_id: Option<AuditText>,
    /// Its type; `text` when the client names none.
    pub(crate) message_type: Option<Label>,
    /// The sequence number that the sender gave it.
    pub(crate) seq: Option<Seq>,
    /// Size of the relayed event in bytes.
    pub(crate) bytes: u64,
}

/// A stored message that was changed.
#[derive(Clone, Debug)]
pub(crate) struct MessageRef {
    /// The conversation it is in.
    pub(crate) conversation_id: AuditText,
    /// Its id.
    pub(crate) message_id: AuditText,
}

/// One chunk of a file that was relayed.
#[derive(Clone, Debug)]
pub(crate) struct FileChunk {
    /// The user it goes to.
    pub(crate) recipient: AuditText,
    /// The id that the sender gave the file, if any.
    pub(crate) message_id: Option<AuditText>,
    /// The number of this chunk, from 0, if its sender says it.
    pub(crate) chunk_number: Option<u64>,
    /// Chunks of the whole file, likewise.
    pub(crate) total_chunks: Option<u64>,
    /// Bytes of the whole file as stated by the sender; absent when that is not a whole number.
    pub(crate) file_size: Option<u64>,
    /// Type of the file, when it is a valid label.
    pub(crate) mime_type: Option<Label>,
    /// Size of the relayed event in bytes.
    pub(crate) bytes: u64,
}

/// An action of an administrator of the server or of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminAction {
    /// Created or changed the user.
    UserChanged,
    /// Suspended the user.
    UserSuspended,
    /// Closed the user's connections.
    UserDisconnected,
    /// Set how long messages of a conversation are kept.
    RetentionChanged,
    /// Set what those see of a conversation who are added.
    HistoryChanged,
    /// Gave the user another role in a conversation, if only by going as its last admin.
    RoleChanged,
    /// Changed the title or the picture of a conversation.
    ConversationDescribed,
    /// Gave participants of a conversation a new content key.
    KeyRotated,
    /// Read audit records.
    AuditRead,
    /// Closed a connection.
    ConnectionClosed,
    /// Took back tokens; the user's, if they are named by it.
    TokensRevoked,
    /// Took such a revocation back.
    RevocationTakenBack,
    /// Read which there are.
    RevocationsRead,
    /// Read what was not told to an endpoint.
    WebhookRead,
    /// Had it told again.
    WebhookReplayed,
    /// Tried an endpoint.
    WebhookTested,
    /// Had the settings reloaded; the count is of those that changed.
    SettingsReloaded,
    /// Sent what the Admin UI may not do, and nothing was done; the count is of how often.
    CommandIgnored,
}

impl AdminAction {
    /// The `reason` in the record.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UserChanged => "user changed",
            Self::UserSuspended => "user suspended",
            Self::UserDisconnected => "user disconnected",
            Self::RetentionChanged => "retention changed",
            Self::HistoryChanged => "history changed",
            Self::RoleChanged => "role changed",
            Self::ConversationDescribed => "conversation described",
            Self::KeyRotated => "key rotated",
            Self::AuditRead => "audit read",
            Self::ConnectionClosed => "connection closed",
            Self::TokensRevoked => "tokens revoked",
            Self::RevocationTakenBack => "revocation taken back",
            Self::RevocationsRead => "revocations read",
            Self::WebhookRead => "webhook read",
            Self::WebhookReplayed => "webhook replayed",
            Self::WebhookTested => "webhook tested",
            Self::SettingsReloaded => "settings reloaded",
            Self::CommandIgnored => "command ignored",
        }
    }
}

/// What was sent to users of whom no connection was there.
#[derive(Clone, Debug)]
pub(crate) struct Undelivered {
    /// They, at most 256.
    pub(crate) recipients: Vec<AuditText>,
    /// The id that the sender gave it, or the stored one.
    pub(crate) message_id: Option<AuditText>,
    /// The conversation that it was stored in.
    pub(crate) conversation_id: Option<AuditText>,
    /// The type of a message.
    pub(crate) message_type: Option<Label>,
    /// Size of the event in bytes.
    pub(crate) bytes: u64,
    /// Whether somebody waits for it: of a file only its first chunk tells of it, and that does not.
    pub(crate) urgent: bool,
}

/// What one actor did so often within a minute that this stands for all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    /// What it was each time.
    pub(super) event_type: EventType,
    /// Why it was refused each time, if it was.
    pub(super) code: Option<ErrorCode>,
    /// How many times.
    pub(super) count: u64,
    /// When it was for the first time, in milliseconds since 1970.
    pub(super) first_ms: i64,
    /// When it was for the last time.
    pub(super) last_ms: i64,
}

/// Everything that can be audited. Each variant is described by its [`EventType`].
#[derive(Clone, Debug)]
pub(crate) enum Event {
    SocketConnect,
    SocketDisconnect {
        reason: DisconnectReason,
    },
    AuthFailed {
        code: ErrorCode,
        reason: Option<AuthFailure>,
    },
    RoomJoin(Room),
    RoomLeave(Room),
    MessageSent(MessageSent),
    MessageUpdated(MessageRef),
    MessageDeleted(MessageRef),
    /// One record for all messages that were read at once.
    MessageRead {
        conversation_id: AuditText,
        count: u64,
    },
    FileUpload(FileChunk),
    /// The recipient is the user whom the file is requested from.
    FileDownload {
        recipient: AuditText,
        message_id: AuditText,
    },
    KeyExchangeRelay {
        recipient: AuditText,
    },
    Reaction(MessageRef),
    /// The recipient is who is blocked from now on.
    UserBlocked {
        recipient: AuditText,
    },
    /// The same of one who is not blocked any more.
    UserUnblocked {
        recipient: AuditText,
    },
    SessionReserved {
        room_name: RoomName,
    },
    SessionJoined {
        room_name: RoomName,
    },
    SessionLeft {
        room_name: RoomName,
    },
    /// The ids are those of the refused request, when it had them.
    Refused {
        code: ErrorCode,
        recipient: Option<AuditText>,
        message_id: Option<AuditText>,
        conversation_id: Option<AuditText>,
    },
    /// A web page of an origin that is not allowed called.
    OriginRefused {
        origin: AuditText,
    },
    /// The code is always `RATE_LIMIT`; the count is of requests refused since the last record.
    RateLimited {
        count: u64,
    },
    /// The bytes are the backlog of the receiver.
    SlowConsumer {
        bytes: u64,
    },
    /// The user of the record has a connection now, and had none.
    UserOnline,
    /// The user of the record has no connection any more.
    UserOffline {
        /// When it was there last, in milliseconds since 1970, if that is known.
        last_ms: Option<u64>,
    },
    ConversationCreated {
        conversation_id: AuditText,
    },
    /// The recipient is who was added.
    ParticipantAdded {
        recipient: AuditText,
        conversation_id: AuditText,
    },
    /// The recipient is who was removed, or left.
    ParticipantRemoved {
        recipient: AuditText,
        conversation_id: AuditText,
    },
    MessageUndelivered(Undelivered),
    /// The recipient is the user acted on, the count that of connections or records touched.
    Admin {
        action: AdminAction,
        recipient: Option<AuditText>,
        conversation_id: Option<AuditText>,
        count: Option<u64>,
    },
    /// A backend has published an event of this name.
    Published {
        event: AuditText,
        targets: u64,
        /// How many were handed it.
        connections: u64,
        /// Of what it says.
        bytes: u64,
    },
    /// A backend has brought in so much, or has only tried to: since it began, or since the last such record of it.
    Imported {
        is_dry_run: bool,
        users: u64,
        conversations: u64,
        participants: u64,
    },
    Error {
        code: ErrorCode,
    },
    /// Made by the audit itself, from records that are not stored one by one.
    Repeated(Repeated),
}

impl Event {
    /// The type of this event.
    pub(crate) const fn event_type(&self) -> EventType {
        match self {
            Self::SocketConnect => EventType::SocketConnect,
            Self::SocketDisconnect { .. } => EventType::SocketDisconnect,
            Self::AuthFailed { .. } => EventType::AuthFailed,
            Self::RoomJoin(_) => EventType::RoomJoin,
            Self::RoomLeave(_) => EventType::RoomLeave,
            Self::MessageSent(_) => EventType::MessageSent,
            Self::MessageUpdated(_) => EventType::MessageUpdated,
            Self::MessageDeleted(_) => EventType::MessageDeleted,
            Self::MessageRead { .. } => EventType::MessageRead,
            Self::FileUpload(_) => EventType::FileUpload,
            Self::FileDownload { .. } => EventType::FileDownload,
            Self::KeyExchangeRelay { .. } => EventType::KeyExchangeRelay,
            Self::Reaction(_) => EventType::Reaction,
            Self::UserBlocked { .. } => EventType::UserBlocked,
            Self::UserUnblocked { .. } => EventType::UserUnblocked,
            Self::SessionReserved { .. } => EventType::SessionReserved,
            Self::SessionJoined { .. } => EventType::SessionJoined,
            Self::SessionLeft { .. } => EventType::SessionLeft,
            Self::Refused { .. } | Self::OriginRefused { .. } => EventType::Refused,
            Self::RateLimited { .. } => EventType::RateLimited,
            Self::SlowConsumer { .. } => EventType::SlowConsumer,
            Self::UserOnline => EventType::UserOnline,
            Self::UserOffline { .. } => EventType::UserOffline,
            Self::ConversationCreated { .. } => EventType::ConversationCreated,
            Self::ParticipantAdded { .. } => EventType::ParticipantAdded,
            Self::ParticipantRemoved { .. } => EventType::ParticipantRemoved,
            Self::MessageUndelivered(_) => EventType::MessageUndelivered,
            Self::Admin { .. } | Self::Published { .. } | Self::Imported { .. } => EventType::Admin,
            Self::Error { .. } => EventType::Error,
            Self::Repeated(repeated) => repeated.event_type,
        }
    }
}
