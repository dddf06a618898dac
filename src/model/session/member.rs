//! A member of a session, and the connections that it is on. A member is one, however many those are.

use std::sync::Arc;

use uuid::Uuid;

use crate::model::UserId;
use crate::payload::OwnedValue;

/// On how many connections a member is at a time.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// A member of a session, as others see it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The id that the member joined under.
    pub(crate) user: UserId,
    /// The name shown to others.
    pub(crate) display_name: Arc<str>,
    /// The public key, when the member has sent one.
    pub(crate) public_key: Option<OwnedValue>,
    /// When it took the place of another key, in milliseconds since the epoch.
    pub(crate) key_changed_at: Option<u64>,
    /// When it joined, in milliseconds since the epoch.
    pub(crate) joined_at: u64,
    /// The connections that it joined on, the latest last; of one who was disconnected, the last.
    pub(crate) connections: Vec<MemberConnection>,
}

/// A connection that a member joined on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberConnection {
    /// Its id.
    pub(crate) id: Uuid,
    /// Who is authenticated on it.
    pub(crate) account: Option<UserId>,
}

impl Member {
    /// A member that is on no connection yet.
    pub(crate) fn new(user: UserId) -> Self {
        Self {
            display_name: user.as_name(),
            user,
            public_key: None,
            key_changed_at: None,
            joined_at: 0,
            connections: Vec::new(),
        }
    }

    /// Whether it is on this connection.
    pub(crate) fn is_on(&self, connection: Uuid) -> bool {
        let mut connections = self.connections.iter();
        connections.any(|known| known.id == connection)
    }

    /// It is on this connection now, too. Returns those that it is on no more.
    pub(crate) fn enter(&mut self, entering: MemberConnection) -> Vec<Uuid> {
        self.connections.retain(|known| known.id != entering.id);
        let excess = (self.connections.len() + 1).saturating_sub(MAX_CONNECTIONS);
        let displaced = self.connections.drain(..excess);
        let displaced = displaced.map(|known| known.id).collect();
        self.connections.push(entering);
        displaced
    }

    /// Sets the public key, on one of its connections. Returns those that it is on no more: with another key it might be
    /// somebody else, so of the others only those stay that the same user is authenticated on.
    pub(crate) fn set_key(&mut self, key: OwnedValue, connection: Uuid, now: u64) -> Vec<Uuid> {
        let known = self.public_key.replace(key.clone());
        if known.is_none_or(|known| known.reads_as(&key)) {
            return Vec::new();
        }
        self.key_changed_at = Some(now);
        let mut connections = self.connections.iter();
        let setting = connections.find(|known| known.id == connection);
        let account = setting.and_then(|setting| setting.account.clone());
        let stays = |known: &MemberConnection| {
            known.id == connection || account.is_some() && known.account == account
        };
        let displaced = self.connections.extract_if(.., |known| !stays(known));
        displaced.map(|known| known.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn key(text: &str) -> OwnedValue {
        OwnedValue::from(RawValue::from_string(text.to_owned()).unwrap())
    }

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    fn connection(number: usize, account: &str) -> MemberConnection {
        MemberConnection {
            id: id(number),
            account: UserId::parse(account),
        }
    }

    fn member(accounts: &[&str]) -> Member {
        let mut member = Member::new(UserId::parse("a").unwrap());
        for (number, account) in accounts.iter().enumerate() {
            assert!(member.enter(connection(number, account)).is_empty());
        }
        member
    }

    #[test]
    fn another_key_displaces_all_but_those_of_the_same_user() {
        let mut one = member(&["", "ann", "ann", "ben", ""]);
        assert!(one.set_key(key("\"k\""), id(0), 1).is_empty());
        assert_eq!(one.key_changed_at, None, "it is the first");
        assert_eq!(one.set_key(key("\"l\""), id(1), 2), [id(0), id(3), id(4)]);
        assert_eq!(one.key_changed_at, Some(2));
        assert!(one.set_key(key("\"m\""), id(2), 3).is_empty());
        assert_eq!(one.key_changed_at, Some(3));
        let mut guests = member(&["", ""]);
        guests.set_key(key("1"), id(0), 1);
        assert_eq!(guests.set_key(key("2"), id(0), 2), [id(1)]);
    }

    #[test]
    fn a_key_that_reads_the_same_is_the_same() {
        let mut one = member(&["", ""]);
        one.set_key(key(r#"{"kty":"EC","x":"a"}"#), id(0), 1);
        let same = key(r#"{ "x": "\u0061", "kty": "EC" }"#);
        assert!(one.set_key(same, id(1), 2).is_empty());
        assert_eq!(one.key_changed_at, None);
    }

    #[test]
    fn of_too_many_connections_the_oldest_goes() {
        let mut one = member(&[""; MAX_CONNECTIONS]);
        assert!(one.enter(connection(0, "")).is_empty(), "it was there");
        assert_eq!(one.enter(connection(99, "")), [id(1)]);
        assert_eq!(one.connections.len(), MAX_CONNECTIONS);
        assert!(one.is_on(id(0)) && one.is_on(id(99)) && !one.is_on(id(1)));
    }
}
