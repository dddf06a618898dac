//! Removes what a dead node has left in Redis, and informs everybody concerned.

use std::sync::Arc;

use crate::app::App;
use crate::cluster::{Cluster, ConversationMessage, Entry, PresenceChange};
use crate::dialects::session;
use crate::model::conversation::{ConversationEvent, ConversationId};
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;

/// A node shuts down gracefully. Its clients have the usual grace to reconnect to other nodes.
pub(super) fn after_shutdown(app: &Arc<App>, node: NodeId) {
    let app = app.clone();
    let drain = app.drain.clone();
    app.drain.clone().spawn(async move {
        drain.sleep(app.config.now().offline_grace).await;
        // Else another node does.
        if let Some(cluster) = app.cluster.as_ref().filter(|_| !drain.has_begun()) {
            reclaim(&app, cluster, node).await;
        }
    });
}

/// Removes what a dead node has in Redis, unless another node does.
pub(super) async fn reclaim(app: &Arc<App>, cluster: &Cluster, node: NodeId) {
    match try_reclaim(app, cluster, node).await {
        Ok(true) => tracing::info!(%node, "a node has ended; its users are offline"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "what a dead node has in Redis was not removed yet"),
    }
}

async fn try_reclaim(app: &Arc<App>, cluster: &Cluster, node: NodeId) -> Result<bool, RedisError> {
    let mut from = 0;
    loop {
        if !cluster.claim_node(node).await? {
            return Ok(false);
        }
        let (next, entries) = cluster.ledger(node, from).await?;
        for entry in entries {
            match &entry {
                Entry::User(user) => user_left(app, cluster, node, user).await?,
                Entry::Room(room) => room_left(app, cluster, node, room).await?,
                Entry::Member(session, user, connection) => {
                    let lost = session::lost(app, node, session, user, *connection);
                    lost.await.map_err(|_| RedisError::Away)?;
                }
            }
            cluster.forget(node, &entry).await?;
        }
        match next {
            Some(next) => from = next,
            None => break,
        }
    }
    cluster.forget_node(node).await?;
    Ok(true)
}

async fn user_left(
    app: &App,
    cluster: &Cluster,
    node: NodeId,
    user: &UserId,
) -> Result<(), RedisError> {
    let online = cluster.online(std::slice::from_ref(user)).await;
    let name = online.into_iter().next().map(|(_, online)| online.name);
    let change = PresenceChange {
        user: user.clone(),
        name: name.unwrap_or_else(|| user.as_name()),
        online: false,
        presence_epoch: 0,
        at: app.conversations.now_ms(),
    };
    if cluster.went_offline(node, &change, true, false).await? {
        app.presence.record(&change);
        app.presence.received(&change).await;
        app.presence.save_last_seen(&change).await;
        app.conversations.went_offline(user, change.at).await;
    }
    Ok(())
}

async fn room_left(
    app: &App,
    cluster: &Cluster,
    node: NodeId,
    room: &ConversationId,
) -> Result<(), RedisError> {
    let at = app.conversations.now_ms();
    cluster.leave_room(node, room, 0, None, true).await?;
    for user in cluster.in_room(node, room).await? {
        let left = ConversationEvent::Left {
            user: user.clone(),
            at,
        };
        let message = ConversationMessage::Event(left.clone());
        let is_last = cluster.leave_room(node, room, 0, Some((&user, Some(&message))), true);
        if is_last.await? {
            app.conversations.publish_received(room, &left).await;
        }
    }
    Ok(())
}
