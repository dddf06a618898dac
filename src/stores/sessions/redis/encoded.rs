//! How sessions and messages are written in Redis: MessagePack with the names of fields. Servers of
//! different releases run side by side during an update, and read what each other writes: a field that is
//! added has a default, unknown fields are skipped, and a change that older servers must not read raises
//! the version.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::UserId;
use crate::model::session::{Kind, Member, MemberConnection, Message};
use crate::payload::OwnedValue;
use crate::stores::sessions::KeyHash;
use crate::stores::sessions::state::State;

/// The version that is written, and the newest one that is read.
const VERSION: u32 = 1;

fn first_version() -> u32 {
    1
}

#[derive(Serialize, Deserialize)]
struct StateForm<'a> {
    #[serde(default = "first_version")]
    version: u32,
    #[serde(default)]
    key: Option<KeyHash>,
    mode: Cow<'a, str>,
    #[serde(default)]
    reserved: bool,
    #[serde(default)]
    members: Vec<MemberForm<'a>>,
    #[serde(default)]
    disconnected: Vec<DisconnectedForm<'a>>,
    #[serde(default)]
    session_keys: Option<OwnedForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct MemberForm<'a> {
    user: Cow<'a, str>,
    display_name: Cow<'a, str>,
    #[serde(default)]
    public_key: Option<OwnedForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_changed_at: Option<u64>,
    #[serde(default)]
    joined_at: u64,
    /// The latest: earlier releases know one.
    connection: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Cow<'a, str>>,
    /// Those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    connections: Vec<ConnectionForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ConnectionForm<'a> {
    connection: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Cow<'a, str>>,
}

/// A member that may return.
#[derive(Serialize, Deserialize)]
struct DisconnectedForm<'a> {
    member: MemberForm<'a>,
    since: u64,
}

#[derive(Serialize, Deserialize)]
struct MessageForm<'a> {
    #[serde(default = "first_version")]
    version: u32,
    id: OwnedForm<'a>,
    from: Cow<'a, str>,
    #[serde(default)]
    to: Option<Cow<'a, str>>,
    encrypted: OwnedForm<'a>,
    timestamp: u64,
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    kind_is_number: bool,
    sender_display_name: Cow<'a, str>,
}

/// A value byte for byte: see [`OwnedValue::to_parts`].
#[derive(Serialize, Deserialize)]
struct OwnedForm<'a> {
    text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Bytes>,
}

pub(super) fn write_state(state: &State) -> Option<Vec<u8>> {
    let form = StateForm {
        version: VERSION,
        key: state.key.clone(),
        mode: state.mode.as_str().into(),
        reserved: state.reserved,
        members: state.members.iter().map(MemberForm::of).collect(),
        disconnected: state
            .disconnected
            .iter()
            .map(DisconnectedForm::of)
            .collect(),
        session_keys: state.session_keys.as_ref().map(OwnedForm::of),
    };
    rmp_serde::to_vec_named(&form).ok()
}

/// `None`: this release cannot read it.
pub(super) fn read_state(bytes: &[u8]) -> Option<State> {
    let form: StateForm<'_> = rmp_serde::from_slice(bytes).ok()?;
    if form.version > VERSION {
        return None;
    }
    let session_keys = match form.session_keys {
        Some(keys) => Some(keys.read()?),
        None => None,
    };
    Some(State {
        key: form.key,
        mode: form.mode.parse().ok()?,
        reserved: form.reserved,
        members: form
            .members
            .into_iter()
            .map(MemberForm::read)
            .collect::<Option<_>>()?,
        disconnected: form
            .disconnected
            .into_iter()
            .map(DisconnectedForm::read)
            .collect::<Option<_>>()?,
        session_keys,
    })
}

pub(super) fn write_message(message: &Message) -> Option<Vec<u8>> {
    let form = MessageForm {
        version: VERSION,
        id: OwnedForm::of(&message.id),
        from: message.from.as_str().into(),
        to: message.to.as_ref().map(|to| to.as_str().into()),
        encrypted: OwnedForm::of(&message.encrypted),
        timestamp: message.timestamp,
        kind: message.kind.as_str().into(),
        kind_is_number: message.kind.is_number(),
        sender_display_name: (&*message.sender_display_name).into(),
    };
    rmp_serde::to_vec_named(&form).ok()
}

/// `None`: this release cannot read it.
pub(super) fn read_message(bytes: &[u8]) -> Option<Message> {
    let form: MessageForm<'_> = rmp_serde::from_slice(bytes).ok()?;
    if form.version > VERSION {
        return None;
    }
    let to = match form.to {
        Some(to) => Some(UserId::parse(&to)?),
        None => None,
    };
    Some(Message {
        id: form.id.read()?,
        from: UserId::parse(&form.from)?,
        to,
        encrypted: form.encrypted.read()?,
        timestamp: form.timestamp,
        kind: Kind::new(&form.kind, form.kind_is_number),
        sender_display_name: form.sender_display_name.into(),
    })
}

impl<'a> MemberForm<'a> {
    fn of(member: &'a Member) -> Self {
        let mut connections: Vec<_> = member.connections.iter().map(ConnectionForm::of).collect();
        // There is always one.
        let latest = connections.pop().unwrap_or(ConnectionForm {
            connection: Bytes::from_static(&[0; 16]),
            account: None,
        });
        Self {
            user: member.user.as_str().into(),
            display_name: (&*member.display_name).into(),
            public_key: member.public_key.as_ref().map(OwnedForm::of),
            key_changed_at: member.key_changed_at,
            joined_at: member.joined_at,
            connection: latest.connection,
            account: latest.account,
            connections,
        }
    }

    fn read(self) -> Option<Member> {
        let public_key = match self.public_key {
            Some(key) => Some(key.read()?),
            None => None,
        };
        let latest = ConnectionForm {
            connection: self.connection,
            account: self.account,
        };
        let connections = self.connections.into_iter().chain([latest]);
        Some(Member {
            user: UserId::parse(&self.user)?,
            display_name: Arc::from(self.display_name),
            public_key,
            key_changed_at: self.key_changed_at,
            joined_at: self.joined_at,
            connections: connections
                .map(ConnectionForm::read)
                .collect::<Option<_>>()?,
        })
    }
}

impl<'a> ConnectionForm<'a> {
    fn of(connection: &'a MemberConnection) -> Self {
        let account = connection.account.as_ref();
        Self {
            connection: Bytes::copy_from_slice(connection.id.as_bytes()),
            account: account.map(|account| account.as_str().into()),
        }
    }

    fn read(self) -> Option<MemberConnection> {
        Some(MemberConnection {
            id: Uuid::from_slice(&self.connection).ok()?,
            account: self.account.and_then(|account| UserId::parse(&account)),
        })
    }
}

impl<'a> DisconnectedForm<'a> {
    fn of((member, since): &'a (Member, u64)) -> Self {
        Self {
            member: MemberForm::of(member),
            since: *since,
        }
    }

    fn read(self) -> Option<(Member, u64)> {
        Some((self.member.read()?, self.since))
    }
}

impl<'a> OwnedForm<'a> {
    fn of(value: &'a OwnedValue) -> Self {
        let (text, attachments) = value.to_parts();
        Self { text, attachments }
    }

    fn read(self) -> Option<OwnedValue> {
        OwnedValue::from_parts(self.text.into_owned(), self.attachments)
    }
}
