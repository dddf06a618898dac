//! Keeps what is in Redis of this node true: its lease, and after each interruption everything else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::failover;
use crate::app::App;
use crate::cluster::{Body, Change, Cluster, Entry, LEASE, LeaseState, RENEWAL, Topic};
use crate::connection::Close;
use crate::conversations::Unpublished;
use crate::dialects::session;
use crate::model::conversation::ConversationId;
use crate::model::{DisconnectReason, UserId};
use crate::stores::drivers::redis::{LONGEST_PAUSE, RedisError};

/// How many users and rooms are renewed at the same time.
const AT_ONCE: usize = 64;

/// Keeps it true, for ever.
pub async fn keep(app: Arc<App>) {
    let Some(cluster) = app.cluster.clone() else {
        return;
    };
    let _everyone = cluster.bus().subscribe(Topic::Everyone).await;
    let _me = cluster.bus().subscribe(Topic::Node(cluster.me())).await;
    let mut connections = cluster.connections();
    let mut connected_since = None;
    loop {
        if cluster.redis().is_up() {
            let is_new = connected_since.is_none();
            let since = *connected_since.get_or_insert_with(Instant::now);
            if let Err(error) = turn(&app, &cluster, is_new, since).await {
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
    app: &Arc<App>,
    cluster: &Arc<Cluster>,
    is_new: bool,
    since: Instant,
) -> Result<(), RedisError> {
    if app.is_draining() {
        return Ok(());
    }
    if is_new {
        // Until everything is heard again.
        cluster.bus().flush().await;
    }
    let standing = cluster.renew(app.users.connected()).await?;
    if is_new || standing != LeaseState::Alive {
        renew_all(app, cluster, standing).await?;
    }
    let dead = cluster.look_for_dead().await?;
    // Those that were away from Redis for as long as this one get the time to come back.
    if since.elapsed() >= LEASE {
        for node in dead {
            failover::inherit(app, cluster, node).await;
        }
    }
    Ok(())
}

/// This node stops in good order: others wait for its clients, and then take out what is left.
pub async fn leave(app: &App) {
    const SHORTEST: Duration = Duration::from_secs(1);
    let Some(cluster) = &app.cluster else {
        return;
    };
    let _ = cluster.bus().post(&Topic::Everyone, &Body::Leaving);
    cluster.bus().flush().await;
    let after = app.config.offline_grace.max(SHORTEST);
    if let Err(error) = cluster.end_lease(after).await {
        tracing::debug!(%error, "the lease was not ended");
    }
}

/// What other nodes are to be told when they are all connected again.
enum News {
    Presence(Change),
    Room(ConversationId, UserId, Unpublished),
}

async fn renew_all(
    app: &Arc<App>,
    cluster: &Arc<Cluster>,
    standing: LeaseState,
) -> Result<(), RedisError> {
    let forgotten = standing == LeaseState::New;
    let mut rooms: HashSet<_> = app.conversations.all_local().into_iter().collect();
    for entry in ledger(cluster).await? {
        match entry {
            // Of users who are not known here any more.
            Entry::User(user) if !app.users.is_announced(user.as_str()) => {
                app.users.get_or_create(&user).note(true);
            }
            Entry::Room(room) => {
                rooms.insert(room);
            }
            Entry::User(_) | Entry::Member(..) => {}
        }
    }
    let mut news = Vec::new();
    for some in app.users.all().chunks(AT_ONCE) {
        let renewed = some.iter().map(|user| app.presence.renew(user, forgotten));
        let changes = join_all(renewed).await.into_iter().flatten();
        news.extend(changes.map(News::Presence));
    }
    let rooms: Vec<_> = rooms.into_iter().collect();
    for some in rooms.chunks(AT_ONCE) {
        let renewed = some
            .iter()
            .map(|room| renew_room(app, cluster, room, forgotten));
        news.extend(join_all(renewed).await.into_iter().flatten());
    }
    if standing == LeaseState::Expired {
        part_from_strangers(app).await;
    }
    cluster.set_renewed();
    tokio::spawn(say_late(app.clone(), cluster.clone(), news));
    Ok(())
}

/// Members of sessions whom the heir of this node has taken out, since it seemed to be dead: they come
/// back and join anew.
async fn part_from_strangers(app: &App) {
    for id in app.sessions.all_here() {
        let Some(session) = app.sessions.if_here(&id).await else {
            continue;
        };
        for connection in session.strangers().await {
            connection.close(Close::Reconnect, DisconnectReason::ServerClosed);
        }
    }
}

/// Everything that is known in Redis to be on this node.
async fn ledger(cluster: &Cluster) -> Result<Vec<Entry>, RedisError> {
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let (next, entries) = cluster.ledger(cluster.me(), from).await?;
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
    forgotten: bool,
) -> Vec<News> {
    let mut guard = app.conversations.lock(room).await;
    let renewed = guard.renew(cluster, forgotten).await;
    let news = renewed.unwrap_or_else(|error| {
        tracing::debug!(%error, "who is in a conversation was not told to other nodes");
        Vec::new()
    });
    let news = news.into_iter();
    news.map(|(user, unpublished)| News::Room(room.clone(), user, unpublished))
        .collect()
}

/// Other nodes are told when they had the time to connect again: what is said before is lost to them.
async fn say_late(app: Arc<App>, cluster: Arc<Cluster>, news: Vec<News>) {
    sleep(LONGEST_PAUSE + Duration::from_secs(2)).await;
    for news in news {
        match news {
            News::Presence(change) => app.presence.publish_later(&change).await,
            News::Room(room, user, unpublished) => {
                let guard = app.conversations.lock(&room).await;
                guard.publish_late(&cluster, &user, unpublished).await;
            }
        }
    }
    if let Err(error) = take_out_members(&app, &cluster).await {
        tracing::debug!(%error, "members who left a session were not taken out");
    }
}

/// Members of sessions who left while there was no connection.
async fn take_out_members(app: &App, cluster: &Cluster) -> Result<(), RedisError> {
    for entry in ledger(cluster).await? {
        if let Entry::Member(session, user, connection) = &entry
            && !app.sessions.is_here(session, *connection)
        {
            let lost = session::lost(app, cluster.me(), session, user, *connection);
            lost.await.map_err(|_| RedisError::Away)?;
        }
    }
    Ok(())
}
