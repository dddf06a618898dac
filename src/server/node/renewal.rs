//! Keeps what Redis has of this node up to date: its lease, and after each interruption everything
//! else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::{Demands, failover};
use crate::app::App;
use crate::cluster::{
    AllNodes, AllNodesMessage, Cluster, Entry, LEASE, LeaseState, PresenceChange, RENEWAL,
};
use crate::connection::Close;
use crate::conversations::Unpublished;
use crate::dialects::session;
use crate::model::conversation::ConversationId;
use crate::model::{DisconnectReason, UserId};
use crate::stores::drivers::redis::{MAX_RECONNECT_PAUSE, RedisError};

/// How many users or rooms are renewed at the same time.
const BATCH: usize = 64;

/// Renews the lease until the server stops.
pub(crate) async fn run(app: Arc<App>, cluster: Arc<Cluster>, mut demands: Demands) {
    let _all_nodes = cluster.bus().subscribe(AllNodes).await;
    let _this_node = cluster.bus().subscribe(cluster.node_id()).await;
    let mut connected = cluster.watch_connected();
    let mut connected_since = None;
    loop {
        if cluster.redis().is_up() {
            let is_new = connected_since.is_none();
            let since = *connected_since.get_or_insert_with(Instant::now);
            if let Err(error) = renew(&app, &cluster, is_new, since).await {
                tracing::debug!(%error, "the lease was not renewed");
            }
            if !app.drain.has_begun()
                && let Err(error) = demands.look(&app, &cluster).await
            {
                tracing::debug!(%error, "the other servers were not looked at");
            }
        } else {
            connected_since = None;
        }
        tokio::select! {
            () = sleep(RENEWAL) => {}
            changed = connected.changed() => {
                if changed.is_err() {
                    return;
                }
                connected_since = None;
            }
        }
    }
}

/// Renews the lease and looks for dead nodes; on a new connection renews everything.
async fn renew(
    app: &Arc<App>,
    cluster: &Arc<Cluster>,
    is_new: bool,
    since: Instant,
) -> Result<(), RedisError> {
    if app.drain.has_begun() {
        return Ok(());
    }
    if is_new {
        // Until all subscriptions have taken effect.
        cluster.bus().flush().await;
    }
    let state = cluster.renew(app.users.connected()).await?;
    if is_new || state != LeaseState::Alive {
        renew_all(app, cluster, state).await?;
        app.conversations.notice_others().await;
    }
    let dead = cluster.find_dead_nodes().await?;
    // Nodes that lost Redis for as long as this one get the time to reconnect.
    if since.elapsed() >= LEASE {
        for node in dead {
            failover::reclaim(app, cluster, node).await;
        }
    }
    Ok(())
}

/// This node shuts down gracefully: others wait for its clients to reconnect, and then remove what is
/// left of it.
pub(crate) async fn shut_down(app: &App) {
    const MIN_LEASE: Duration = Duration::from_secs(1);
    let Some(cluster) = &app.cluster else {
        return;
    };
    let message = AllNodesMessage::ShuttingDown;
    let _ = cluster.bus().publish(&AllNodes, &message);
    cluster.bus().flush().await;
    let after = app.config.now().offline_grace.max(MIN_LEASE);
    if let Err(error) = cluster.end_lease(after).await {
        tracing::debug!(%error, "the lease was not ended");
    }
}

/// A change to publish once all nodes are connected again.
enum Unreported {
    Presence(PresenceChange),
    Room(ConversationId, UserId, Unpublished),
}

async fn renew_all(
    app: &Arc<App>,
    cluster: &Arc<Cluster>,
    state: LeaseState,
) -> Result<(), RedisError> {
    // Redis has lost what it had of this node.
    let was_lost = state == LeaseState::New;
    let mut rooms: HashSet<_> = app.conversations.all_local().into_iter().collect();
    for entry in ledger(cluster).await? {
        match entry {
            // A user who is unknown on this node now.
            Entry::User(user) if !app.users.is_announced(user.as_str()) => {
                app.users.get_or_create(&user).set_registered(true);
            }
            Entry::Room(room) => {
                rooms.insert(room);
            }
            Entry::User(_) | Entry::Member(..) => {}
        }
    }
    let mut unreported = Vec::new();
    for batch in app.users.all().chunks(BATCH) {
        let renewed = batch.iter().map(|user| app.presence.renew(user, was_lost));
        let changes = join_all(renewed).await.into_iter().flatten();
        unreported.extend(changes.map(Unreported::Presence));
    }
    let rooms: Vec<_> = rooms.into_iter().collect();
    for batch in rooms.chunks(BATCH) {
        let renewed = batch
            .iter()
            .map(|room| renew_room(app, cluster, room, was_lost));
        unreported.extend(join_all(renewed).await.into_iter().flatten());
    }
    if state == LeaseState::Expired {
        disconnect_stale_members(app).await;
    }
    app.users.read_all_blockers().await;
    cluster.set_renewed();
    let publishing = publish_later(app.clone(), cluster.clone(), unreported);
    app.drain.spawn(publishing);
    Ok(())
}

/// Members of sessions whom another node has removed because this one seemed to be dead: they
/// reconnect and join again.
async fn disconnect_stale_members(app: &App) {
    for id in app.sessions.all_local() {
        let Some(session) = app.sessions.lock_local(&id).await else {
            continue;
        };
        for connection in session.stale_members().await {
            connection.close(Close::Reconnect, DisconnectReason::ServerClosed);
        }
    }
}

/// All entries of this node.
async fn ledger(cluster: &Cluster) -> Result<Vec<Entry>, RedisError> {
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let (next, entries) = cluster.ledger(cluster.node_id(), from).await?;
        all.extend(entries);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

async fn renew_room(
    app: &App,
    cluster: &Cluster,
    room: &ConversationId,
    was_lost: bool,
) -> Vec<Unreported> {
    let mut guard = app.conversations.lock(room).await;
    let renewed = guard.renew(cluster, was_lost).await;
    let unreported = renewed.unwrap_or_else(|error| {
        tracing::debug!(%error, "who is in a conversation was not published to other nodes");
        Vec::new()
    });
    let unreported = unreported.into_iter();
    unreported
        .map(|(user, change)| Unreported::Room(room.clone(), user, change))
        .collect()
}

/// Publishes changes once the other nodes have had the time to reconnect: earlier messages would be
/// lost to them.
async fn publish_later(app: Arc<App>, cluster: Arc<Cluster>, unreported: Vec<Unreported>) {
    let pause = MAX_RECONNECT_PAUSE + Duration::from_secs(2);
    app.drain.sleep(pause).await;
    for change in unreported {
        match change {
            Unreported::Presence(change) => app.presence.publish_later(&change).await,
            Unreported::Room(room, user, change) => {
                let guard = app.conversations.lock(&room).await;
                guard.publish_later(&cluster, &user, change).await;
            }
        }
    }
    if let Err(error) = remove_departed_members(&app, &cluster).await {
        tracing::debug!(%error, "members who left a session were not removed");
    }
}

/// Removes the members of sessions who left while there was no connection to Redis.
async fn remove_departed_members(app: &Arc<App>, cluster: &Cluster) -> Result<(), RedisError> {
    for entry in ledger(cluster).await? {
        if let Entry::Member(session, user, connection) = &entry
            && !app.sessions.is_member(session, *connection)
        {
            let lost = session::lost(app, cluster.node_id(), session, user, *connection);
            lost.await.map_err(|_| RedisError::Away)?;
        }
    }
    Ok(())
}
