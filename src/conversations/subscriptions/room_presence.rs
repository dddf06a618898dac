//! The room `conversation`: which users are in it on this node, and what other nodes know of that. What
//! they could not be sent, for want of a connection to them, is remembered and published later.

use std::collections::HashSet;

use super::ConversationGuard;
use super::local::Unpublished;
use crate::cluster::{Cluster, ConversationMessage};
use crate::model::conversation::{ConversationDialect, ConversationEvent};
use crate::model::{Identity, UserId};
use crate::stores::drivers::redis::RedisError;

/// Who left a room, for [`ConversationGuard::note_left`].
struct RoomExit<'a> {
    user: &'a UserId,
    /// When; `None` while they may come back.
    at: Option<u64>,
    /// Redis surely has who was in the room, so a user whom it does not have there has not left.
    is_noted: bool,
    /// Other nodes are not notified.
    is_silent: bool,
}

impl ConversationGuard {
    /// The users of the connections in the room, one for each connection.
    fn in_room(&self) -> impl Iterator<Item = &Identity> {
        let subscribers = self.local.subscribers();
        let in_room =
            subscribers.filter(|one| one.view.dialect == ConversationDialect::Conversation);
        in_room.map(|one| &one.identity)
    }

    /// Whether others see a user in the room, on whichever node.
    pub(in crate::conversations) async fn is_in_room(&self, user: &UserId) -> bool {
        if self.has(user, ConversationDialect::Conversation) || self.absent_since(user).is_some() {
            return true;
        }
        match &self.conversations.cluster {
            Some(cluster) => cluster.is_in_room(&self.id, user).await,
            None => false,
        }
    }

    /// Whom others see in the room, on whichever node, as far as is known.
    pub(in crate::conversations) async fn all_in_room(&self) -> HashSet<UserId> {
        let local = self.in_room().map(|identity| identity.user.clone());
        let mut users: HashSet<_> = local.chain(self.local.absent.keys().cloned()).collect();
        if let Some(cluster) = &self.conversations.cluster {
            match cluster.in_room_anywhere(&self.id).await {
                Ok(remote) => users.extend(remote),
                Err(error) => tracing::debug!(%error, "who is in a room was not read"),
            }
        }
        users
    }

    /// How many connections are in the room, but for those of these users.
    pub(in crate::conversations) async fn count_in_room_except(&self, except: &[UserId]) -> usize {
        let local = self.count_except(ConversationDialect::Conversation, except);
        let Some(cluster) = &self.conversations.cluster else {
            return local;
        };
        let except = except.to_vec();
        let question = ConversationMessage::CountOthers { except };
        let answers = cluster.ask(&self.id, &question).await.into_iter();
        let remote = answers.map(|answer| usize::try_from(answer.count()).unwrap_or(usize::MAX));
        local + remote.sum::<usize>()
    }

    /// A connection was subscribed; `is_first` if its user was not in the room on this node. Other nodes
    /// are sent `entered` if the user was in it on none. How many connections are in the room, and
    /// whether the subscribers here are to be sent the event, too.
    pub(in crate::conversations) async fn entered(
        &mut self,
        entered: &ConversationEvent,
        user: &UserId,
        is_first: bool,
    ) -> (usize, bool) {
        let local = self.count(ConversationDialect::Conversation);
        let Some(cluster) = &self.conversations.cluster else {
            return (local, is_first);
        };
        let message = ConversationMessage::Event(entered.clone());
        let noted = cluster.enter_room(&self.id, user, local, Some(&message));
        match noted.await {
            Ok(presence) => {
                self.local.unpublished.remove(user);
                (presence.connections, presence.is_first)
            }
            Err(error) => {
                tracing::debug!(%error, "other nodes were not sent who entered a conversation");
                if is_first {
                    let unpublished = Unpublished::Entered;
                    self.local.unpublished.insert(user.clone(), unpublished);
                }
                (local, is_first)
            }
        }
    }

    /// A connection of this user is not in the room any more. Other nodes are notified that the user
    /// left `at` that time if they are in it on none; without a time that comes later. The event to
    /// send to the subscribers here, if they are to be sent it, too.
    pub(in crate::conversations) async fn exited(
        &mut self,
        user: &UserId,
        at: Option<u64>,
    ) -> Option<ConversationEvent> {
        let at = at.filter(|_| !self.has(user, ConversationDialect::Conversation));
        let is_last = match self.conversations.cluster.clone() {
            None => true,
            Some(cluster) => self.is_last(&cluster, user, at).await,
        };
        let user = user.clone();
        at.filter(|_| is_last)
            .map(|at| ConversationEvent::Left { user, at })
    }

    /// Whether the user is in the room on no node, as far as is known; the others are notified then.
    async fn is_last(&mut self, cluster: &Cluster, user: &UserId, at: Option<u64>) -> bool {
        let exit = RoomExit {
            user,
            at,
            // What is not in Redis yet may be missing because it lost everything.
            is_noted: cluster.is_renewed(),
            is_silent: false,
        };
        match self.note_left(cluster, exit).await {
            Ok(is_last) => {
                self.local.unpublished.remove(user);
                is_last
            }
            Err(error) => {
                tracing::debug!(%error, "other nodes were not sent who left a conversation");
                if let Some(at) = at {
                    let unpublished = Unpublished::Left(at);
                    self.local.unpublished.insert(user.clone(), unpublished);
                }
                true
            }
        }
    }

    /// Notes how many connections are in the room here, and that a user left. Whether they are in it on
    /// no node.
    async fn note_left(&self, cluster: &Cluster, exit: RoomExit<'_>) -> Result<bool, RedisError> {
        let RoomExit {
            user,
            at,
            is_noted,
            is_silent,
        } = exit;
        let local = self.count(ConversationDialect::Conversation);
        let message = |at| {
            let user = user.clone();
            ConversationMessage::Event(ConversationEvent::Left { user, at })
        };
        let left = at.filter(|_| !is_silent).map(message);
        let gone = at.map(|_| (user, left.as_ref()));
        let node = cluster.node_id();
        let noted = cluster.leave_room(node, &self.id, local, gone, is_noted);
        let is_last = noted.await?;
        if local == 0 && self.local.absent.is_empty() {
            cluster.forget_room(node, &self.id).await?;
        }
        Ok(is_last)
    }

    /// Notes everything again, after there was no connection to other nodes for a while; what they are
    /// to be sent when all of them are connected again. What they were sent before is no news, even if
    /// it was `forgotten` meanwhile.
    ///
    /// # Errors
    /// There is no connection again.
    pub(crate) async fn renew(
        &mut self,
        cluster: &Cluster,
        forgotten: bool,
    ) -> Result<Vec<(UserId, Unpublished)>, RedisError> {
        let mut unreported = self.renew_gone(cluster).await?;
        let users: Vec<UserId> = self.in_room().map(|user| user.user.clone()).collect();
        for user in &users {
            let noted = cluster.enter_room(&self.id, user, users.len(), None);
            let presence = noted.await?;
            let is_new = self.local.unpublished.remove(user).is_some() || !forgotten;
            if presence.is_first && is_new {
                unreported.push((user.clone(), Unpublished::Entered));
            }
        }
        for user in self.local.absent.keys() {
            cluster
                .enter_room(&self.id, user, users.len(), None)
                .await?;
        }
        for (user, unpublished) in std::mem::take(&mut self.local.unpublished) {
            if let Unpublished::Left(at) = unpublished {
                let exit = RoomExit {
                    user: &user,
                    at: Some(at),
                    is_noted: false,
                    is_silent: true,
                };
                if self.note_left(cluster, exit).await? {
                    unreported.push((user, unpublished));
                }
            }
        }
        Ok(unreported)
    }

    /// Removes from Redis who is no longer in the room on this node.
    async fn renew_gone(
        &mut self,
        cluster: &Cluster,
    ) -> Result<Vec<(UserId, Unpublished)>, RedisError> {
        let mut unreported = Vec::new();
        let now = self.conversations.now_ms();
        for user in cluster.in_room(cluster.node_id(), &self.id).await? {
            let may_return = self.local.absent.contains_key(&user);
            if !may_return && !self.has(&user, ConversationDialect::Conversation) {
                let exit = RoomExit {
                    user: &user,
                    at: Some(now),
                    is_noted: true,
                    is_silent: true,
                };
                if self.note_left(cluster, exit).await? {
                    unreported.push((user.clone(), Unpublished::Left(now)));
                }
                self.local.unpublished.remove(&user);
            }
        }
        Ok(unreported)
    }

    /// Sends other nodes what they could not be sent before, if it is still so.
    pub(crate) async fn publish_later(
        &self,
        cluster: &Cluster,
        user: &UserId,
        unreported: Unpublished,
    ) {
        let local = self.in_room().find(|one| one.user == *user);
        let event = match (unreported, local) {
            (Unpublished::Entered, Some(identity)) => ConversationEvent::Entered(identity.clone()),
            (Unpublished::Left(at), None) if !cluster.is_in_room(&self.id, user).await => {
                let user = user.clone();
                ConversationEvent::Left { user, at }
            }
            _ => return,
        };
        let message = ConversationMessage::Event(event);
        self.conversations.send_to_nodes(&self.id, &message);
    }
}
