//! Which users are online, on all nodes together: a hash for each user, with a field for each node
//! that they are connected to.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::message::{AllNodesMessage, PresenceChange};
use super::scripts::{CAME_ONLINE, PRESENCE_EPOCH, WENT_OFFLINE};
use super::{AllNodes, Cluster, Entry, Topic};
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// How a user is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Online {
    /// Their name.
    pub(crate) name: Arc<str>,
    /// Identifies this period of being online.
    pub(crate) presence_epoch: u64,
}

impl Cluster {
    /// A user is connected to this node. `true`: they were to no other, and all nodes are sent the
    /// change unless `silently`.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn came_online(
        &self,
        change: &PresenceChange,
        silently: bool,
    ) -> Result<bool, RedisError> {
        self.note(&Entry::User(change.user.clone())).await?;
        let mut script = CAME_ONLINE.key(self.online_key(&change.user));
        script
            .arg(self.node_id.to_string())
            .arg(&*change.name)
            .arg(change.presence_epoch)
            .arg(Topic::AllNodes.channel(&self.redis))
            .arg(self.encode_presence(change, silently));
        self.redis.run(&script).await
    }

    /// A user is no longer connected to a node. `true`: they are to no other, and all nodes are sent
    /// the change unless `silently`. Of a node that `died`, only if they were connected to it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn went_offline(
        &self,
        node: NodeId,
        change: &PresenceChange,
        died: bool,
        silently: bool,
    ) -> Result<bool, RedisError> {
        let mut script = WENT_OFFLINE.key(self.online_key(&change.user));
        script
            .arg(node.to_string())
            .arg(u8::from(died))
            .arg(Topic::AllNodes.channel(&self.redis))
            .arg(self.encode_presence(change, silently));
        let is_last = self.redis.run(&script).await?;
        self.forget(node, &Entry::User(change.user.clone())).await?;
        Ok(is_last)
    }

    /// Sends all nodes that a user came online or went offline.
    pub(crate) fn publish_presence(&self, change: &PresenceChange) {
        let message = AllNodesMessage::Presence(change.clone());
        let _ = self.bus.publish(&AllNodes, &message);
    }

    /// The message for a script to publish; empty: none.
    fn encode_presence(&self, change: &PresenceChange, silently: bool) -> Vec<u8> {
        match silently {
            true => Vec::new(),
            false => self.bus.encode(&AllNodesMessage::Presence(change.clone())),
        }
    }

    /// Which of these users are online anywhere; none when Redis does not answer.
    pub(crate) async fn online(&self, users: &[UserId]) -> Vec<(UserId, Online)> {
        let ask = async |user: &UserId| {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.online_key(user));
            let fields: HashMap<String, String> = self.redis.query(&command).await.ok()?;
            let presence_epoch = fields.get(PRESENCE_EPOCH)?.parse().ok()?;
            let on_a_node = fields.iter().find(|(field, _)| *field != PRESENCE_EPOCH)?;
            let name = on_a_node.1.as_str().into();
            let online = Online {
                name,
                presence_epoch,
            };
            Some((user.clone(), online))
        };
        let mut online = Vec::new();
        for batch in users.chunks(256) {
            let answers = join_all(batch.iter().map(ask)).await;
            online.extend(answers.into_iter().flatten());
        }
        online
    }

    fn online_key(&self, user: &UserId) -> String {
        self.redis.key("online", user.as_str())
    }
}
