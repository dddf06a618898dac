//! Who is online: from the first of a user's connections, on any server, to some time after the last.
//! It decides when that changed; each dialect tells the people it concerns, in its own shape.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::app::Relay;
pub use crate::cluster::Change;
use crate::cluster::Nodes;
use crate::connection::Connection;
use crate::model::UserId;
use crate::stores::drivers::redis::RedisError;
use crate::users::User;

/// Tells others of a change.
pub type Teller = for<'a> fn(&'a Relay, &'a Change) -> BoxFuture<'a, ()>;

/// The dialects' tellers.
#[derive(Debug, Default)]
pub struct Presence {
    tellers: OnceLock<Vec<Teller>>,
}

impl Presence {
    /// Sets who tells; once, when the server is put together.
    pub fn set_tellers(&self, tellers: Vec<Teller>) {
        // A second time does not come.
        let _ = self.tellers.set(tellers);
    }
}

/// Tells a new connection who of these users is online already, each once.
pub async fn greet(
    relay: &Relay,
    connection: &Connection,
    users: impl IntoIterator<Item = UserId> + Send,
    tell: impl Fn(&UserId, &str) + Send,
) {
    if let Some(nodes) = relay.nodes.as_ref().filter(|nodes| nodes.redis().is_up()) {
        let users: Vec<_> = users.into_iter().collect();
        for (user, online) in nodes.online(&users).await {
            let mut greeting = connection.greeting();
            if greeting.names(&user, online.coming) {
                // Before anything else of this user is told.
                tell(&user, &online.name);
            }
        }
    } else {
        greet_here(relay, connection, users, tell).await;
    }
    connection.greeting().end();
}

/// The same as far as it is known on this server alone.
async fn greet_here(
    relay: &Relay,
    connection: &Connection,
    users: impl IntoIterator<Item = UserId> + Send,
    tell: impl Fn(&UserId, &str) + Send,
) {
    for user in users {
        let Some(user) = relay.users.get(user.as_str()) else {
            continue;
        };
        // Whoever tells others of this user has told this connection, or will.
        let _telling = user.telling.lock().await;
        if user.is_announced() && !connection.greeting().has_heard_of(&user.id) {
            tell(&user.id, &user.name());
        }
    }
}

/// A connection of the user was added.
pub async fn came(relay: &Relay, user: &Arc<User>) {
    settle(relay, user, true).await;
}

/// The last connection of the user was removed: others are told after the grace, if the user has
/// not come back by then.
pub fn left(relay: &Arc<Relay>, user: &Arc<User>) {
    let grace = match (relay.is_draining(), &relay.nodes) {
        // They come back to another server, which tells others if they do not.
        (true, Some(_)) => return,
        // Nobody comes back to a server that stops.
        (true, None) => Duration::ZERO,
        (false, _) => relay.config.offline_grace,
    };
    let (relay, user) = (relay.clone(), user.clone());
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        // Who came back and left again has a newer time, and a later turn here.
        if user.left().is_some_and(|left| left.at.elapsed() >= grace) {
            settle(&relay, &user, false).await;
        }
    });
}

/// Tells what is so now, if others were told otherwise before.
async fn settle(relay: &Relay, user: &Arc<User>, expected: bool) {
    let _telling = user.telling.lock().await;
    let online = user.is_connected();
    if online != expected || user.is_announced() == online {
        return;
    }
    let change = Change::of(user, online);
    let is_news = match &relay.nodes {
        Some(nodes) => note(nodes, user, &change).await,
        None => true,
    };
    user.announce(online);
    if is_news {
        tell(relay, &change).await;
        note_seen(relay, &change).await;
    }
}

/// Notes a change for all servers, and tells the others if it is one over all of them. Whether it
/// is; without Redis that is not known, and nobody else is told.
async fn note(nodes: &Nodes, user: &User, change: &Change) -> bool {
    let noted = note_change(nodes, change, false).await;
    match noted {
        Ok(is_news) => {
            user.note(change.online);
            is_news
        }
        Err(error) => {
            tracing::debug!(%error, "other servers were not told that a user came or went");
            true
        }
    }
}

/// Another server said that a user came or went.
pub async fn heard(relay: &Relay, change: &Change) {
    let Some(user) = relay.users.get(change.user.as_str()) else {
        return tell(relay, change).await;
    };
    let _telling = user.telling.lock().await;
    match (change.online || !user.is_connected(), &relay.nodes) {
        (false, Some(nodes)) => {
            // It did not know that they are here, too.
            note(nodes, &user, &Change::of(&user, true)).await;
        }
        _ => tell(relay, change).await,
    }
}

async fn note_change(nodes: &Nodes, change: &Change, silently: bool) -> Result<bool, RedisError> {
    match change.online {
        true => nodes.came(change, silently).await,
        false => nodes.left(nodes.me(), change, false, silently).await,
    }
}

/// Notes again what is so of a user, after there was no connection to other servers for a while: what
/// they are to be told when they are all connected again. What they were told before is no news even
/// if it was `forgotten` meanwhile.
pub async fn renew(relay: &Relay, nodes: &Nodes, user: &User, forgotten: bool) -> Option<Change> {
    let _telling = user.telling.lock().await;
    let change = Change::of(user, user.is_connected());
    let was_noted = user.is_noted();
    // Whoever tells the newest change has yet to come here; and of whom nobody knew, nobody does.
    if change.online != user.is_announced() || !(change.online || was_noted) {
        return None;
    }
    let is_change = note_change(nodes, &change, true).await.ok()?;
    user.note(change.online);
    note_seen(relay, &change).await;
    let is_known = forgotten && was_noted == change.online;
    (is_change && !is_known).then_some(change)
}

/// Tells other servers what they could not be told before, if it is still so.
pub async fn say_late(relay: &Relay, nodes: &Nodes, change: &Change) {
    let Some(user) = relay.users.get(change.user.as_str()) else {
        return;
    };
    let _telling = user.telling.lock().await;
    let is_online = async || {
        let users = std::slice::from_ref(&change.user);
        !nodes.online(users).await.is_empty()
    };
    if user.is_announced() == change.online && (change.online || !is_online().await) {
        nodes.announce(change);
    }
}

/// Tells those whom it concerns and who are connected here.
pub async fn tell(relay: &Relay, change: &Change) {
    for teller in relay.presence.tellers.get().into_iter().flatten() {
        teller(relay, change).await;
    }
}

/// Notes when a user was seen last.
pub async fn note_seen(relay: &Relay, change: &Change) {
    if change.online {
        return;
    }
    let store = relay.conversations.store();
    if let Err(error) = store.saw_user(&change.user, change.at).await {
        tracing::debug!(%error, "when a user was seen last was not noted");
    }
}

impl Change {
    /// What is so of a user who is here or was.
    fn of(user: &User, online: bool) -> Self {
        let left = user.left().filter(|_| !online);
        let at = left.map_or_else(jiff::Timestamp::now, |left| left.time);
        Self {
            user: user.id.clone(),
            name: user.name(),
            online,
            coming: rand::random(),
            at: at.as_millisecond().unsigned_abs(),
        }
    }
}
