//! Which users are online, on all nodes together: a hash for each user, with a field for each node
//! that they are on.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::scripts::{CAME, COMING, LEFT};
use super::wire::{Body, Change};
use super::{Cluster, Entry, Topic};
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// How a user is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// Under which name.
    pub name: Arc<str>,
    /// What names their coming.
    pub coming: u64,
}

impl Cluster {
    /// A user is here. `true`: they were on no other node, and all nodes are told so unless it is
    /// done `silently`.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn came(&self, change: &Change, silently: bool) -> Result<bool, RedisError> {
        self.note(&Entry::User(change.user.clone())).await?;
        let mut came = CAME.key(self.online_key(&change.user));
        came.arg(self.me.to_string())
            .arg(&*change.name)
            .arg(change.coming)
            .arg(Topic::Everyone.channel(&self.redis))
            .arg(self.announcement(change, silently));
        self.redis.run(&came).await
    }

    /// A user is on a node no more. `true`: they are on no other, and all nodes are told so unless it
    /// is done `silently`. Of a node that `died` only if they were there.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn left(
        &self,
        node: NodeId,
        change: &Change,
        died: bool,
        silently: bool,
    ) -> Result<bool, RedisError> {
        let mut left = LEFT.key(self.online_key(&change.user));
        left.arg(node.to_string())
            .arg(u8::from(died))
            .arg(Topic::Everyone.channel(&self.redis))
            .arg(self.announcement(change, silently));
        let is_last = self.redis.run(&left).await?;
        self.forget(node, &Entry::User(change.user.clone())).await?;
        Ok(is_last)
    }

    /// Tells all nodes that a user came or went.
    pub fn announce(&self, change: &Change) {
        let body = Body::Presence(change.clone());
        let _ = self.bus.post(&Topic::Everyone, &body);
    }

    fn announcement(&self, change: &Change, silently: bool) -> Vec<u8> {
        match silently {
            true => Vec::new(),
            false => self.bus.written(&Body::Presence(change.clone())),
        }
    }

    /// Which of these users are online anywhere; none when Redis does not answer.
    pub async fn online(&self, users: &[UserId]) -> Vec<(UserId, Online)> {
        let ask = async |user: &UserId| {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.online_key(user));
            let fields: HashMap<String, String> = self.redis.query(&command).await.ok()?;
            let coming = fields.get(COMING)?.parse().ok()?;
            let on_a_node = fields.iter().find(|(field, _)| *field != COMING)?;
            let name = on_a_node.1.as_str().into();
            Some((user.clone(), Online { name, coming }))
        };
        let mut online = Vec::new();
        for some in users.chunks(256) {
            let answers = join_all(some.iter().map(ask)).await;
            online.extend(answers.into_iter().flatten());
        }
        online
    }

    fn online_key(&self, user: &UserId) -> String {
        self.redis.key("online", user.as_str())
    }
}
