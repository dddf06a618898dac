//! The types of the events that are audited.
//!
//! Owns the names, levels and fixed texts of the contract, in one table.

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

/// Declares the types of the contract in one table: variant, name, level, fixed text.
macro_rules! event_types {
    ($($variant:ident, $name:literal, $level:ident, $message:literal;)+) => {
        /// The type of an event, as listed in the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum EventType {
            $(#[doc = $message] $variant,)+
        }

        impl EventType {
            /// Every type, in the contract's order.
            #[cfg(test)]
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

            /// The fixed text of this type.
            pub(crate) const fn message(self) -> &'static str {
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
    /// Whether the request was carried out.
    pub(crate) const fn success(self) -> bool {
        matches!(self.level(), Level::Info)
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
