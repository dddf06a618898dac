//! One conversation, locked: its subscribers on this node, who types, and who is absent.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use uuid::Uuid;

use super::local::{LocalState, Subscriber, Typist};
use super::turns::Turn;
use crate::connection::Connection;
use crate::conversations::Conversations;
use crate::model::conversation::{ConversationDialect, ConversationId, View};
use crate::model::{Identity, UserId};

/// One conversation, locked on this node: what is stored of it and what is published are in one order.
/// It must not be held while waiting for a client.
#[derive(Debug)]
pub(crate) struct ConversationGuard {
    pub(super) conversations: Arc<Conversations>,
    pub(super) id: ConversationId,
    pub(in crate::conversations) local: OwnedMutexGuard<LocalState>,
    /// Ends behind the lock.
    _turn: Turn,
}

impl ConversationGuard {
    pub(super) fn new(
        conversations: Arc<Conversations>,
        id: ConversationId,
        local: OwnedMutexGuard<LocalState>,
        turn: Turn,
    ) -> Self {
        Self {
            conversations,
            id,
            local,
            _turn: turn,
        }
    }

    /// The service that it belongs to.
    pub(in crate::conversations) fn conversations(&self) -> &Arc<Conversations> {
        &self.conversations
    }

    /// Its id.
    pub(crate) fn id(&self) -> &ConversationId {
        &self.id
    }

    /// Whether anybody is subscribed.
    pub(in crate::conversations) fn has_subscribers(&self) -> bool {
        self.local.has_subscribers()
    }

    /// The distinct users who are subscribed, by any dialect, by id.
    pub(in crate::conversations) fn users(&self) -> BTreeSet<&UserId> {
        self.local
            .subscribers()
            .map(|one| &one.identity.user)
            .collect()
    }

    /// How many connections are subscribed by this dialect.
    pub(in crate::conversations) fn count(&self, dialect: ConversationDialect) -> usize {
        let subscribers = self.local.subscribers();
        subscribers
            .filter(|one| one.view.dialect == dialect)
            .count()
    }

    /// The same but for connections of these users.
    pub(in crate::conversations) fn count_except(
        &self,
        dialect: ConversationDialect,
        except: &[UserId],
    ) -> usize {
        let others = self.connections_except(except).into_iter();
        others.filter(|(_, view)| view.dialect == dialect).count()
    }

    /// Whether a user has a connection that is subscribed by this dialect.
    pub(in crate::conversations) fn has(
        &self,
        user: &UserId,
        dialect: ConversationDialect,
    ) -> bool {
        self.local.has(user, dialect)
    }

    /// How a connection is subscribed.
    pub(in crate::conversations) fn view_of(&self, connection: &Connection) -> Option<View> {
        self.local.view_of(connection)
    }

    /// Has other nodes send this one what is published of the conversation. `false`: they do already,
    /// or there are none.
    pub(in crate::conversations) async fn listen(&mut self) -> bool {
        let Some(cluster) = &self.conversations.cluster else {
            return false;
        };
        if self.local.subscription.is_some() {
            return false;
        }
        let subscription = cluster.bus().subscribe(self.id.clone()).await;
        self.local.subscription = Some(subscription);
        true
    }

    /// Subscribes a connection. An earlier subscription of it ends.
    pub(in crate::conversations) fn subscribe(
        &mut self,
        connection: &Arc<Connection>,
        identity: &Identity,
        view: View,
    ) {
        let new = Subscriber {
            connection: connection.clone(),
            identity: identity.clone(),
            view,
        };
        let before = self.local.add(&self.id, new);
        let subscriptions = &self.conversations.subscriptions;
        subscriptions.add(connection, &self.id, before, view);
    }

    /// Ends a connection's subscription; which one it was.
    pub(in crate::conversations) fn unsubscribe(
        &mut self,
        connection: &Connection,
    ) -> Option<View> {
        let view = self.local.remove(connection)?.view;
        let subscriptions = &self.conversations.subscriptions;
        subscriptions.remove(connection, &self.id, view);
        Some(view)
    }

    /// All connections that are subscribed.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        let all = self.local.subscribers();
        all.map(|one| one.connection.clone()).collect()
    }

    /// The connection with this id, if it is subscribed on this node.
    pub(in crate::conversations) fn connection(&self, id: Uuid) -> Option<Arc<Connection>> {
        self.local.connection(id)
    }

    /// The connections of a user that are subscribed.
    pub(in crate::conversations) fn connections_of(&self, user: &UserId) -> Vec<Arc<Connection>> {
        let theirs = self
            .local
            .subscribers()
            .filter(|one| one.identity.user == *user);
        theirs.map(|one| one.connection.clone()).collect()
    }

    /// All connections that are subscribed, and how, but for those of these users.
    pub(in crate::conversations) fn connections_except(
        &self,
        except: &[UserId],
    ) -> Vec<(Arc<Connection>, View)> {
        let subscribers = self.local.subscribers();
        let others = subscribers.filter(|one| !except.contains(&one.identity.user));
        others
            .map(|one| (one.connection.clone(), one.view))
            .collect()
    }

    // Typing and absence.

    /// Someone types on a connection until then. `true`: they did not before.
    pub(in crate::conversations) fn set_typing(
        &mut self,
        typist: Uuid,
        user: &Identity,
        until: Instant,
    ) -> bool {
        let user = user.clone();
        let before = self.local.typing.insert(typist, Typist { user, until });
        before.is_none()
    }

    /// Until when someone types on a connection.
    pub(in crate::conversations) fn types_until(&self, typist: Uuid) -> Option<Instant> {
        self.local.typing.get(&typist).map(|typist| typist.until)
    }

    /// Nobody types on a connection any more; who did.
    pub(in crate::conversations) fn unset_typing(&mut self, typist: Uuid) -> Option<Identity> {
        let typist = self.local.typing.remove(&typist);
        typist.map(|typist| typist.user)
    }

    /// Whether a user types on any connection.
    pub(in crate::conversations) fn is_typing(&self, user: &UserId) -> bool {
        let mut typists = self.local.typing.values();
        typists.any(|typist| typist.user.user == *user)
    }

    /// A user left the room `conversation`, which others do not know yet.
    pub(in crate::conversations) fn set_absent(&mut self, user: &UserId, at: u64) {
        self.local.absent.insert(user.clone(), at);
    }

    /// The user is not absent any more; since when they were.
    pub(in crate::conversations) fn unset_absent(&mut self, user: &UserId) -> Option<u64> {
        self.local.absent.remove(user)
    }

    /// Since when a user is absent.
    pub(in crate::conversations) fn absent_since(&self, user: &UserId) -> Option<u64> {
        self.local.absent.get(user).copied()
    }
}

impl Drop for ConversationGuard {
    fn drop(&mut self) {
        if self.local.is_idle() {
            // Whoever waits for the lock holds the state, too, and removes it in turn.
            const OWN_AND_THE_MAPS: usize = 2;
            let subscriptions = &self.conversations.subscriptions;
            let removed = subscriptions.local.remove_if(&self.id, |_, local| {
                Arc::strong_count(&local.state) <= OWN_AND_THE_MAPS
            });
            if let (Some(_), Some(followed)) = (removed, &self.local.followed) {
                let mut last = subscriptions.last_published.lock();
                last.put(self.id.clone(), followed.number());
            }
        }
    }
}
