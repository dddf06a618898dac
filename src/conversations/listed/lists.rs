//! Which connections were sent of which users that they follow which conversation: bounded, and counted as held by their
//! users. It must not know what is sent of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::connection::Connection;
use crate::limits::Held;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, IdType, TypedId};
use crate::users::Member;

/// The most users, in all conversations together, of whom one connection is sent that they ceased.
const MAX_LISTED: usize = 10_000;
/// What one of them takes, about.
const BYTES: usize = 192;

/// What all connections here were sent on request.
#[derive(Debug, Default)]
pub(in crate::conversations) struct Listed(Mutex<Lists>);

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
    pub(super) fn add(
        &self,
        member: &Member,
        conversation: &TypedId,
        users: impl Iterator<Item = UserId>,
    ) {
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

    /// Whether a connection was sent of somebody that they follow a conversation.
    pub(super) fn has(&self, id: Uuid, conversation: &ConversationId) -> bool {
        let lists = self.0.lock();
        let mut sent = lists
            .askers
            .get(&id)
            .into_iter()
            .flat_map(|asker| asker.sent.keys());
        sent.any(|(other, _)| other == conversation)
    }

    /// The conversations of which somebody was sent that a user follows them.
    pub(super) fn of_user(&self, user: &UserId) -> HashSet<ConversationId> {
        let lists = self.0.lock();
        let listed = lists.of.get(user).into_iter().flatten();
        listed
            .map(|(_, conversation)| conversation.clone())
            .collect()
    }

    /// Those connections are not sent any more that a user ceases to follow a conversation; which those are, by which
    /// type of its id.
    pub(super) fn take(
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
    pub(in crate::conversations) fn end(&self, connection: &Connection) {
        self.0.lock().end(connection.id.uuid(), |_| true);
    }

    /// A connection's user participates in a conversation no longer.
    pub(super) fn end_of(&self, connection: &Connection, conversation: &ConversationId) {
        let mut lists = self.0.lock();
        lists.end(connection.id.uuid(), |one| one == conversation);
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
