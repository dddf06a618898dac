//! What other nodes say of users and to their connections.

use std::sync::Arc;

use crate::app::App;
use crate::cluster::{Answer, Body, Cluster, Topic};
use crate::model::{NodeId, UserId};

/// To the connections of one user.
pub(crate) async fn heard(
    app: &Arc<App>,
    cluster: &Cluster,
    user: &UserId,
    from: NodeId,
    body: Body,
) -> Option<Answer> {
    match body {
        Body::Event {
            sender,
            event,
            credit,
        } => {
            app.users.deliver(user, &sender, &event).await;
            if credit > 0 {
                let taken = Body::Taken {
                    user: user.clone(),
                    bytes: credit,
                };
                let _ = cluster.bus().post(&Topic::Node(from), &taken);
            }
            None
        }
        Body::Disconnect(why) => count(super::disconnect_here(app, user, why)),
        Body::Spent(spent) => {
            if let Some(user) = app.users.get(user.as_str()) {
                user.limits.charge(spent);
            }
            None
        }
        _ => None,
    }
}

/// To all nodes.
pub(crate) async fn heard_by_all(app: &App, body: Body) {
    match body {
        Body::Presence(change) => app.presence.received(&change).await,
        Body::UserChanged { user, suspended } => app.users.changed(&user, suspended),
        _ => {}
    }
}

/// How many.
fn count(count: usize) -> Option<Answer> {
    Some(Answer::Count(count as u64))
}
