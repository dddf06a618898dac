//! A store under test, with short calls of its operations.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::model::UserId;
use crate::model::clock::ManualClock;
use crate::model::session::*;
use crate::payload::OwnedValue;
use crate::stores::sessions::*;

pub(crate) const LIMITS: SessionLimits = SessionLimits {
    sessions: 3,
    members: 4,
    history: HistoryLimits {
        messages: 5,
        bytes: 100_000,
    },
    memory: 1 << 20,
    reserved_timeout: Duration::from_secs(30 * 60),
    idle_timeout: Duration::from_secs(30 * 60),
    max_idle: Duration::from_secs(120 * 60),
    rejoin_grace: Duration::from_secs(60),
};

/// Whoever makes sessions, where a test does not say who, and as many as there may be.
pub(crate) const MAKER: Maker<'_> = maker(1);

/// One of those who make sessions.
pub(crate) const fn maker(number: u8) -> Maker<'static> {
    Maker {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)),
        may_make: &|| true,
    }
}

/// A store, empty at first.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: Arc<ManualClock>,
    /// What has to live as long.
    _keep: Box<dyn Any + Send + Sync>,
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap().0
}

pub(crate) fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

pub(crate) fn json(text: &str) -> OwnedValue {
    OwnedValue::from(RawValue::from_string(text.to_owned()).unwrap())
}

/// The connection of a member, one for each name.
pub(crate) fn connection(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

pub(crate) fn join<'a>(name: &str, key: &'a str) -> Join<'a> {
    Join {
        user: user(name),
        display_name: None,
        public_key: Some(json(&format!("\"key of {name}\""))),
        is_creator: false,
        key: AuthKey::new(key),
        account: None,
    }
}

pub(crate) fn creator<'a>(name: &str, key: &'a str) -> Join<'a> {
    Join {
        is_creator: true,
        ..join(name, key)
    }
}

pub(crate) fn message(
    number: usize,
    from: &str,
    to: Option<&str>,
    encrypted: &str,
) -> Arc<Message> {
    Arc::new(Message {
        id: json(&number.to_string()),
        from: user(from),
        to: to.map(user),
        encrypted: json(encrypted),
        timestamp: 0,
        kind: Kind::text(),
        sender_display_name: from.into(),
    })
}

/// The ids of messages, as they were written.
pub(crate) fn ids(messages: &[Arc<Message>]) -> Vec<String> {
    let ids = messages.iter().map(|message| message.id.to_parts().0);
    ids.map(|id| id.into_owned()).collect()
}

/// The revision of a message that was stored.
pub(crate) fn number(appended: Option<Appended>) -> u64 {
    match appended {
        Some(Appended::First { revision } | Appended::Repeated { revision }) => revision,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is_first(appended: Option<Appended>) -> bool {
    matches!(appended, Some(Appended::First { .. }))
}

pub(crate) fn is_repeated(appended: Option<Appended>) -> bool {
    matches!(appended, Some(Appended::Repeated { .. }))
}

impl Subject {
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<ManualClock>,
        keep: impl Any + Send + Sync,
    ) -> Self {
        Self {
            store,
            clock,
            _keep: Box::new(keep),
        }
    }

    pub(crate) async fn reserve(
        &self,
        name: &str,
        key: &str,
        mode: ChatMode,
    ) -> Result<(), ReserveError> {
        let key = AuthKey::new(key).unwrap();
        self.store.reserve(&id(name), key, mode, MAKER).await
    }

    pub(crate) async fn join(&self, name: &str, join: Join<'_>) -> Result<Joined, JoinError> {
        let slot = JoinSlot {
            connection: connection(join.user.as_str()),
            is_free: true,
            maker: MAKER,
        };
        self.store.join(&id(name), join, slot).await
    }

    pub(crate) async fn why_not(&self, name: &str, join: Join<'_>) -> Option<JoinError> {
        self.join(name, join).await.err()
    }

    pub(crate) async fn depart(&self, name: &str, who: &str, how: Departure) -> Option<Departed> {
        self.depart_from((name, who, who), how).await
    }

    /// Joins on another connection than [`join`](Self::join).
    pub(crate) async fn join_on(&self, name: &str, on: &str, join: Join<'_>) -> Joined {
        let slot = JoinSlot {
            connection: connection(on),
            is_free: true,
            maker: MAKER,
        };
        self.store.join(&id(name), join, slot).await.unwrap()
    }

    /// Departs from a connection.
    pub(crate) async fn depart_from(
        &self,
        (name, who, on): (&str, &str, &str),
        how: Departure,
    ) -> Option<Departed> {
        let (id, user) = (id(name), user(who));
        let departed = self.store.depart(&id, &user, connection(on), how);
        departed.await.unwrap()
    }

    pub(crate) async fn save_key(
        &self,
        name: &str,
        who: &str,
        key: &str,
        display_name: Option<&str>,
    ) -> Option<KeySaved> {
        let (id, user) = (id(name), user(who));
        let saved = (json(key), display_name.map(Into::into));
        self.store
            .save_key(&id, &user, connection(who), saved)
            .await
    }

    pub(crate) async fn set_keys(&self, name: &str, keys: &str) -> Result<u64, KeysError> {
        self.store.set_session_keys(&id(name), json(keys)).await
    }

    pub(crate) async fn append(&self, name: &str, message: Arc<Message>) -> Option<Appended> {
        self.store.append(&id(name), message).await
    }

    pub(crate) async fn history(&self, name: &str, who: Join<'_>) -> Vec<String> {
        ids(&self.join(name, who).await.unwrap().history)
    }

    /// Ends the expired sessions; their ids.
    pub(crate) async fn sweep(&self, local: &[SessionId]) -> Vec<String> {
        let mut ended = Vec::new();
        for id in self.store.expired(local).await {
            if self.store.end_expired(&id).await {
                ended.push(id.as_str().to_owned());
            }
        }
        ended
    }
}
