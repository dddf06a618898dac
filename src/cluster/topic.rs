//! What messages between nodes are about. Each topic is a channel of Redis; a node hears those that
//! its own connections need.

use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::Redis;

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All nodes.
    Everyone,
    /// One node.
    Node(NodeId),
    /// A user's connections.
    User(UserId),
    /// An ad-hoc session.
    Session(SessionId),
    /// A stored conversation.
    Conversation(ConversationId),
}

impl Topic {
    /// The channel. Its name has the same tag as the keys of what it is about, so that a script may
    /// change one and tell the other.
    pub fn channel(&self, redis: &Redis) -> String {
        match self {
            Self::Everyone => redis.key("everyone", ""),
            Self::Node(id) => redis.key("node", &id.to_string()),
            Self::User(id) => redis.key("user", id.as_str()),
            Self::Session(id) => redis.key("session", id.as_str()),
            Self::Conversation(id) => redis.key("conversation", id.as_str()),
        }
    }

    /// The topic of a channel.
    pub(super) fn of_channel(channel: &str, redis: &Redis) -> Option<Self> {
        let (kind, id) = redis.parse_key(channel)?;
        match kind {
            "everyone" => Some(Self::Everyone),
            "node" => NodeId::parse(&id).map(Self::Node),
            "user" => UserId::parse(&id).map(Self::User),
            "session" => SessionId::parse(&id).map(|(id, _)| Self::Session(id)),
            "conversation" => ConversationId::parse(&id).map(Self::Conversation),
            _ => None,
        }
    }

    /// Whether its channel is on one server of a cluster. Only what all nodes hear is not: scripts
    /// that change something else tell it.
    pub(super) fn is_sharded(&self) -> bool {
        !matches!(self, Self::Everyone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RedisUrl;

    #[test]
    fn channels_have_the_names_that_other_releases_know() {
        let redis = Redis::new(&RedisUrl::parse("redis://localhost").unwrap(), "p").unwrap();
        let node = NodeId::from_bytes([0xab; 16]);
        let user = UserId::parse("a:{b}%").unwrap();
        for (topic, name) in [
            (Topic::Everyone, "p:everyone:{}"),
            (
                Topic::Node(node),
                "p:node:{abababababababababababababababab}",
            ),
            (Topic::User(user), "p:user:{a:{b%7D%25}"),
            (
                Topic::Session(SessionId::parse("s").unwrap().0),
                "p:session:{s}",
            ),
            (
                Topic::Conversation(ConversationId::parse("c").unwrap()),
                "p:conversation:{c}",
            ),
        ] {
            assert_eq!(topic.channel(&redis), name);
        }
    }

    #[test]
    fn a_topic_is_that_of_its_channel() {
        let redis = Redis::new(&RedisUrl::parse("redis://localhost").unwrap(), "pre:fix").unwrap();
        let user = UserId::parse("a:{b}").unwrap();
        let conversation = ConversationId::parse("{}").unwrap();
        for topic in [
            Topic::Everyone,
            Topic::Node(NodeId::random()),
            Topic::User(user),
            Topic::Session(SessionId::parse("s").unwrap().0),
            Topic::Conversation(conversation),
        ] {
            let channel = topic.channel(&redis);
            assert_eq!(
                Topic::of_channel(&channel, &redis),
                Some(topic),
                "{channel}"
            );
        }
        for other in ["pre:fix:user:{}", "pre:fix:more:{a}", "other:user:{a}", ""] {
            assert_eq!(Topic::of_channel(other, &redis), None, "{other}");
        }
    }
}
