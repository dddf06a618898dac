//! What messages between nodes are about. Each topic is a channel of Redis, to which a node
//! subscribes while its own connections need it.

use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::Redis;

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// All nodes.
    AllNodes,
    /// One node.
    Node(NodeId),
    /// A user's connections.
    User(UserId),
    /// An ad-hoc session.
    Session(SessionId),
    /// A stored conversation.
    Conversation(ConversationId),
}

/// The topic of all nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AllNodes;

impl From<AllNodes> for Topic {
    fn from(_: AllNodes) -> Self {
        Self::AllNodes
    }
}

impl From<NodeId> for Topic {
    fn from(id: NodeId) -> Self {
        Self::Node(id)
    }
}

impl From<UserId> for Topic {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl From<SessionId> for Topic {
    fn from(id: SessionId) -> Self {
        Self::Session(id)
    }
}

impl From<ConversationId> for Topic {
    fn from(id: ConversationId) -> Self {
        Self::Conversation(id)
    }
}

impl Topic {
    /// The channel. Its name has the same tag as the keys of what it is about, so that one script may
    /// change these and publish.
    pub(crate) fn channel(&self, redis: &Redis) -> String {
        match self {
            Self::AllNodes => redis.key("everyone", ""),
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
            "everyone" => Some(Self::AllNodes),
            "node" => NodeId::parse(&id).map(Self::Node),
            "user" => UserId::parse(&id).map(Self::User),
            "session" => SessionId::parse(&id).map(|(id, _)| Self::Session(id)),
            "conversation" => ConversationId::parse(&id).map(Self::Conversation),
            _ => None,
        }
    }

    /// Whether it uses sharded pub/sub, so that its channel is on one server of a Redis cluster. That
    /// of all nodes does not: scripts publish on it from any server.
    pub(super) fn is_sharded(&self) -> bool {
        !matches!(self, Self::AllNodes)
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
            (Topic::AllNodes, "p:everyone:{}"),
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
            Topic::AllNodes,
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
