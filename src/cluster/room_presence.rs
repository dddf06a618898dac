//! Who is in the room of a conversation, on all nodes together: a hash with a field for each user and
//! node, one that counts each user's nodes, and how many connections each node has in it.

use super::scripts::{ENTERED, EXITED};
use super::{Cluster, Entry, Topic};
use crate::model::conversation::ConversationId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// The length of a node's id as it is written.
const NODE: usize = uuid::fmt::Simple::LENGTH;

/// What came of entering a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attendance {
    /// The user was in it on no node, and the others were told.
    pub is_first: bool,
    /// How many connections are in it.
    pub connections: usize,
}

impl Cluster {
    /// A user's connection here, one of so many of this node, entered a room. Other nodes are told
    /// `entered` if the user was in it on none.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn enter(
        &self,
        room: &ConversationId,
        user: &UserId,
        here: usize,
        entered: Option<&super::Body>,
    ) -> Result<Attendance, RedisError> {
        self.note(&Entry::Room(room.clone())).await?;
        // What was said before must not be heard after it.
        self.bus.flush().await;
        let message = entered.map(|entered| self.bus.written(entered));
        let mut script = ENTERED.key(self.room_key(room));
        script
            .key(self.seats_key(room))
            .arg(self.me.to_string())
            .arg(user.as_str())
            .arg(here)
            .arg(Topic::Conversation(room.clone()).channel(&self.redis))
            .arg(message.unwrap_or_default());
        let (is_first, connections) = self.redis.run(&script).await?;
        Ok(Attendance {
            is_first,
            connections,
        })
    }

    /// A node has so many connections in a room, and none of this user any more, if one is named.
    /// `true`: they are in it on no node; all nodes are told `left`, if
    /// there is something to tell. Not if they were not in it, when
    /// it is known `there` who was.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn exit(
        &self,
        node: NodeId,
        room: &ConversationId,
        connections: usize,
        user: Option<(&UserId, Option<&super::Body>)>,
        there: bool,
    ) -> Result<bool, RedisError> {
        self.bus.flush().await;
        let left = user.and_then(|(_, left)| left);
        let message = left.map(|left| self.bus.written(left));
        let mut script = EXITED.key(self.room_key(room));
        script
            .key(self.seats_key(room))
            .arg(node.to_string())
            .arg(connections)
            .arg(user.map_or("", |(user, _)| user.as_str()))
            .arg(Topic::Conversation(room.clone()).channel(&self.redis))
            .arg(message.unwrap_or_default())
            .arg(u8::from(there));
        self.redis.run(&script).await
    }

    /// Nobody is in a room on a node any more.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn abandon(&self, node: NodeId, room: &ConversationId) -> Result<(), RedisError> {
        self.forget(node, &Entry::Room(room.clone())).await
    }

    /// Who is in a room on a node.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn in_room(
        &self,
        node: NodeId,
        room: &ConversationId,
    ) -> Result<Vec<UserId>, RedisError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(self.room_key(room));
        let fields: Vec<String> = self.redis.query(&command).await?;
        let node = node.to_string();
        let user = |field: String| {
            let (on, user) = field.strip_prefix('n')?.split_at_checked(NODE)?;
            UserId::parse(user).filter(|_| on == node)
        };
        Ok(fields.into_iter().filter_map(user).collect())
    }

    /// Whether a user is in a room on any node, as far as is known.
    pub async fn is_in_room(&self, room: &ConversationId, user: &UserId) -> bool {
        let mut command = redis::cmd("HEXISTS");
        command
            .arg(self.room_key(room))
            .arg(format!("u{}", user.as_str()));
        self.redis.query(&command).await.unwrap_or(false)
    }

    fn room_key(&self, room: &ConversationId) -> String {
        self.redis.key("room", room.as_str())
    }

    fn seats_key(&self, room: &ConversationId) -> String {
        self.redis.key("seats", room.as_str())
    }
}
