//! What can be audited: a closed list of events, each with the details it may carry and no others.
//!
//! Owns the names, levels and fixed texts of the contract. A new detail is a new field here, in
//! plain sight; nothing accepts free text or JSON.

use super::text::{AuditText, Label, RoomName, Seq};
use crate::model::{DisconnectReason, ErrorCode};

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Normal work.
    Info,
    /// Refused, limited or cut off.
    Warn,
    /// The server failed.
    Error,
}

impl Level {
    /// The name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Declares the types of the contract in one table: variant, name, level, fixed text.
macro_rules! event_types {
    ($($variant:ident, $name:literal, $level:ident, $message:literal;)+) => {
        /// The type of an event, as listed in the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $message] $variant,)+
        }

        impl EventType {
            /// Every type, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the record.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Parses a name. `None`: it is none of these.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// How serious this type is.
            pub const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)+ }
            }

            /// The fixed text of this type.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

event_types! {
    SocketConnect, "SOCKET_CONNECT", Info, "Connected";
    SocketDisconnect, "SOCKET_DISCONNECT", Info, "Disconnected";
    AuthFailed, "AUTH_FAILED", Warn, "Authentication failed";
    RoomJoin, "ROOM_JOIN", Info, "Joined a room";
    RoomLeave, "ROOM_LEAVE", Info, "Left a room";
    MessageSent, "MESSAGE_SENT", Info, "Message relayed";
    MessageUpdated, "MESSAGE_UPDATED", Info, "Message updated";
    MessageDeleted, "MESSAGE_DELETED", Info, "Message deleted";
    MessageRead, "MESSAGE_READ", Info, "Messages read";
    FileUpload, "FILE_UPLOAD", Info, "File chunk relayed";
    FileDownload, "FILE_DOWNLOAD", Info, "File requested";
    KeyExchangeRelay, "KEY_EXCHANGE_RELAY", Info, "Key exchange relayed";
    Reaction, "REACTION", Info, "Reaction changed";
    SessionReserved, "SESSION_RESERVED", Info, "Session reserved";
    SessionJoined, "SESSION_JOINED", Info, "Session joined";
    SessionLeft, "SESSION_LEFT", Info, "Session left";
    Refused, "REFUSED", Warn, "Request refused";
    RateLimited, "RATE_LIMITED", Warn, "Rate limit exceeded";
    SlowConsumer, "SLOW_CONSUMER", Warn, "Receiver too slow";
    Admin, "ADMIN", Info, "Administrative action";
    Error, "ERROR", Error, "Operation failed";
}

impl EventType {
    /// Whether what the caller wanted was done.
    pub const fn success(self) -> bool {
        matches!(self.level(), Level::Info)
    }
}

/// Whom a message goes to.
#[derive(Clone, Debug)]
pub enum Target {
    /// One user.
    User(AuditText),
    /// The members of a stored conversation, by its id.
    Conversation(AuditText),
    /// The members of an ad-hoc session, by its visible name.
    Session(RoomName),
}

/// A room that is joined or left.
#[derive(Clone, Debug)]
pub enum Room {
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
pub struct MessageSent {
    /// Whom it goes to.
    pub target: Target,
    /// The sender's own id for it, or the stored one.
    pub message_id: Option<AuditText>,
    /// `text` unless the client says otherwise.
    pub message_type: Option<Label>,
    /// The sender's own number for it.
    pub seq: Option<Seq>,
    /// Size of the relayed event in bytes.
    pub bytes: u64,
}

/// A stored message that was changed.
#[derive(Clone, Debug)]
pub struct MessageRef {
    /// The conversation it is in.
    pub conversation_id: AuditText,
    /// Its id.
    pub message_id: AuditText,
}

/// One chunk of a file that was relayed.
#[derive(Clone, Debug)]
pub struct FileChunk {
    /// The user it goes to.
    pub recipient: AuditText,
    /// The sender's id for the file.
    pub message_id: AuditText,
    /// From 0.
    pub chunk_number: u64,
    /// Chunks of the whole file.
    pub total_chunks: u64,
    /// Bytes of the whole file as the sender states them; absent when that was no whole number.
    pub file_size: Option<u64>,
    /// Type of the file, when it is a plain one.
    pub mime_type: Option<Label>,
    /// Size of the relayed event in bytes.
    pub bytes: u64,
}

/// What an administrator did, of the server or of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAction {
    /// Created or changed the user.
    UserChanged,
    /// Suspended the user.
    UserSuspended,
    /// Closed the user's connections.
    UserDisconnected,
    /// Created a conversation.
    ConversationCreated,
    /// Let the user take part in a conversation.
    ParticipantAdded,
    /// Ended the user's taking part in a conversation.
    ParticipantRemoved,
    /// Read audit records.
    AuditRead,
}

impl AdminAction {
    /// The `reason` in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserChanged => "user changed",
            Self::UserSuspended => "user suspended",
            Self::UserDisconnected => "user disconnected",
            Self::ConversationCreated => "conversation created",
            Self::ParticipantAdded => "participant added",
            Self::ParticipantRemoved => "participant removed",
            Self::AuditRead => "audit read",
        }
    }
}

/// Everything that can be audited.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each variant is described by its EventType")]
pub enum Event {
    SocketConnect,
    SocketDisconnect {
        reason: DisconnectReason,
    },
    AuthFailed {
        code: ErrorCode,
    },
    RoomJoin(Room),
    RoomLeave(Room),
    MessageSent(MessageSent),
    MessageUpdated(MessageRef),
    MessageDeleted(MessageRef),
    /// One record for all messages read at once.
    MessageRead {
        conversation_id: AuditText,
        count: u64,
    },
    FileUpload(FileChunk),
    /// The recipient is the user who is asked for the file.
    FileDownload {
        recipient: AuditText,
        message_id: AuditText,
    },
    KeyExchangeRelay {
        recipient: AuditText,
    },
    Reaction(MessageRef),
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
    /// The code is always `RATE_LIMIT`; the count is of requests refused since the last record.
    RateLimited {
        count: u64,
    },
    /// The bytes are the backlog that was not taken.
    SlowConsumer {
        bytes: u64,
    },
    /// The recipient is the user acted on, the count that of connections or records touched.
    Admin {
        action: AdminAction,
        recipient: Option<AuditText>,
        conversation_id: Option<AuditText>,
        count: Option<u64>,
    },
    Error {
        code: ErrorCode,
    },
}

impl Event {
    /// The type of this event.
    pub const fn event_type(&self) -> EventType {
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
            Self::SessionReserved { .. } => EventType::SessionReserved,
            Self::SessionJoined { .. } => EventType::SessionJoined,
            Self::SessionLeft { .. } => EventType::SessionLeft,
            Self::Refused { .. } => EventType::Refused,
            Self::RateLimited { .. } => EventType::RateLimited,
            Self::SlowConsumer { .. } => EventType::SlowConsumer,
            Self::Admin { .. } => EventType::Admin,
            Self::Error { .. } => EventType::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_and_no_other() {
        for event_type in EventType::ALL {
            assert_eq!(EventType::parse(event_type.as_str()), Some(*event_type));
        }
        for other in ["", "admin", "ADMIN ", "NOTHING"] {
            assert_eq!(EventType::parse(other), None);
        }
    }
}
