//! What happens on other nodes, done here: what they say is told to the connections of this one, and
//! what a dead one leaves behind is taken out. It must not know how nodes are reached.

use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;

use super::failover;
use crate::app::App;
use crate::cluster::{Body, Cluster, Heard, Hearer, Topic};
use crate::connection::Close;
use crate::model::DisconnectReason;
use crate::{sessions, users};

/// Handles what is heard.
pub struct Ears(Weak<App>);

impl Ears {
    /// For this relay.
    pub fn new(app: &Arc<App>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(app)))
    }
}

impl Hearer for Ears {
    fn hear(&self, heard: Heard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(app) = self.0.upgrade()
                && let Some(cluster) = app.cluster.clone()
            {
                handle(&app, &cluster, heard).await;
            }
        })
    }

    fn missed(&self, topic: &Topic) {
        if let Some(app) = self.0.upgrade() {
            tokio::spawn(missed(app, topic.clone()));
        }
    }
}

async fn handle(app: &Arc<App>, cluster: &Cluster, heard: Heard) {
    let Heard {
        topic,
        from,
        question,
        body,
    } = heard;
    let answer = match topic {
        Topic::User(user) => match body {
            Body::Notice { .. } | Body::PutIn(_) => {
                app.conversations.received_for_user(&user, body).await
            }
            _ => users::heard(app, cluster, &user, from, body).await,
        },
        Topic::Conversation(id) => app.conversations.received(&id, body).await,
        Topic::Session(id) => {
            sessions::heard(app, &id, body).await;
            None
        }
        Topic::Everyone => {
            match body {
                Body::Leaving => failover::expect_end(app, from),
                other => users::heard_by_all(app, other).await,
            }
            None
        }
        Topic::Node(_) => {
            match body {
                Body::Answer { question, answer } => cluster.answered(question, answer),
                Body::Taken { user, bytes } => cluster.taken(&user, bytes),
                _ => {}
            }
            None
        }
    };
    if let (Some(question), Some(answer)) = (question, answer) {
        cluster.answer(from, question, answer);
    }
}

/// Those who need a topic were told less than happened. They know by being disconnected: what comes
/// back reads what it missed.
async fn missed(app: Arc<App>, topic: Topic) {
    let connections = match topic {
        Topic::User(user) => app.users.connections(user.as_str()).into_vec(),
        Topic::Conversation(id) => app.conversations.lock(&id).await.connections(),
        Topic::Session(id) => match app.sessions.if_here(&id).await {
            Some(session) => session.connections(),
            None => Vec::new(),
        },
        Topic::Everyone | Topic::Node(_) => Vec::new(),
    };
    for connection in connections {
        connection.close(Close::Now, DisconnectReason::SlowConsumer);
    }
}
