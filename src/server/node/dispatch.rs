//! Hands each message of another node to the service that it concerns.

use std::sync::Arc;

use super::failover;
use crate::app::App;
use crate::cluster::{
    AllNodesMessage, Answer, Incoming, MessageHandler, SessionMessage, Topic, UserMessage,
};
use crate::connection::Close;
use crate::dialects::session;
use crate::model::{DisconnectReason, IdType, NodeId, UserId};

/// Dispatches for this server.
pub(crate) struct Dispatcher {
    app: Arc<App>,
}

impl Dispatcher {
    /// Dispatches to the services of `app`.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn to_user(&self, user: &UserId, message: UserMessage) -> Option<Answer> {
        let app = &self.app;
        match message {
            UserMessage::Event {
                sender,
                event,
                about,
                ..
            } => {
                let about = about.as_ref();
                app.users.deliver(user, &sender, &event, about).await;
                None
            }
            UserMessage::Notification {
                conversation,
                notification,
            } => {
                let conversations = &app.conversations;
                conversations
                    .notification_received(&conversation, user, &notification)
                    .await;
                None
            }
            UserMessage::ParticipantsChanged {
                conversation,
                number,
                extra,
            } => {
                let conversations = &app.conversations;
                conversations.observe(&conversation, number, extra).await;
                Some(Answer::Count(1))
            }
            UserMessage::Disconnect(why) => Some(Answer::Count(app.users.close_local(user, why))),
            UserMessage::Blocked { by, is_blocked } => {
                app.blocking.apply(user, &by, is_blocked).await;
                Some(Answer::Count(1))
            }
            UserMessage::CountBusy => Some(Answer::Count(self.count_busy(user))),
            UserMessage::CountTyping { to } => {
                Some(Answer::Count(app.users.count_typing(user, &to)))
            }
            UserMessage::Spent(spent) => {
                if let Some(user) = app.users.get(user.as_str()) {
                    user.limits().charge(spent);
                }
                None
            }
        }
    }

    /// How many connections of a user have handed over something that is not handled yet.
    fn count_busy(&self, user: &UserId) -> u64 {
        let connections = self.app.users.connections(user.as_str());
        let busy = connections.iter().filter(|one| one.flow().is_busy());
        busy.count() as u64
    }

    async fn to_all_nodes(&self, from: NodeId, message: AllNodesMessage) {
        let app = &self.app;
        match message {
            AllNodesMessage::Presence(change) => {
                app.presence.received(&change).await;
                if !change.online {
                    let conversations = &app.conversations;
                    conversations.went_offline(&change.user, change.at).await;
                }
            }
            AllNodesMessage::UserChanged { user, suspended } => {
                app.users.set_suspended(&user, suspended);
            }
            AllNodesMessage::UserIdType { user, is_number } => {
                user.has_type(IdType::of_number(is_number));
            }
            AllNodesMessage::UserRenamed(identity) => app.presence.rename_here(&identity).await,
            // They are answered by services.
            AllNodesMessage::Backend(_) | AllNodesMessage::Revocation(_) => {}
            AllNodesMessage::ShuttingDown => failover::after_shutdown(app, from),
        }
    }
}

impl MessageHandler for Dispatcher {
    async fn handle(&self, incoming: Incoming) -> Option<Answer> {
        match incoming {
            Incoming::User(user, message) => self.to_user(&user, message).await,
            Incoming::Conversation(id, message) => {
                self.app.conversations.received(&id, message).await
            }
            Incoming::Session(id, SessionMessage::CountBusy { user }) => {
                let busy = self.app.sessions.count_busy(&id, &user).await;
                Some(Answer::Count(busy as u64))
            }
            Incoming::Session(id, message) => {
                let received = self.app.sessions.receive(&id, message).await;
                if let Some((mut session, displaced)) = received {
                    let (connections, is_told) = (&displaced.connections, displaced.is_told);
                    session::end_displaced(&mut session, connections, is_told).await;
                }
                None
            }
            Incoming::AllNodes(_, AllNodesMessage::Backend(message)) => {
                Some(self.app.backend.received(message).await)
            }
            Incoming::AllNodes(_, AllNodesMessage::Revocation(message)) => {
                Some(self.app.revocations.received(message).await)
            }
            Incoming::AllNodes(from, message) => {
                self.to_all_nodes(from, message).await;
                None
            }
        }
    }

    fn missed(&self, topic: &Topic) {
        let app = self.app.clone();
        let disconnecting = disconnect_subscribers(app.clone(), topic.clone());
        app.drain.spawn(disconnecting);
    }
}

/// Disconnects the connections that need a topic of which messages were dropped: when they reconnect
/// they read what they missed.
async fn disconnect_subscribers(app: Arc<App>, topic: Topic) {
    let connections = match topic {
        Topic::User(user) => app.users.connections(user.as_str()).into_vec(),
        Topic::Conversation(id) => app.conversations.lock(&id).await.connections(),
        Topic::Session(id) => match app.sessions.lock_local(&id).await {
            Some(session) => session.connections(),
            None => Vec::new(),
        },
        Topic::AllNodes => {
            app.revocations.missed();
            Vec::new()
        }
        Topic::Node(_) => Vec::new(),
    };
    for connection in connections {
        connection.close(Close::Now, DisconnectReason::SlowConsumer);
    }
}
