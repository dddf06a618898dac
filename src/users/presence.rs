//! Who is online: from the first of a user's connections, on any server, to some time after the last.
//! It decides when that changed; each dialect tells the people it concerns, in its own shape.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::app::App;
pub use crate::cluster::Change;
use crate::cluster::Cluster;
use crate::connection::Connection;
use crate::model::UserId;
use crate::stores::drivers::redis::RedisError;
use crate::users::User;

/// Tells others of a change.
pub type Teller = for<'a> fn(&'a App, &'a Change) -> BoxFuture<'a, ()>;

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
pub async fn send_presence(
    app: &App,
    connection: &Connection,
    users: impl IntoIterator<Item = UserId> + Send,
    tell: impl Fn(&UserId, &str) + Send,
) {
    if let Some(cluster) = app
        .cluster
        .as_ref()
        .filter(|cluster| cluster.redis().is_up())
    {
        let users: Vec<_> = users.into_iter().collect();
        for (user, online) in cluster.online(&users).await {
            let mut presence_sync = connection.presence_sync();
            if presence_sync.names(&user, online.coming) {
                // Before anything else of this user is told.
                tell(&user, &online.name);
            }
        }
    } else {
        send_presence_local(app, connection, users, tell).await;
    }
    connection.presence_sync().end();
}

/// The same as far as it is known on this server alone.
async fn send_presence_local(
    app: &App,
    connection: &Connection,
    users: impl IntoIterator<Item = UserId> + Send,
    tell: impl Fn(&UserId, &str) + Send,
) {
    for user in users {
        let Some(user) = app.users.get(user.as_str()) else {
            continue;
        };
        // Whoever tells others of this user has told this connection, or will.
        let _telling = user.telling.lock().await;
        if user.is_announced() && !connection.presence_sync().has_heard_of(&user.id) {
            tell(&user.id, &user.name());
        }
    }
}

/// A connection of the user was added.
pub async fn came(app: &App, user: &Arc<User>) {
    settle(app, user, true).await;
}

/// The last connection of the user was removed: others are told after the grace, if the user has
/// not come back by then.
pub fn left(app: &Arc<App>, user: &Arc<User>) {
    let grace = match (app.is_draining(), &app.cluster) {
        // They come back to another server, which tells others if they do not.
        (true, Some(_)) => return,
        // Nobody comes back to a server that stops.
        (true, None) => Duration::ZERO,
        (false, _) => app.config.offline_grace,
    };
    let (app, user) = (app.clone(), user.clone());
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        // Who came back and left again has a newer time, and a later turn here.
        if user.left().is_some_and(|left| left.at.elapsed() >= grace) {
            settle(&app, &user, false).await;
        }
    });
}

/// Tells what is so now, if others were told otherwise before.
async fn settle(app: &App, user: &Arc<User>, expected: bool) {
    let _telling = user.telling.lock().await;
    let online = user.is_connected();
    if online != expected || user.is_announced() == online {
        return;
    }
    let change = Change::of(user, online);
    let is_news = match &app.cluster {
        Some(cluster) => note(cluster, user, &change).await,
        None => true,
    };
    user.announce(online);
    if is_news {
        tell(app, &change).await;
        note_seen(app, &change).await;
    }
}

/// Notes a change for all servers, and tells the others if it is one over all of them. Whether it
/// is; without Redis that is not known, and nobody else is told.
async fn note(cluster: &Cluster, user: &User, change: &Change) -> bool {
    let noted = note_change(cluster, change, false).await;
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
pub async fn heard(app: &App, change: &Change) {
    let Some(user) = app.users.get(change.user.as_str()) else {
        return tell(app, change).await;
    };
    let _telling = user.telling.lock().await;
    match (change.online || !user.is_connected(), &app.cluster) {
        (false, Some(cluster)) => {
            // It did not know that they are here, too.
            note(cluster, &user, &Change::of(&user, true)).await;
        }
        _ => tell(app, change).await,
    }
}

async fn note_change(
    cluster: &Cluster,
    change: &Change,
    silently: bool,
) -> Result<bool, RedisError> {
    match change.online {
        true => cluster.came(change, silently).await,
        false => cluster.left(cluster.me(), change, false, silently).await,
    }
}

/// Notes again what is so of a user, after there was no connection to other servers for a while: what
/// they are to be told when they are all connected again. What they were told before is no news even
/// if it was `forgotten` meanwhile.
pub async fn renew(app: &App, cluster: &Cluster, user: &User, forgotten: bool) -> Option<Change> {
    let _telling = user.telling.lock().await;
    let change = Change::of(user, user.is_connected());
    let was_noted = user.is_noted();
    // Whoever tells the newest change has yet to come here; and of whom nobody knew, nobody does.
    if change.online != user.is_announced() || !(change.online || was_noted) {
        return None;
    }
    let is_change = note_change(cluster, &change, true).await.ok()?;
    user.note(change.online);
    note_seen(app, &change).await;
    let is_known = forgotten && was_noted == change.online;
    (is_change && !is_known).then_some(change)
}

/// Tells other servers what they could not be told before, if it is still so.
pub async fn say_late(app: &App, cluster: &Cluster, change: &Change) {
    let Some(user) = app.users.get(change.user.as_str()) else {
        return;
    };
    let _telling = user.telling.lock().await;
    let is_online = async || {
        let users = std::slice::from_ref(&change.user);
        !cluster.online(users).await.is_empty()
    };
    if user.is_announced() == change.online && (change.online || !is_online().await) {
        cluster.announce(change);
    }
}

/// Tells those whom it concerns and who are connected here.
pub async fn tell(app: &App, change: &Change) {
    for teller in app.presence.tellers.get().into_iter().flatten() {
        teller(app, change).await;
    }
}

/// Notes when a user was seen last.
pub async fn note_seen(app: &App, change: &Change) {
    if change.online {
        return;
    }
    let stores = app.conversations.stores();
    if let Err(error) = stores.users.record_last_seen(&change.user, change.at).await {
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
