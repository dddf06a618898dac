//! Who is in the room of a conversation, on all nodes together: a hash with a field for each user and
//! node, one that counts each user's nodes, and how many connections each node has in it.

use super::message::ConversationMessage;
use super::scripts::{ENTERED_ROOM, LEFT_ROOM};
use super::{Cluster, Entry, Topic};
use crate::model::conversation::ConversationId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// The length of a node's id as it is written.
const NODE_ID_LENGTH: usize = uuid::fmt::Simple::LENGTH;

/// A room after a user entered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoomPresence {
    /// The user was in it on no node, and other nodes were sent so.
    pub(crate) is_first: bool,
    /// How many connections are in it.
    pub(crate) connections: usize,
}

impl Cluster {
    /// A user's connection to this node, which has `local` of them in the room, entered it. Other
    /// nodes are sent `entered` if the user was in it on none.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn enter_room(
        &self,
        room: &ConversationId,
        user: &UserId,
        local: usize,
        entered: Option<&ConversationMessage>,
    ) -> Result<RoomPresence, RedisError> {
        self.note(&Entry::Room(room.clone())).await?;
        // What was published before must not arrive after it.
        self.bus.flush().await;
        let message = entered.map(|entered| self.bus.encode(entered));
        let mut script = ENTERED_ROOM.key(self.room_key(room));
        script
            .key(self.room_connections_key(room))
            .arg(self.node_id.to_string())
            .arg(user.as_str())
            .arg(local)
            .arg(Topic::Conversation(room.clone()).channel(&self.redis))
            .arg(message.unwrap_or_default());
        let (is_first, connections) = self.redis.run(&script).await?;
        Ok(RoomPresence {
            is_first,
            connections,
        })
    }

    /// A node has this many connections in a room, and none of this user any more, if one is named.
    /// `true`: the user is in it on no node; all nodes are sent `left`, if given. With `was_known`,
    /// only a user who was in the room counts; without, Redis may have lost who was.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn leave_room(
        &self,
        node: NodeId,
        room: &ConversationId,
        connections: usize,
        user: Option<(&UserId, Option<&ConversationMessage>)>,
        was_known: bool,
    ) -> Result<bool, RedisError> {
        self.bus.flush().await;
        let left = user.and_then(|(_, left)| left);
        let message = left.map(|left| self.bus.encode(left));
        let mut script = LEFT_ROOM.key(self.room_key(room));
        script
            .key(self.room_connections_key(room))
            .arg(node.to_string())
            .arg(connections)
            .arg(user.map_or("", |(user, _)| user.as_str()))
            .arg(Topic::Conversation(room.clone()).channel(&self.redis))
            .arg(message.unwrap_or_default())
            .arg(u8::from(was_known));
        self.redis.run(&script).await
    }

    /// Nobody is in a room on a node any more.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn forget_room(
        &self,
        node: NodeId,
        room: &ConversationId,
    ) -> Result<(), RedisError> {
        self.forget(node, &Entry::Room(room.clone())).await
    }

    /// Who is in a room on a node.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn in_room(
        &self,
        node: NodeId,
        room: &ConversationId,
    ) -> Result<Vec<UserId>, RedisError> {
        let fields = self.room_fields(room).await?;
        let node = node.to_string();
        let user = |field: String| {
            let (on, user) = field.strip_prefix('n')?.split_at_checked(NODE_ID_LENGTH)?;
            UserId::parse(user).filter(|_| on == node)
        };
        Ok(fields.into_iter().filter_map(user).collect())
    }

    /// Who is in a room on any node.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn in_room_anywhere(
        &self,
        room: &ConversationId,
    ) -> Result<Vec<UserId>, RedisError> {
        let fields = self.room_fields(room).await?.into_iter();
        let user = |field: String| UserId::parse(field.strip_prefix('u')?);
        Ok(fields.filter_map(user).collect())
    }

    async fn room_fields(&self, room: &ConversationId) -> Result<Vec<String>, RedisError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(self.room_key(room));
        self.redis.query(&command).await
    }

    /// Whether a user is in a room on any node; `false` also when Redis does not answer.
    pub(crate) async fn is_in_room(&self, room: &ConversationId, user: &UserId) -> bool {
        let mut command = redis::cmd("HEXISTS");
        command
            .arg(self.room_key(room))
            .arg(format!("u{}", user.as_str()));
        self.redis.query(&command).await.unwrap_or(false)
    }

    fn room_key(&self, room: &ConversationId) -> String {
        self.redis.key("room", room.as_str())
    }

    fn room_connections_key(&self, room: &ConversationId) -> String {
        self.redis.key("seats", room.as_str())
    }
}
