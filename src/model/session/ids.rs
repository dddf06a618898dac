//! A session's id, its key as a client sends it, and its mode.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::UserId;

/// A session's id: 1 to 128 bytes without control characters and without `:`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(Arc<str>);

impl SessionId {
    /// Parses `id` or `id:key`; the key is returned beside the id.
    pub(crate) fn parse(text: &str) -> Option<(Self, Option<AuthKey<'_>>)> {
        let (id, rest) = match text.split_once(':') {
            Some((id, rest)) => (id, AuthKey::new(rest)),
            None => (text, None),
        };
        // The same bounds as for a user's id.
        let id = UserId::parse(id)?;
        Some((Self(id.shared().clone()), rest))
    }

    /// The id as shared text.
    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key or password with which a client asks for admission. `Debug` does not show it.
#[derive(Clone, Copy)]
pub(crate) struct AuthKey<'a>(&'a str);

impl<'a> AuthKey<'a> {
    /// A key. `None`: the text is empty.
    pub(crate) fn new(text: &'a str) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// The key as text.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// The password in `password:…`, the form in links to sessions in password mode.
    pub(crate) fn as_password(self) -> Option<&'a str> {
        self.0.strip_prefix("password:")
    }

    /// The password in `key:password`, the form in which a session in password mode is reserved.
    pub(crate) fn password_part(self) -> Option<&'a str> {
        self.0.split_once(':').map(|(_, password)| password)
    }
}

impl fmt::Debug for AuthKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey")
    }
}

/// How many members a session may have, and how they are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ChatMode {
    /// Many members.
    #[default]
    Group,
    /// Two members.
    Private,
    /// Two members, admitted by a password.
    Password,
}

impl ChatMode {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Group, Self::Private, Self::Password];

    /// The name in the protocol.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Private => "private",
            Self::Password => "password",
        }
    }
}

/// There is no mode of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid chatMode")]
pub(crate) struct UnknownMode;

impl FromStr for ChatMode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        [Self::Group, Self::Private, Self::Password]
            .into_iter()
            .find(|mode| mode.as_str() == name)
            .ok_or(UnknownMode)
    }
}
