//! Who was sent, on request, that users follow a conversation: they are sent, too, when one of those ceases to, unless
//! the room `conversation` sends it to them, since both are in it. It must not know what else is sent to whom.

mod lists;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

pub(super) use self::lists::Listed;
use super::{ConversationGuard, Conversations};
use crate::cluster::ConversationMessage;
use crate::connection::Connection;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, IdType, TypedId, View,
};
use crate::users::Member;

/// After how long it is looked again, at least, whether somebody has come back.
const SHORTEST_GRACE: Duration = Duration::from_millis(100);

impl ConversationGuard {
    /// A connection is sent that these users follow the conversation.
    pub(super) async fn note_listed<'a>(
        &self,
        member: &Member,
        id_type: IdType,
        users: impl Iterator<Item = &'a UserId>,
    ) {
        let conversation = TypedId {
            id: self.id().clone(),
            id_type,
        };
        let in_room = match self.is_one_of_room(member.connection.id.uuid()) {
            true => self.all_in_room().await,
            false => HashSet::new(),
        };
        let others = users.filter(|user| **user != member.user.id && !in_room.contains(*user));
        let listed = &self.conversations().listed;
        listed.add(member, &conversation, others.cloned());
    }

    /// A connection is in the room, too, from now on.
    pub(super) async fn hand_listed_to_room(&self, connection: &Connection) {
        let (listed, asker) = (&self.conversations().listed, connection.id.uuid());
        if listed.has(asker, self.id()) {
            for user in self.all_in_room().await {
                listed.take(&user, self.id(), |id| id == asker);
            }
        }
    }

    /// The room is sent that a user entered or left.
    pub(super) fn forget_listed(&self, event: &ConversationEvent) {
        let user = match event {
            ConversationEvent::Entered(identity) => &identity.user,
            ConversationEvent::Left { user, .. } => user,
            _ => return,
        };
        let listed = &self.conversations().listed;
        listed.take(user, self.id(), |id| self.is_one_of_room(id));
    }

    /// Sends those who were sent that a user follows this conversation that they do not any more.
    fn send_unlisted(&self, user: &UserId, at: u64, is_it: impl Fn(Uuid) -> bool) {
        let askers = self.conversations().listed.take(user, self.id(), is_it);
        let user = user.clone();
        let left = ConversationEvent::Left { user, at };
        for (connection, id) in askers {
            let dialect = ConversationDialect::Conversation;
            self.send_to(&connection, View { dialect, id }, &left);
        }
    }

    /// What a former participant was sent of the conversation ends with the participation.
    pub(super) fn end_listed(&self, user: &UserId) {
        let conversations = self.conversations();
        for connection in conversations.users.connections(user.as_str()) {
            conversations.listed.end_of(&connection, self.id());
        }
    }

    /// Whether a connection is in the room `conversation`.
    fn is_one_of_room(&self, id: Uuid) -> bool {
        let connection = self.connection(id);
        let view = connection.and_then(|connection| self.view_of(&connection));
        view.is_some_and(|view| view.dialect == ConversationDialect::Conversation)
    }

    /// Whether a user follows the conversation on this node, or may come back to it.
    fn is_followed_by(&self, user: &UserId) -> bool {
        self.users().contains(user) || self.absent_since(user).is_some()
    }
}

impl Conversations {
    /// A connection of a user follows these conversations no longer: unless another one does, that is published.
    pub(super) async fn unfollowed(
        self: &Arc<Self>,
        conversations: &[ConversationId],
        user: &UserId,
        at: u64,
    ) {
        for id in conversations {
            if !self.lock(id).await.is_followed_by(user) {
                let user = user.clone();
                self.send_to_nodes(id, &ConversationMessage::Unfollowed { user, at });
            }
            self.follower_left(id, user, at).await;
        }
    }

    /// A user may follow a conversation no longer, on whichever node: who was sent that they do is sent that, if so.
    pub(super) async fn follower_left(
        self: &Arc<Self>,
        id: &ConversationId,
        user: &UserId,
        at: u64,
    ) {
        if self.settle_listed(id, user, at).await {
            return;
        }
        let (conversations, id, user) = (self.clone(), id.clone(), user.clone());
        let grace = self.config.now().offline_grace.max(SHORTEST_GRACE);
        let drain = self.presence.drain().clone();
        self.presence.drain().spawn(async move {
            loop {
                drain.sleep(grace).await;
                if conversations.settle_listed(&id, &user, at).await || drain.has_begun() {
                    return;
                }
            }
        });
    }

    /// `false`: they may come back to the room on another node, and are still seen there. That this is over, a node
    /// does not hear on which nobody follows the conversation.
    async fn settle_listed(self: &Arc<Self>, id: &ConversationId, user: &UserId, at: u64) -> bool {
        if !self.listed.of_user(user).contains(id) || self.online_remote(id).await.contains(user) {
            return true;
        }
        let guard = self.lock(id).await;
        if guard.is_followed_by(user) {
            return true;
        }
        let is_over = !guard.is_in_room(user).await;
        if is_over {
            guard.send_unlisted(user, at, |_| true);
        }
        is_over
    }

    /// A user went offline on all nodes.
    pub(crate) async fn went_offline(self: &Arc<Self>, user: &UserId, at: u64) {
        for id in self.listed.of_user(user) {
            self.follower_left(&id, user, at).await;
        }
    }

    /// A user is not to know of another one any more: what they were sent on request ends, but in rooms that both are in.
    pub(super) async fn hide_listed(self: &Arc<Self>, user: &UserId, other: &UserId) {
        let connections = self.users.connections(user.as_str());
        let is_theirs = |id| connections.iter().any(|one| one.id.uuid() == id);
        for id in self.listed.of_user(other) {
            let guard = self.lock(&id).await;
            let is_in_room = guard.is_in_room(other).await;
            let is_told = |id| is_in_room && guard.is_one_of_room(id);
            guard.send_unlisted(other, self.now_ms(), |id| is_theirs(id) && !is_told(id));
        }
    }
}
