//! The five families of clients the relay speaks to.
//!
//! Owns their names only. What a family's events mean lives with its handlers.

use std::{fmt, str::FromStr};

/// One family of clients with its own event names and payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// 1-1 encrypted messenger.
    Direct,
    /// Ad-hoc rooms opened by a link.
    Session,
    /// Messenger that posts over REST and listens on the socket.
    Feed,
    /// Chat app with contacts.
    Chat,
    /// Full messenger over the socket.
    Conversation,
}

impl Dialect {
    /// Every dialect, in the order of the protocol's table.
    pub const ALL: [Self; 5] = [
        Self::Direct,
        Self::Session,
        Self::Feed,
        Self::Chat,
        Self::Conversation,
    ];

    /// The name clients, settings and audit records use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Session => "session",
            Self::Feed => "feed",
            Self::Chat => "chat",
            Self::Conversation => "conversation",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is none of [`Dialect::ALL`].
#[derive(Debug, thiserror::Error)]
#[error("unknown dialect")]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
            .ok_or(UnknownDialect)
    }
}
