//! The types of the events that are audited.
//!
//! Owns the names, levels and fixed texts of the contract, and which of them are removed first when the
//! audit is at its size limit, in one table.

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Normal operation.
    Info,
    /// Refused, limited or disconnected.
    Warn,
    /// The server failed.
    Error,
}

impl Level {
    /// The name in the record.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// When records are removed because the audit is too large. Those that come first are removed before any
/// of the others, and of these the oldest first: so what many can cause at little cost takes the place of
/// its own kind, and not that of what an operator looks for after an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// What anybody can repeat at little cost: connects, joins, refusals, parts of files.
    First,
    /// Single guesses. What is left of a flood of them is the record that counts them.
    Guesses,
    /// What users said, and to whom, and whom they made participants.
    Then,
    /// What was done about clients, by administrators or the server, and how often somebody guessed.
    Last,
}

impl Removal {
    /// In the order in which they are removed.
    pub(crate) const ORDER: [Self; 4] = [Self::First, Self::Guesses, Self::Then, Self::Last];
}

/// What sets records apart from others of their type, which are removed at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// They stand for what was repeated.
    Repeated,
    /// A user did it, and no administrator of the server.
    ByUser,
    /// The server has expelled a client.
    Expulsion,
}

/// Declares the types of the contract in one table: variant, name, level, removal, fixed text.
macro_rules! event_types {
    ($($variant:ident, $name:literal, $level:ident, $removal:ident, $message:literal;)+) => {
        /// The type of an event, as listed in the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum EventType {
            $(#[doc = $message] $variant,)+
        }

        impl EventType {
            /// Every type, in the contract's order.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the record.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Parses a name. `None`: it is not the name of a type.
            pub(crate) fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// How serious this type is.
            pub(crate) const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)+ }
            }

            /// When its records are removed, but for those that are [`apart`](Self::apart).
            pub(crate) const fn removal(self) -> Removal {
                match self { $(Self::$variant => Removal::$removal,)+ }
            }

            /// The fixed text of this type.
            pub(crate) const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

event_types! {
    SocketConnect, "SOCKET_CONNECT", Info, First, "Connected";
    SocketDisconnect, "SOCKET_DISCONNECT", Info, First, "Disconnected";
    AuthFailed, "AUTH_FAILED", Warn, Guesses, "Authentication failed";
    RoomJoin, "ROOM_JOIN", Info, First, "Joined a room";
    RoomLeave, "ROOM_LEAVE", Info, First, "Left a room";
    MessageSent, "MESSAGE_SENT", Info, Then, "Message relayed";
    MessageUpdated, "MESSAGE_UPDATED", Info, Then, "Message updated";
    MessageDeleted, "MESSAGE_DELETED", Info, Then, "Message deleted";
    MessageRead, "MESSAGE_READ", Info, First, "Messages read";
    FileUpload, "FILE_UPLOAD", Info, First, "File chunk relayed";
    FileDownload, "FILE_DOWNLOAD", Info, First, "File requested";
    KeyExchangeRelay, "KEY_EXCHANGE_RELAY", Info, Then, "Key exchange relayed";
    Reaction, "REACTION", Info, Then, "Reaction changed";
    UserBlocked, "USER_BLOCKED", Info, Then, "User blocked";
    UserUnblocked, "USER_UNBLOCKED", Info, Then, "User unblocked";
    SessionReserved, "SESSION_RESERVED", Info, First, "Session reserved";
    SessionJoined, "SESSION_JOINED", Info, First, "Session joined";
    SessionLeft, "SESSION_LEFT", Info, First, "Session left";
    Refused, "REFUSED", Warn, First, "Request refused";
    RateLimited, "RATE_LIMITED", Warn, First, "Rate limit exceeded";
    SlowConsumer, "SLOW_CONSUMER", Warn, Last, "Receiver too slow";
    UserOnline, "USER_ONLINE", Info, First, "User came online";
    UserOffline, "USER_OFFLINE", Info, First, "User went offline";
    ConversationCreated, "CONVERSATION_CREATED", Info, Last, "Conversation created";
    ParticipantAdded, "PARTICIPANT_ADDED", Info, Last, "Participant added";
    ParticipantRemoved, "PARTICIPANT_REMOVED", Info, Last, "Participant removed";
    MessageUndelivered, "MESSAGE_UNDELIVERED", Info, First, "Nobody there to receive it";
    Admin, "ADMIN", Info, Last, "Administrative action";
    Error, "ERROR", Error, First, "Operation failed";
}

impl EventType {
    /// Whether the request was carried out.
    pub(crate) const fn success(self) -> bool {
        matches!(self.level(), Level::Info)
    }

    /// Records of this type that are removed at another time than its others.
    pub(crate) const fn apart(self) -> Option<(Apart, Removal)> {
        match self {
            Self::SocketDisconnect => Some((Apart::Expulsion, Removal::Last)),
            Self::AuthFailed => Some((Apart::Repeated, Removal::Last)),
            Self::Admin
            | Self::ConversationCreated
            | Self::ParticipantAdded
            | Self::ParticipantRemoved => Some((Apart::ByUser, Removal::Then)),
            _ => None,
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
