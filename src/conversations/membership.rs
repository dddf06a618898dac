//! What becomes of the connections of who is a participant from now on, or ceases to be one. In which order is
//! decided in `follow`.

use std::sync::Arc;

use super::ConversationGuard;
use super::publish::send;
use crate::connection::Connection;
use crate::connection::rooms::To;
use crate::model::UserId;
use crate::model::conversation::ConversationDialect;

impl ConversationGuard {
    /// New participants are in the chats of their connections from now on, and all of it are told who is online.
    pub(super) async fn begin_chats(&mut self, new: &[UserId], all: &[UserId]) {
        for user in new {
            self.join_chats(user).await;
        }
        let presence = &self.conversations().presence;
        presence.began_to_share(new, all).await;
    }

    /// Ends the subscriptions of a former participant; those who share no other chat with them are told that they went.
    pub(super) async fn end_chats(&mut self, user: &UserId, others: &[UserId]) {
        self.evict_all(user).await;
        let presence = &self.conversations().presence;
        presence.ceased_to_share(user, others).await;
    }

    async fn evict_all(&mut self, user: &UserId) {
        let connections = self.connections_of(user);
        for connection in &connections {
            self.evict(connection, user).await;
        }
        self.end_listed(user);
        if !connections.is_empty() {
            let (conversations, id) = (self.conversations().clone(), self.id().clone());
            let (user, at) = (user.clone(), conversations.now_ms());
            let drain = conversations.presence.drain().clone();
            drain.spawn(async move { conversations.unfollowed(&[id], &user, at).await });
        }
    }

    /// Ends the subscription of a former participant's connection. It is notified, and so are the
    /// others.
    async fn evict(&mut self, connection: &Arc<Connection>, user: &UserId) {
        let Some(view) = self.unsubscribe(connection) else {
            return;
        };
        if let Some(stopped) = self.end_typing(connection) {
            // So small that nobody has to be waited for.
            let _ = self.send_everywhere(&stopped, To::Everyone).await;
        }
        let renderer = self.conversations().renderers.of(view.dialect);
        let id = self.id();
        send(connection, id, &renderer.evicted(id.as_client(view.id)));
        if view.dialect == ConversationDialect::Conversation {
            let at = self.conversations().now_ms();
            if let Some(left) = self.exited(user, Some(at)).await {
                let _ = self.send_local(&left, To::Everyone).await;
            }
        }
    }
}
