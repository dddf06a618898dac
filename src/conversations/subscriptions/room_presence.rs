//! The room `conversation`: who is in it on this server, and what other servers are told of that. What
//! they could not be told, because there was no connection to them, is remembered and told later.

use super::ConversationGuard;
use crate::cluster::{Cluster, ConversationMessage};
use crate::conversations::ConversationEvent;
use crate::model::conversation::Shape;
use crate::model::{Identity, UserId};
use crate::stores::drivers::redis::RedisError;

/// What other servers could not be told of a user.
#[derive(Debug, Clone, Copy)]
pub enum Unpublished {
    /// They entered the room.
    Entered,
    /// They left it, at this time.
    Left(u64),
}

impl ConversationGuard {
    /// The users of the connections in the room, one for each connection.
    fn in_room(&self) -> impl Iterator<Item = &Identity> {
        let subscribers = self.local.subscribers();
        let in_room = subscribers.filter(|one| one.view.shape == Shape::Conversation);
        in_room.filter_map(|one| Some(&one.connection.member()?.identity))
    }

    /// A connection was subscribed, which for this server `is_news` of its user. Tells other servers
    /// if the user was in the room nowhere. How many connections are in it, and whether those here
    /// are still to be told.
    pub async fn entered(
        &mut self,
        entered: &ConversationEvent<'_>,
        user: &UserId,
        is_news: bool,
    ) -> (usize, bool) {
        let here = self.count(Shape::Conversation);
        let Some(cluster) = &self.conversations.cluster else {
            return (here, is_news);
        };
        let message = ConversationMessage::Event(entered.into());
        match cluster
            .enter_room(&self.id, user, here, Some(&message))
            .await
        {
            Ok(attendance) => {
                self.local.unpublished.remove(user);
                (attendance.connections, attendance.is_first)
            }
            Err(error) => {
                tracing::debug!(%error, "others were not told who entered a conversation");
                if is_news {
                    self.local
                        .unpublished
                        .insert(user.clone(), Unpublished::Entered);
                }
                (here, is_news)
            }
        }
    }

    /// A connection of this user is not in the room any more. Others are told that the user left
    /// `at` that time if they are in it nowhere; without a time that comes later.
    pub async fn exited(&mut self, user: &UserId, at: Option<u64>) {
        let at = at.filter(|_| !self.has(user, Shape::Conversation));
        let is_last = match self.conversations.cluster.clone() {
            None => true,
            Some(cluster) => self.is_last(&cluster, user, at).await,
        };
        if is_last && let Some(at) = at {
            // So small that nobody has to be waited for.
            let _ = self
                .publish_local(&ConversationEvent::Left { user, at })
                .await;
        }
    }

    /// Whether the user is in the room nowhere, as far as is known; other servers are told then.
    async fn is_last(&mut self, cluster: &Cluster, user: &UserId, at: Option<u64>) -> bool {
        // What is not in Redis yet may be so because it has forgotten everything.
        let there = cluster.is_renewed();
        match self.note_left(cluster, user, at, (there, false)).await {
            Ok(is_last) => {
                self.local.unpublished.remove(user);
                is_last
            }
            Err(error) => {
                tracing::debug!(%error, "others were not told who left a conversation");
                if let Some(at) = at {
                    self.local
                        .unpublished
                        .insert(user.clone(), Unpublished::Left(at));
                }
                true
            }
        }
    }

    /// Notes how many connections are here, and that a user left, if there is a time at which they
    /// did: only if it is known `there` that they were in the room. Other servers are told, unless it
    /// is `silent`.
    async fn note_left(
        &self,
        cluster: &Cluster,
        user: &UserId,
        at: Option<u64>,
        (there, silent): (bool, bool),
    ) -> Result<bool, RedisError> {
        let here = self.count(Shape::Conversation);
        let message =
            |at| ConversationMessage::Event((&ConversationEvent::Left { user, at }).into());
        let left = at.filter(|_| !silent).map(message);
        let gone = at.map(|_| (user, left.as_ref()));
        let is_last = cluster
            .leave_room(cluster.node_id(), &self.id, here, gone, there)
            .await?;
        if here == 0 && self.local.absent.is_empty() {
            cluster.forget_room(cluster.node_id(), &self.id).await?;
        }
        Ok(is_last)
    }

    /// Notes everything again, after there was no connection to other servers for a while: what they
    /// are to be told when they are all connected again. What they were told before is no news even
    /// if it was `forgotten` meanwhile.
    ///
    /// # Errors
    /// There is no connection again.
    pub async fn renew(
        &mut self,
        cluster: &Cluster,
        forgotten: bool,
    ) -> Result<Vec<(UserId, Unpublished)>, RedisError> {
        let mut news = Vec::new();
        let now = self.conversations.now_ms();
        for user in cluster.in_room(cluster.node_id(), &self.id).await? {
            let may_return = self.local.absent.contains_key(&user);
            if !may_return && !self.has(&user, Shape::Conversation) {
                let left = self.note_left(cluster, &user, Some(now), (true, true));
                if left.await? {
                    news.push((user.clone(), Unpublished::Left(now)));
                }
                self.local.unpublished.remove(&user);
            }
        }
        let users: Vec<UserId> = self.in_room().map(|user| user.user.clone()).collect();
        for user in &users {
            let attendance = cluster
                .enter_room(&self.id, user, users.len(), None)
                .await?;
            let is_news = self.local.unpublished.remove(user).is_some() || !forgotten;
            if attendance.is_first && is_news {
                news.push((user.clone(), Unpublished::Entered));
            }
        }
        for user in self.local.absent.keys() {
            cluster
                .enter_room(&self.id, user, users.len(), None)
                .await?;
        }
        for (user, unsaid) in std::mem::take(&mut self.local.unpublished) {
            if let Unpublished::Left(at) = unsaid {
                let left = self.note_left(cluster, &user, Some(at), (false, true));
                if left.await? {
                    news.push((user, unsaid));
                }
            }
        }
        Ok(news)
    }

    /// Tells other servers what they could not be told before, if it is still so.
    pub async fn publish_late(&self, cluster: &Cluster, user: &UserId, news: Unpublished) {
        let here = self.in_room().find(|one| one.user == *user);
        let event = match (news, here) {
            (Unpublished::Entered, Some(user)) => ConversationEvent::Entered { but: None, user },
            (Unpublished::Left(at), None) if !cluster.is_in_room(&self.id, user).await => {
                ConversationEvent::Left { user, at }
            }
            _ => return,
        };
        self.conversations
            .send(&self.id, &ConversationMessage::Event((&event).into()));
    }
}
