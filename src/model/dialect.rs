//! The closed list of client families. Owns their names only: events and payloads belong to the
//! modules of the dialects.

use std::fmt;
use std::str::FromStr;

/// Makes [`Dialect`] of its variants and their names.
macro_rules! dialects {
    ($($(#[$docs:meta])* $variant:ident = $name:literal;)+) => {
        /// One family of Socket.IO clients, with its own event names and payloads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Dialect { $($(#[$docs])* $variant),+ }

        impl Dialect {
            /// Every dialect, in the order of the protocol.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name used in the handshake, the settings and the audit.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

dialects! {
    /// 1-1 relay of ciphertext between two users.
    Direct = "direct";
    /// Rooms without accounts, opened by a link.
    Session = "session";
    /// Posts over REST, sockets that only listen.
    Feed = "feed";
    /// Contacts and chats; REST writes, sockets broadcast.
    Chat = "chat";
    /// A whole messenger over the socket, with acknowledgements.
    Conversation = "conversation";
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unknown dialect")]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    /// Matches the exact name, as the handshake sends it.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
            .ok_or(UnknownDialect)
    }
}
