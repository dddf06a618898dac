//! The types of what backends are told by webhooks: a closed list, and sets of it.

use std::fmt;

/// Declares the types in their order: variant, name, whether an endpoint that names none gets it.
macro_rules! fact_types {
    ($($variant:ident = $name:literal, $is_default:literal;)+) => {
        /// What a backend can be told of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FactType {
            $(#[doc = $name] $variant,)+
        }

        impl FactType {
            /// All of them, in their order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name that settings and endpoints have for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether an endpoint that names no types gets it.
            const fn is_default(self) -> bool {
                match self { $(Self::$variant => $is_default,)+ }
            }
        }
    };
}

fact_types! {
    UserOnline = "user.online", true;
    UserOffline = "user.offline", true;
    MessageUndelivered = "message.undelivered", true;
    MessageSent = "message.sent", false;
    MessageUpdated = "message.updated", true;
    MessageDeleted = "message.deleted", true;
    MessageRead = "message.read", true;
    ConversationCreated = "conversation.created", true;
    ParticipantAdded = "participant.added", true;
    ParticipantRemoved = "participant.removed", true;
    SessionReserved = "session.reserved", true;
    SessionJoined = "session.joined", true;
    SessionLeft = "session.left", true;
    UserChanged = "user.changed", true;
    UserSuspended = "user.suspended", true;
    TokenRevoked = "token.revoked", true;
    ConnectionOpened = "connection.opened", false;
    ConnectionClosed = "connection.closed", false;
    ConnectionSlow = "connection.slow", false;
    AuthFailed = "auth.failed", false;
}

impl FactType {
    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Types of facts that one endpoint gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FactTypes(u32);

impl FactTypes {
    /// None.
    pub const NONE: Self = Self(0);

    /// Those with these names, where `*` stands for all. `None`: one is no type.
    #[must_use]
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut bits = 0;
        for name in names {
            bits |= match name {
                "*" => FactType::ALL.into_iter().map(FactType::bit).sum(),
                name => FactType::parse(name)?.bit(),
            };
        }
        Some(Self(bits))
    }

    /// These.
    #[must_use]
    pub fn of(types: &[FactType]) -> Self {
        Self(types.iter().map(|one| one.bit()).sum())
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, one: FactType) -> bool {
        self.0 & one.bit() != 0
    }

    /// Those of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let here = FactType::ALL.into_iter().filter(move |one| self.has(*one));
        here.map(FactType::as_str)
    }
}

impl Default for FactTypes {
    /// What an endpoint gets that names none.
    fn default() -> Self {
        let default = FactType::ALL.into_iter().filter(|one| one.is_default());
        Self(default.map(FactType::bit).sum())
    }
}

impl fmt::Debug for FactTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_and_all_but_the_frequent_ones_are_told_by_default() {
        for one in FactType::ALL {
            assert_eq!(FactType::parse(one.as_str()), Some(one));
            assert!(FactTypes::parse(["*"]).unwrap().has(one), "{one:?}");
            let name = one.as_str();
            let frequent =
                name == "message.sent" || name == "auth.failed" || name.starts_with("connection.");
            assert_eq!(FactTypes::default().has(one), !frequent, "{name}");
        }
        let some = FactTypes::parse(["user.online", "auth.failed"]).unwrap();
        assert_eq!(
            some.names().collect::<Vec<_>>(),
            ["user.online", "auth.failed"]
        );
        for wrong in ["", "user", "user.*", "USER_ONLINE", "webhook.test"] {
            assert_eq!(FactTypes::parse([wrong]), None, "{wrong}");
        }
        assert!(FactTypes::parse([]).unwrap().is_empty());
    }
}
