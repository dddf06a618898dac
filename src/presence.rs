//! Who is online: from the first of a user's connections, on any server, to some time after the last.
//! It decides when that changed; each dialect tells the people it concerns, in its own shape.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::connection::Connection;
use crate::identity::UserId;
use crate::nodes::{Nodes, Online};
use crate::relay::Relay;
use crate::users::User;

/// A user came or went.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who.
    pub user: UserId,
    /// Under which name.
    pub name: Arc<str>,
    /// Whether they came.
    pub online: bool,
    /// Names this coming.
    pub coming: u64,
    /// When, in milliseconds since the epoch: of one who went, when their last connection closed.
    pub at: u64,
}

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
    if let Some(nodes) = &relay.nodes {
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

/// The same when there is one server only.
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
    let noted = match change.online {
        true => nodes.came(&change.user, &change.coming(), false).await,
        false => {
            let (name, at) = (&change.name, change.at);
            nodes.left(nodes.me(), &change.user, name, at, false).await
        }
    };
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

/// A user of whom other servers may not know what is so, because there was no connection to Redis.
/// What they knew is told again `silently` if Redis has forgotten it.
pub async fn renew(relay: &Relay, nodes: &Nodes, user: &User, silently: bool) {
    let _telling = user.telling.lock().await;
    let change = Change::of(user, user.is_connected());
    if change.online != user.is_announced() {
        // Whoever tells this has yet to come here.
        return;
    }
    let noted = match (change.online, user.is_noted()) {
        (true, was_noted) => {
            let silently = silently && was_noted;
            nodes.came(&user.id, &change.coming(), silently).await
        }
        (false, true) => {
            let (name, at) = (&change.name, change.at);
            nodes.left(nodes.me(), &user.id, name, at, false).await
        }
        (false, false) => return,
    };
    if noted.is_ok() {
        user.note(change.online);
    }
    if !change.online {
        note_seen(relay, &change).await;
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

    fn coming(&self) -> Online {
        Online {
            name: self.name.clone(),
            coming: self.coming,
        }
    }
}
