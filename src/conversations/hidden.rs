//! Whose presence in the room `conversation` is hidden from whom: that of a user from those whom they have blocked.

use std::sync::Arc;

use super::publish::send;
use super::{ConversationGuard, Conversations};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::conversation::{ConversationDialect, ConversationEvent, View};
use crate::model::{Identity, UserId};
use crate::stores::conversations::StoreError;

impl ConversationGuard {
    /// The users here who may not know of an event.
    pub(super) async fn hidden_from(&self, event: &ConversationEvent) -> Vec<UserId> {
        let (ConversationEvent::Entered(Identity { user, .. })
        | ConversationEvent::Left { user, .. }) = event
        else {
            return Vec::new();
        };
        let users = &self.conversations().users;
        let mut hidden_from = Vec::new();
        for other in self.users() {
            if users.is_blocked(other, user).await {
                hidden_from.push(other.clone());
            }
        }
        hidden_from
    }

    /// The participants who have blocked a user.
    pub(super) async fn blockers_of(&self, user: &UserId) -> Vec<UserId> {
        let users = &self.conversations().users;
        users.blockers_among(user, self.participants()).await
    }

    /// Sends an event to the subscribers here but for those users, each by themselves: it should be rare, or small.
    pub(super) fn send_except(
        &self,
        event: &ConversationEvent,
        to: To<'_>,
        except: &[UserId],
    ) -> Lagging {
        for (connection, view) in self.connections_except(except) {
            if to.includes(&connection) {
                self.send_to(&connection, view, event);
            }
        }
        // So small that nobody has to be waited for.
        Lagging::default()
    }

    /// Sends an event to one connection here.
    pub(super) fn send_to(
        &self,
        connection: &Arc<Connection>,
        view: View,
        event: &ConversationEvent,
    ) {
        let (renderer, id) = (self.conversations().renderers.of(view.dialect), self.id());
        send(
            connection,
            id,
            &renderer.event(event, id.as_client(view.id)),
        );
    }
}

impl Conversations {
    /// Sends a user that another one went offline, or is online, in the rooms `conversation` that both are in.
    pub(super) async fn show_in_rooms(
        self: &Arc<Self>,
        user: &UserId,
        other: &UserId,
        online: bool,
    ) -> Result<(), StoreError> {
        if !online {
            self.hide_listed(user, other).await;
        }
        for connection in self.users.connections(user.as_str()) {
            for id in self.subscriptions_of(&connection) {
                let guard = self.lock(&id).await;
                let view = guard.view_of(&connection);
                let view = view.filter(|view| view.dialect == ConversationDialect::Conversation);
                let Some(view) = view else {
                    continue;
                };
                if !guard.is_in_room(other).await {
                    continue;
                }
                let event = match online {
                    true => {
                        let known = self.stores().users.find(other).await?;
                        let Some(known) = known else {
                            continue;
                        };
                        ConversationEvent::Entered(known.into())
                    }
                    false => ConversationEvent::Left {
                        user: other.clone(),
                        at: self.now_ms(),
                    },
                };
                guard.send_to(&connection, view, &event);
            }
        }
        Ok(())
    }
}
