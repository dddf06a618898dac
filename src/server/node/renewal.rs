//! Keeps what is in Redis of this node true: its lease, and after each interruption everything else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::failover;
use crate::app::Relay;
use crate::cluster::{Body, Change, Entry, LEASE, Nodes, RENEWAL, Standing, Topic};
use crate::conversations::Unsaid;
use crate::dialects::session;
use crate::model::conversation::ConversationId;
use crate::model::{DisconnectReason, UserId};
use crate::stores::drivers::redis::{LONGEST_PAUSE, RedisError};
use crate::users::presence;

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
    nodes: &Arc<Nodes>,
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
            failover::inherit(relay, nodes, node).await;
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

/// What other nodes are to be told when they are all connected again.
enum News {
    Presence(Change),
    Room(ConversationId, UserId, Unsaid),
}

async fn renew_all(
    relay: &Arc<Relay>,
    nodes: &Arc<Nodes>,
    standing: Standing,
) -> Result<(), RedisError> {
    let forgotten = standing == Standing::New;
    let mut rooms: HashSet<_> = relay.conversations.all_here().into_iter().collect();
    for entry in ledger(nodes).await? {
        match entry {
            // Of users who are not known here any more.
            Entry::User(user) if !relay.users.is_announced(user.as_str()) => {
                relay.users.acquaint(&user).note(true);
            }
            Entry::Room(room) => {
                rooms.insert(room);
            }
            Entry::User(_) | Entry::Member(..) => {}
        }
    }
    let mut news = Vec::new();
    for some in relay.users.all().chunks(AT_ONCE) {
        let renewed = some
            .iter()
            .map(|user| presence::renew(relay, nodes, user, forgotten));
        let changes = join_all(renewed).await.into_iter().flatten();
        news.extend(changes.map(News::Presence));
    }
    let rooms: Vec<_> = rooms.into_iter().collect();
    for some in rooms.chunks(AT_ONCE) {
        let renewed = some
            .iter()
            .map(|room| renew_room(relay, nodes, room, forgotten));
        news.extend(join_all(renewed).await.into_iter().flatten());
    }
    if standing == Standing::Expired {
        part_from_strangers(relay).await;
    }
    nodes.set_renewed();
    tokio::spawn(say_late(relay.clone(), nodes.clone(), news));
    Ok(())
}

/// Members of sessions whom the heir of this node has taken out, since it seemed to be dead: they come
/// back and join anew.
async fn part_from_strangers(relay: &Relay) {
    for id in relay.sessions.all_here() {
        let Some(session) = relay.sessions.if_here(&id).await else {
            continue;
        };
        for connection in session.strangers().await {
            connection.close_gracefully(DisconnectReason::ServerClosed);
        }
    }
}

/// Everything that is known in Redis to be on this node.
async fn ledger(nodes: &Nodes) -> Result<Vec<Entry>, RedisError> {
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let (next, entries) = nodes.ledger(nodes.me(), from).await?;
        all.extend(entries);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

async fn renew_room(
    relay: &Relay,
    nodes: &Nodes,
    room: &ConversationId,
    forgotten: bool,
) -> Vec<News> {
    let mut live = relay.conversations.live(room).await;
    let renewed = live.renew(nodes, forgotten).await;
    let news = renewed.unwrap_or_else(|error| {
        tracing::debug!(%error, "who is in a conversation was not told to other nodes");
        Vec::new()
    });
    let news = news.into_iter();
    news.map(|(user, unsaid)| News::Room(room.clone(), user, unsaid))
        .collect()
}

/// Other nodes are told when they had the time to connect again: what is said before is lost to them.
async fn say_late(relay: Arc<Relay>, nodes: Arc<Nodes>, news: Vec<News>) {
    sleep(LONGEST_PAUSE + Duration::from_secs(2)).await;
    for news in news {
        match news {
            News::Presence(change) => presence::say_late(&relay, &nodes, &change).await,
            News::Room(room, user, unsaid) => {
                let live = relay.conversations.live(&room).await;
                live.say_late(&nodes, &user, unsaid).await;
            }
        }
    }
    if let Err(error) = take_out_members(&relay, &nodes).await {
        tracing::debug!(%error, "members who left a session were not taken out");
    }
}

/// Members of sessions who left while there was no connection.
async fn take_out_members(relay: &Relay, nodes: &Nodes) -> Result<(), RedisError> {
    for entry in ledger(nodes).await? {
        if let Entry::Member(session, user, connection) = &entry
            && !relay.sessions.is_here(session, *connection)
        {
            let lost = session::lost(relay, nodes.me(), session, user, *connection);
            lost.await.map_err(|_| RedisError::Away)?;
        }
    }
    Ok(())
}
