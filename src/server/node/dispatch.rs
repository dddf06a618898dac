//! What happens on other nodes, done here: what they say is told to the connections of this one, and
//! what a dead one leaves behind is taken out. It must not know how nodes are reached.

use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;

use super::failover;
use crate::app::Relay;
use crate::cluster::{Body, Heard, Hearer, Nodes, Topic};
use crate::model::DisconnectReason;
use crate::{conversations, sessions, users};

/// Handles what is heard.
pub struct Ears(Weak<Relay>);

impl Ears {
    /// For this relay.
    pub fn new(relay: &Arc<Relay>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(relay)))
    }
}

impl Hearer for Ears {
    fn hear(&self, heard: Heard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(relay) = self.0.upgrade()
                && let Some(nodes) = relay.nodes.clone()
            {
                handle(&relay, &nodes, heard).await;
            }
        })
    }

    fn missed(&self, topic: &Topic) {
        if let Some(relay) = self.0.upgrade() {
            tokio::spawn(missed(relay, topic.clone()));
        }
    }
}

async fn handle(relay: &Arc<Relay>, nodes: &Nodes, heard: Heard) {
    let Heard {
        topic,
        from,
        question,
        body,
    } = heard;
    let answer = match topic {
        Topic::User(user) => users::heard(relay, nodes, &user, from, body).await,
        Topic::Conversation(id) => conversations::heard(relay, &id, body).await,
        Topic::Session(id) => {
            sessions::heard(relay, &id, body).await;
            None
        }
        Topic::Everyone => {
            match body {
                Body::Leaving => failover::expect_end(relay, from),
                other => users::heard_by_all(relay, other).await,
            }
            None
        }
        Topic::Node(_) => {
            match body {
                Body::Answer { question, answer } => nodes.answered(question, answer),
                Body::Taken { user, bytes } => nodes.taken(&user, bytes),
                _ => {}
            }
            None
        }
    };
    if let (Some(question), Some(answer)) = (question, answer) {
        nodes.answer(from, question, answer);
    }
}

/// Those who need a topic were told less than happened. They know by being disconnected: what comes
/// back reads what it missed.
async fn missed(relay: Arc<Relay>, topic: Topic) {
    let connections = match topic {
        Topic::User(user) => relay.users.connections(user.as_str()).into_vec(),
        Topic::Conversation(id) => relay.conversations.live(&id).await.connections(),
        Topic::Session(id) => match relay.sessions.if_here(&id).await {
            Some(session) => session.connections(),
            None => Vec::new(),
        },
        Topic::Everyone | Topic::Node(_) => Vec::new(),
    };
    for connection in connections {
        connection.close(DisconnectReason::SlowConsumer);
    }
}
