//! Keeps what is in Redis of this node true: its lease, and after each interruption everything else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::heir;
use crate::conversations::{ConversationId, Fact};
use crate::dialects::session;
use crate::identity::Identity;
use crate::nodes::{Body, Entry, LEASE, Nodes, RENEWAL, Standing, Topic};
use crate::presence;
use crate::redis::RedisError;
use crate::relay::Relay;

/// How many users and rooms are renewed at the same time.
const AT_ONCE: usize = 64;

/// Keeps it true, for ever.
pub async fn keep(relay: Arc<Relay>) {
    let Some(nodes) = relay.nodes.clone() else {
        return;
    };
    let _everyone = nodes.bus().subscribe(Topic::Everyone).await;
    let _me = nodes.bus().subscribe(Topic::Node(nodes.me())).await;
    let mut connections = nodes.connections();
    let mut connected_since = None;
    loop {
        if nodes.redis().is_up() {
            let is_new = connected_since.is_none();
            let since = *connected_since.get_or_insert_with(Instant::now);
            if let Err(error) = turn(&relay, &nodes, is_new, since).await {
                tracing::debug!(%error, "the lease was not renewed");
            }
        } else {
            connected_since = None;
        }
        tokio::select! {
            () = sleep(RENEWAL) => {}
            changed = connections.changed() => {
                if changed.is_err() {
                    return;
                }
                connected_since = None;
            }
        }
    }
}

async fn turn(
    relay: &Arc<Relay>,
    nodes: &Nodes,
    is_new: bool,
    since: Instant,
) -> Result<(), RedisError> {
    if relay.is_draining() {
        return Ok(());
    }
    if is_new {
        // Until everything is heard again.
        nodes.bus().flush().await;
    }
    let standing = nodes.renew(relay.users.connected()).await?;
    if is_new || standing != Standing::Alive {
        renew_all(relay, nodes, standing).await?;
    }
    let dead = nodes.look_for_dead().await?;
    // Those that were away from Redis for as long as this one get the time to come back.
    if since.elapsed() >= LEASE {
        for node in dead {
            heir::inherit(relay, nodes, node).await;
        }
    }
    Ok(())
}

/// This node stops in good order: others wait for its clients, and then take out what is left.
pub async fn leave(relay: &Relay) {
    const SHORTEST: Duration = Duration::from_secs(1);
    let Some(nodes) = &relay.nodes else {
        return;
    };
    let _ = nodes.bus().post(&Topic::Everyone, &Body::Leaving);
    nodes.bus().flush().await;
    let after = relay.config.offline_grace.max(SHORTEST);
    if let Err(error) = nodes.end_lease(after).await {
        tracing::debug!(%error, "the lease was not ended");
    }
}

async fn renew_all(
    relay: &Arc<Relay>,
    nodes: &Nodes,
    standing: Standing,
) -> Result<(), RedisError> {
    let is_forgotten = standing == Standing::New;
    take_out_stale(relay, nodes).await?;
    let users = relay.users.all().into_iter();
    let users = users.map(|user| {
        let relay = relay.clone();
        async move { presence::renew(&relay, nodes, &user, is_forgotten).await }
    });
    stream::iter(users).buffer_unordered(AT_ONCE).count().await;
    let rooms = relay.conversations.all_here().into_iter();
    let rooms = rooms.map(|room| {
        let relay = relay.clone();
        async move { renew_room(&relay, nodes, &room, is_forgotten).await }
    });
    stream::iter(rooms).buffer_unordered(AT_ONCE).count().await;
    Ok(())
}

/// What ended while there was no connection.
async fn take_out_stale(relay: &Relay, nodes: &Nodes) -> Result<(), RedisError> {
    let mut from = 0;
    loop {
        let (next, entries) = nodes.ledger(nodes.me(), from).await?;
        for entry in entries {
            match &entry {
                Entry::User(user) if !relay.users.is_announced(user.as_str()) => {
                    let (name, at) = (user.as_str(), relay.conversations.now_ms());
                    nodes.left(nodes.me(), user, name, at, true).await?;
                }
                Entry::Room(room) => exit_stale(relay, nodes, room).await?,
                Entry::Member(session, user, connection)
                    if !relay.sessions.is_here(session, *connection) =>
                {
                    let lost = session::lost(relay, nodes.me(), session, user, *connection);
                    lost.await.map_err(|_| RedisError::Away)?;
                }
                Entry::User(_) | Entry::Member(..) => {}
            }
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

/// Users who are not in a room any more, of which other nodes do not know.
async fn exit_stale(relay: &Relay, nodes: &Nodes, room: &ConversationId) -> Result<(), RedisError> {
    let live = relay.conversations.live(room).await;
    let at = relay.conversations.now_ms();
    for user in nodes.in_room(nodes.me(), room).await? {
        if !live.is_in_room(&user) {
            let left = Body::Fact((&Fact::Left { user: &user, at }).into());
            let here = live.in_room().count();
            let user = Some((&user, &left));
            nodes.exit(nodes.me(), room, here, user).await?;
        }
    }
    if live.in_room().next().is_none() {
        nodes.abandon(nodes.me(), room).await?;
    }
    Ok(())
}

async fn renew_room(relay: &Relay, nodes: &Nodes, room: &ConversationId, silently: bool) {
    let live = relay.conversations.live(room).await;
    let users: Vec<Identity> = live.in_room().collect();
    for user in &users {
        let entered = Body::Fact((&Fact::Entered { but: None, user }).into());
        let entered = (!silently).then_some(&entered);
        let done = nodes.enter(room, &user.user, users.len(), entered).await;
        if let Err(error) = done {
            return tracing::debug!(%error, "who is in a conversation was not told to other nodes");
        }
    }
}
