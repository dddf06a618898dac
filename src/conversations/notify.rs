//! Notifications of single users of what happened in a conversation, whether they are subscribed or not.

use std::sync::Arc;

use smallvec::SmallVec;
use uuid::Uuid;

use super::publish::{Delivery, send};
use super::render::RenderedEvents;
use super::{ConversationGuard, Conversations};
use crate::cluster::UserMessage;
use crate::connection::rooms::Lagging;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationId, Extra, ParticipantsChange, Role, UserNotification, View,
};

impl ConversationGuard {
    /// Participants of a conversation that was made are notified.
    pub(super) async fn announce_created(
        &mut self,
        participants: Vec<(UserId, Role)>,
        change: ParticipantsChange,
    ) -> Delivery {
        let users: Vec<_> = participants.into_iter().map(|(user, _)| user).collect();
        self.begin_chats(&users, &users).await;
        let created = UserNotification::Created(change);
        self.notify_here(&users, &created).await
    }

    /// Notifies those here who were invited, each of their own invitation.
    pub(super) async fn notify_all_invited(
        &self,
        invited: Vec<(UserId, Arc<str>)>,
        by: Option<&UserId>,
        created: &ParticipantsChange,
    ) -> Delivery {
        let mut delivery = Delivery::default();
        for (user, name) in invited {
            let invitation = UserNotification::Added(ParticipantsChange {
                names: vec![name],
                extra: Extra::default(),
                ..created.clone()
            });
            delivery.add(self.notify_invited(&user, by, &invitation).await);
        }
        delivery
    }

    /// Notifies an invited user here of what somebody did whom they have not blocked.
    pub(super) async fn notify_invited(
        &self,
        user: &UserId,
        by: Option<&UserId>,
        notification: &UserNotification,
    ) -> Delivery {
        let conversations = self.conversations();
        if conversations.users.connections(user.as_str()).is_empty() {
            return Delivery::default();
        }
        if let Some(by) = by {
            let blocked = conversations.stores().blocks.find(user, by).await;
            if !matches!(blocked, Ok(None)) {
                return Delivery::default();
            }
        }
        self.notify_here(std::slice::from_ref(user), notification)
            .await
    }

    pub(super) async fn notify_here(
        &self,
        users: &[UserId],
        notification: &UserNotification,
    ) -> Delivery {
        let conversations = self.conversations();
        let lagging = conversations.notify_local(self.id(), users, notification, None);
        Delivery::of_other(lagging.await)
    }
}

impl Conversations {
    /// Notifies a user of what happened in a conversation, on every node.
    pub(super) async fn notify(
        &self,
        id: &ConversationId,
        user: &UserId,
        notification: &UserNotification,
    ) {
        self.notify_elsewhere(id, user, notification, None).await;
    }

    /// The same, but for one connection.
    pub(super) async fn notify_elsewhere(
        &self,
        id: &ConversationId,
        user: &UserId,
        notification: &UserNotification,
        except: Option<Uuid>,
    ) {
        let local = self.notify_local(id, std::slice::from_ref(user), notification, except);
        // So small that nobody has to be waited for.
        let _ = local.await;
        let Some(cluster) = &self.cluster else {
            return;
        };
        let message = UserMessage::Notification {
            conversation: id.clone(),
            notification: notification.clone(),
        };
        let _ = cluster.bus().publish(user, &message);
    }

    /// Notifies users on their connections to this node, but for one.
    pub(super) async fn notify_local(
        &self,
        id: &ConversationId,
        users: &[UserId],
        notification: &UserNotification,
        except: Option<Uuid>,
    ) -> Lagging {
        let id_type = self.id_type(id).await;
        let mut lagging = Lagging::default();
        let mut rendered: SmallVec<[(View, RenderedEvents<'_>); 2]> = SmallVec::new();
        let connections = users.iter();
        let connections = connections.flat_map(|user| self.users.connections(user.as_str()));
        for connection in connections.filter(|one| except != Some(one.id.uuid())) {
            let Some(dialect) = ConversationDialect::of(connection.dialect()) else {
                continue;
            };
            let subscribed = self.view_of(&connection, id);
            let view = View {
                dialect,
                id: subscribed.map_or(id_type, |view| view.id),
            };
            let at = match rendered.iter().position(|(other, _)| *other == view) {
                Some(at) => at,
                None => {
                    let renderer = self.renderers.of(dialect);
                    let events = renderer.notification(notification, id.as_client(view.id));
                    rendered.push((view, events));
                    rendered.len() - 1
                }
            };
            let events = &rendered[at].1;
            send(&connection, id, events);
            for event in events {
                lagging = lagging.or(Lagging::one(&connection, &event.frames));
            }
        }
        lagging
    }
}
