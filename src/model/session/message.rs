//! A message of a session.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::UserId;
use crate::payload::OwnedValue;

/// The recipient of a message to all members.
pub(crate) const ALL_MEMBERS: &str = "all";

/// What a message is recognized by.
pub(crate) type Fingerprint = [u8; 32];

/// The kind of a message, which only clients interpret: a text, or a number as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    text: Arc<str>,
    is_number: bool,
}

impl Kind {
    /// That of a message whose sender says nothing of it.
    pub(crate) fn text() -> Self {
        Self::new("text", false)
    }

    /// A kind; a number is JSON.
    pub(crate) fn new(text: &str, is_number: bool) -> Self {
        Self {
            text: text.into(),
            is_number,
        }
    }

    /// The text, or the number as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a number.
    pub(crate) fn is_number(&self) -> bool {
        self.is_number
    }
}

/// As JSON.
impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_number {
            return serializer.serialize_str(&self.text);
        }
        let raw = RawValue::from_string((*self.text).to_owned());
        raw.map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// A message, as it is stored.
#[derive(Debug)]
pub(crate) struct Message {
    /// The sender's id for it, or one made by the server; JSON as it was received.
    pub(crate) id: OwnedValue,
    /// The member who sent it.
    pub(crate) from: UserId,
    /// The member it is for; [`ALL_MEMBERS`] or nothing: all.
    pub(crate) to: Option<UserId>,
    /// The content, which the server does not read.
    pub(crate) encrypted: OwnedValue,
    /// Milliseconds since the epoch.
    pub(crate) timestamp: u64,
    /// The kind of message, by the sender's word.
    pub(crate) kind: Kind,
    /// The sender's name at that time.
    pub(crate) sender_display_name: Arc<str>,
}

impl Message {
    /// The one member it is for; `None`: all.
    pub(crate) fn recipient(&self) -> Option<&UserId> {
        self.to.as_ref().filter(|to| to.as_str() != ALL_MEMBERS)
    }

    /// Whether a member may read it: it is for all, for that member, or from it.
    pub(crate) fn is_for(&self, user: &UserId) -> bool {
        self.from == *user || self.recipient().is_none_or(|to| to == user)
    }

    /// Whether it is for a member who is not its author.
    pub(crate) fn may_go_to(&self, user: &UserId) -> bool {
        self.from != *user && self.is_for(user)
    }

    /// What it is recognized by when it is sent again: a digest of who sends what to whom, and under which id. Another
    /// member may use the same id, and the same member for something else.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut digest = Context::new(&SHA256);
        let mut add = |part: &[u8]| {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        let (encrypted, attachments) = self.encrypted.to_parts();
        let to = self.recipient().map_or("", |to| to.as_str());
        let id = self.id.text();
        for part in [self.from.as_str(), &id, to, self.kind.as_str(), &encrypted] {
            add(part.as_bytes());
        }
        attachments.iter().for_each(|attachment| add(attachment));
        let digest = digest.finish();
        digest.as_ref().try_into().unwrap_or_default()
    }

    /// What a message takes beside its values, in bytes.
    pub(crate) const FIELDS: usize = 256;

    /// About how many bytes it takes, in memory or written.
    pub(crate) fn size(&self) -> usize {
        let names =
            self.from.as_str().len() + self.kind.as_str().len() + self.sender_display_name.len();
        let to = self.to.as_ref().map_or(0, |to| to.as_str().len());
        Self::FIELDS
            + names
            + to
            + self.id.as_opaque().written_size()
            + self.encrypted.as_opaque().total_size()
    }
}

/// The result of storing a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// Its member has not sent it under this id before.
    First {
        /// The revision.
        revision: u64,
    },
    /// It was sent before. Nothing is changed, but it has a revision because it is relayed again.
    Repeated {
        /// The revision.
        revision: u64,
    },
    /// The store is unavailable or full: the message is not in the history, and whether it was sent
    /// before is not known. It is relayed nevertheless.
    NotStored,
}

impl Appended {
    /// The revision, if it is known.
    pub(crate) fn revision(self) -> Option<u64> {
        match self {
            Self::First { revision } | Self::Repeated { revision } => Some(revision),
            Self::NotStored => None,
        }
    }
}
