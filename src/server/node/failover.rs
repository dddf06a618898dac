//! Takes out what a dead node leaves in Redis, and tells everybody.

use std::sync::Arc;

use crate::app::Relay;
use crate::cluster::{Body, Change, Entry, Nodes};
use crate::conversations::Fact;
use crate::dialects::session;
use crate::model::conversation::ConversationId;
use crate::model::{NodeId, UserId};
use crate::stores::drivers::redis::RedisError;
use crate::users::presence;

/// A node stops in good order. Its clients have the usual time to come back elsewhere.
pub(super) fn expect_end(relay: &Arc<Relay>, node: NodeId) {
    let relay = relay.clone();
    tokio::spawn(async move {
        tokio::time::sleep(relay.config.offline_grace).await;
        if let Some(nodes) = &relay.nodes {
            inherit(&relay, nodes, node).await;
        }
    });
}

/// Takes out what a dead node has, unless another one is at it.
pub(super) async fn inherit(relay: &Arc<Relay>, nodes: &Nodes, node: NodeId) {
    match take_out(relay, nodes, node).await {
        Ok(true) => tracing::info!(%node, "a node has ended; its users are offline"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "what a dead node left was not taken out yet"),
    }
}

async fn take_out(relay: &Arc<Relay>, nodes: &Nodes, node: NodeId) -> Result<bool, RedisError> {
    let mut from = 0;
    loop {
        if !nodes.take_over(node).await? {
            return Ok(false);
        }
        let (next, entries) = nodes.ledger(node, from).await?;
        for entry in entries {
            match &entry {
                Entry::User(user) => user_left(relay, nodes, node, user).await?,
                Entry::Room(room) => room_left(relay, nodes, node, room).await?,
                Entry::Member(session, user, connection) => {
                    let lost = session::lost(relay, node, session, user, *connection);
                    lost.await.map_err(|_| RedisError::Away)?;
                }
            }
            nodes.forget(node, &entry).await?;
        }
        match next {
            Some(next) => from = next,
            None => break,
        }
    }
    nodes.bury(node).await?;
    Ok(true)
}

async fn user_left(
    relay: &Relay,
    nodes: &Nodes,
    node: NodeId,
    user: &UserId,
) -> Result<(), RedisError> {
    let online = nodes.online(std::slice::from_ref(user)).await;
    let name = online.into_iter().next().map(|(_, online)| online.name);
    let change = Change {
        user: user.clone(),
        name: name.unwrap_or_else(|| user.shared().clone()),
        online: false,
        coming: 0,
        at: relay.conversations.now_ms(),
    };
    if nodes.left(node, &change, true, false).await? {
        presence::heard(relay, &change).await;
        presence::note_seen(relay, &change).await;
    }
    Ok(())
}

async fn room_left(
    relay: &Relay,
    nodes: &Nodes,
    node: NodeId,
    room: &ConversationId,
) -> Result<(), RedisError> {
    let at = relay.conversations.now_ms();
    nodes.exit(node, room, 0, None, true).await?;
    for user in nodes.in_room(node, room).await? {
        let left = Fact::Left { user: &user, at };
        let body = Body::Fact((&left).into());
        let is_last = nodes.exit(node, room, 0, Some((&user, Some(&body))), true);
        if is_last.await? {
            crate::conversations::tell_here(relay, room, &left).await;
        }
    }
    Ok(())
}
