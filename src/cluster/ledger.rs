//! What each node has in Redis: a set of entries for each node, by which others clean up when it dies.

use redis::Cmd;
use uuid::Uuid;

use super::Cluster;
use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// Something that a node has in Redis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// A user who is online.
    User(UserId),
    /// The room of a conversation that somebody is in.
    Room(ConversationId),
    /// A member of a session, and the connection that they joined on.
    Member(SessionId, UserId, Uuid),
}

/// Not in any id.
const SEPARATOR: char = '\n';

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(user) => write!(f, "user{SEPARATOR}{}", user.as_str()),
            Self::Room(room) => write!(f, "room{SEPARATOR}{}", room.as_str()),
            Self::Member(session, user, connection) => write!(
                f,
                "member{SEPARATOR}{session}{SEPARATOR}{}{SEPARATOR}{connection}",
                user.as_str()
            ),
        }
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(SEPARATOR);
        let entry = match (parts.next()?, parts.next()?) {
            ("user", user) => Self::User(UserId::parse(user)?),
            ("room", room) => Self::Room(ConversationId::parse(room)?),
            ("member", session) => {
                let user = UserId::parse(parts.next()?)?;
                let connection = Uuid::parse_str(parts.next()?).ok()?;
                Self::Member(SessionId::parse(session)?.0, user, connection)
            }
            _ => return None,
        };
        parts.next().is_none().then_some(entry)
    }
}

impl Cluster {
    /// Adds an entry of this node. To be called before that is put in Redis.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn note(&self, entry: &Entry) -> Result<(), RedisError> {
        let command = self.ledger_command("SADD", self.node_id, &entry.to_string());
        self.redis.query(&command).await
    }

    /// Removes an entry of a node. To be called after that was removed from Redis.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn forget(&self, node: NodeId, entry: &Entry) -> Result<(), RedisError> {
        let command = self.ledger_command("SREM", node, &entry.to_string());
        self.redis.query(&command).await
    }

    /// A part of the entries of a node, from a cursor on, which is 0 at first; and the next cursor, if
    /// there are more.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn ledger(
        &self,
        node: NodeId,
        from: u64,
    ) -> Result<(Option<u64>, Vec<Entry>), RedisError> {
        let mut command = redis::cmd("SSCAN");
        command
            .arg(self.ledger_key(node))
            .arg(from)
            .arg("COUNT")
            .arg(256);
        let (next, entries): (u64, Vec<String>) = self.redis.query(&command).await?;
        let entries = entries.iter().filter_map(|text| Entry::parse(text));
        Ok(((next != 0).then_some(next), entries.collect()))
    }

    fn ledger_command(&self, name: &str, node: NodeId, entry: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(self.ledger_key(node)).arg(entry);
        command
    }

    pub(super) fn ledger_key(&self, node: NodeId) -> String {
        self.redis.key("ledger", &node.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_as_other_releases_read_them() {
        let user = UserId::parse("a b").unwrap();
        let session = SessionId::parse("s").unwrap().0;
        let member = Entry::Member(session, user.clone(), Uuid::from_u128(1));
        let room = Entry::Room(ConversationId::parse("r").unwrap());
        for (entry, text) in [
            (Entry::User(user), "user\na b"),
            (room, "room\nr"),
            (
                member,
                "member\ns\na b\n00000000-0000-0000-0000-000000000001",
            ),
        ] {
            assert_eq!(entry.to_string(), text);
            assert_eq!(Entry::parse(text), Some(entry));
        }
    }

    #[test]
    fn an_entry_is_what_was_written() {
        let user = UserId::parse("a b").unwrap();
        let session = SessionId::parse("s").unwrap().0;
        for entry in [
            Entry::User(user.clone()),
            Entry::Room(ConversationId::parse("user").unwrap()),
            Entry::Member(session, user, Uuid::new_v4()),
        ] {
            assert_eq!(Entry::parse(&entry.to_string()), Some(entry));
        }
        for other in ["", "user", "user\na\nb", "member\na\nb", "cat\na"] {
            assert_eq!(Entry::parse(other), None, "{other}");
        }
    }
}
