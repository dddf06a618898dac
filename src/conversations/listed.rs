//! Who was sent, on request, that users follow a conversation: they are sent, too, when one of those ceases to, which
//! only the room `conversation` is sent otherwise. It must not know what else is sent to whom.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use super::{ConversationGuard, Conversations};
use crate::cluster::ConversationMessage;
use crate::connection::Connection;
use crate::limits::Held;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, IdType, TypedId, View,
};
use crate::users::Member;

/// The most users, in all conversations together, of whom one connection is sent that they ceased.
const MAX_LISTED: usize = 10_000;
/// What one of them takes, about.
const BYTES: usize = 192;
/// After how long it is looked again, at least, whether somebody has come back.
const SHORTEST_GRACE: Duration = Duration::from_millis(100);

/// What all connections here were sent on request.
#[derive(Debug, Default)]
pub(super) struct Listed(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    askers: HashMap<Uuid, Asker>,
    /// Who was sent that a user follows which conversation.
    of: HashMap<UserId, HashSet<(Uuid, ConversationId)>>,
}

/// A connection that asked.
#[derive(Debug)]
struct Asker {
    connection: Arc<Connection>,
    /// Of which users in which conversation, by an id of this type.
    sent: HashMap<(ConversationId, UserId), IdType>,
    held: Held,
}

impl Listed {
    /// A connection was sent that these users follow a conversation.
    fn add(&self, member: &Member, conversation: &TypedId, users: impl Iterator<Item = UserId>) {
        let connection = &member.connection;
        let id = connection.id.uuid();
        let mut lists = self.0.lock();
        let Lists { askers, of } = &mut *lists;
        let asker = askers.entry(id).or_insert_with(|| Asker {
            connection: connection.clone(),
            sent: HashMap::new(),
            held: Held::of(member.user.account.clone()),
        });
        for user in users {
            if asker.sent.len() < MAX_LISTED {
                let listed = (id, conversation.id.clone());
                of.entry(user.clone()).or_default().insert(listed);
                let sent = (conversation.id.clone(), user);
                asker.sent.insert(sent, conversation.id_type);
            }
        }
        asker.held.set(BYTES * asker.sent.len());
        // Its end came before, and finds it no more.
        if connection.is_closed() {
            lists.end(id, |_| true);
        }
    }

    /// The conversations of which somebody was sent that a user follows them.
    fn of_user(&self, user: &UserId) -> HashSet<ConversationId> {
        let lists = self.0.lock();
        let listed = lists.of.get(user).into_iter().flatten();
        listed
            .map(|(_, conversation)| conversation.clone())
            .collect()
    }

    /// Those connections are not sent any more that a user ceases to follow a conversation; which those are, by which
    /// type of its id.
    fn take(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        is_it: impl Fn(Uuid) -> bool,
    ) -> Vec<(Arc<Connection>, IdType)> {
        let mut lists = self.0.lock();
        let listed = lists.of.get(user).into_iter().flatten();
        let askers = listed.filter(|(id, other)| other == conversation && is_it(*id));
        let askers: Vec<_> = askers.map(|(id, _)| *id).collect();
        let taken = askers.into_iter();
        taken
            .filter_map(|id| lists.remove(id, conversation, user))
            .collect()
    }

    /// A connection has ended.
    pub(super) fn end(&self, connection: &Connection) {
        self.0.lock().end(connection.id.uuid(), |_| true);
    }
}

impl Lists {
    fn remove(
        &mut self,
        id: Uuid,
        conversation: &ConversationId,
        user: &UserId,
    ) -> Option<(Arc<Connection>, IdType)> {
        self.forget(id, conversation, user);
        let asker = self.askers.get_mut(&id)?;
        let id_type = asker.sent.remove(&(conversation.clone(), user.clone()))?;
        asker.held.set(BYTES * asker.sent.len());
        let connection = asker.connection.clone();
        if asker.sent.is_empty() {
            self.askers.remove(&id);
        }
        Some((connection, id_type))
    }

    /// What a connection was sent of these conversations ends.
    fn end(&mut self, id: Uuid, is_it: impl Fn(&ConversationId) -> bool) {
        let sent = self.askers.get(&id).into_iter();
        let sent = sent.flat_map(|asker| asker.sent.keys());
        let ended = sent.filter(|(conversation, _)| is_it(conversation));
        for (conversation, user) in ended.cloned().collect::<Vec<_>>() {
            self.remove(id, &conversation, &user);
        }
    }

    fn forget(&mut self, id: Uuid, conversation: &ConversationId, user: &UserId) {
        if let Some(listed) = self.of.get_mut(user) {
            listed.remove(&(id, conversation.clone()));
            if listed.is_empty() {
                self.of.remove(user);
            }
        }
    }
}

impl ConversationGuard {
    /// A connection is sent that these users follow the conversation.
    pub(super) fn note_listed<'a>(
        &self,
        member: &Member,
        id_type: IdType,
        users: impl Iterator<Item = &'a UserId>,
    ) {
        let conversation = TypedId {
            id: self.id().clone(),
            id_type,
        };
        let others = users.filter(|user| **user != member.user.id).cloned();
        let listed = &self.conversations().listed;
        listed.add(member, &conversation, others);
    }

    /// The room is sent that a user left.
    pub(super) fn forget_listed(&self, event: &ConversationEvent) {
        if let ConversationEvent::Left { user, .. } = event {
            let listed = &self.conversations().listed;
            listed.take(user, self.id(), |id| self.is_one_of_room(id));
        }
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
            let mut lists = conversations.listed.0.lock();
            lists.end(connection.id.uuid(), |conversation| {
                conversation == self.id()
            });
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
        let grace = self.config.offline_grace.max(SHORTEST_GRACE);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(grace).await;
                if conversations.settle_listed(&id, &user, at).await {
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
