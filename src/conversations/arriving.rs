//! What follows a join once it is answered: others are told of it, and it of who is in the room `conversation` already,
//! since it is told when they leave. It must not know who may join.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ConversationGuard, Conversations};
use crate::connection::Connection;
use crate::connection::rooms::To;
use crate::model::conversation::{ConversationEvent, View};
use crate::model::{Identity, UserId};

impl Conversations {
    /// Tells of a join, and it of who is in the room that it is `arriving` in.
    pub(super) async fn finish_join(
        self: Arc<Self>,
        guard: ConversationGuard,
        (connection, user): (Arc<Connection>, UserId),
        entered: Option<ConversationEvent>,
        arriving: Option<View>,
    ) {
        if let Some(entered) = entered {
            // So small that nobody has to be waited for.
            let _ = guard.publish_local(&entered, To::Others(&connection)).await;
        }
        if let Some(view) = arriving {
            guard.send_present(&connection, &user, view).await;
        }
        let id = guard.id().clone();
        drop(guard);
        if let Err(error) = self.mark_all_delivered(&id, &user).await {
            // The join stands: they count as delivered at the next one.
            tracing::warn!(%error, "what was delivered by a join was not noted");
        }
    }
}

impl ConversationGuard {
    /// Sends a connection of this user which others are in the room, as if each came now, but for those who have
    /// blocked the user.
    async fn send_present(&self, connection: &Arc<Connection>, user: &UserId, view: View) {
        let mut others = self.all_in_room().await;
        others.remove(user);
        let users = &self.conversations().users;
        for blocker in users.blockers_among(user, others.clone()).await {
            others.remove(&blocker);
        }
        if others.is_empty() {
            return;
        }
        let mut others: Vec<_> = others.into_iter().collect();
        others.sort();
        for identity in self.named(others).await {
            self.send_to(connection, view, &ConversationEvent::Entered(identity));
        }
    }

    /// These users with their names; by their ids while the store does not say.
    async fn named(&self, users: Vec<UserId>) -> Vec<Identity> {
        let found = self.conversations().stores().users.find_all(&users).await;
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(%error, "the names of who is in a conversation were not read");
            Vec::new()
        });
        let known = found.into_iter().map(|user| (user.id.clone(), user));
        let mut known: HashMap<_, _> = known.collect();
        let named = users.into_iter().map(|user| match known.remove(&user) {
            Some(record) => record.into(),
            None => Identity {
                name: user.as_name(),
                user,
                avatar_url: None,
            },
        });
        named.collect()
    }
}
