//! Who is online: from the first of a user's connections to some time after the last. It decides
//! when that changed; each dialect tells the people it concerns, in its own shape.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::connection::Connection;
use crate::identity::UserId;
use crate::relay::Relay;
use crate::users::User;

/// Tells others that a user came (`true`) or went.
pub type Teller = for<'a> fn(&'a Relay, &'a Arc<User>, bool) -> BoxFuture<'a, ()>;

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
    tell: impl Fn(&User) + Send,
) {
    for user in users {
        let Some(user) = relay.users.get(user.as_str()) else {
            continue;
        };
        // Whoever tells others of this user has told this connection, or will.
        let _telling = user.telling.lock().await;
        if user.is_announced() && !connection.greeting().has_heard_of(&user.id) {
            tell(&user);
        }
    }
    connection.greeting().end();
}

/// A connection of the user was added.
pub async fn came(relay: &Relay, user: &Arc<User>) {
    settle(relay, user, true).await;
}

/// The last connection of the user was removed: others are told after the grace, if the user has
/// not come back by then.
pub fn left(relay: &Arc<Relay>, user: &Arc<User>) {
    // Nobody comes back to a server that stops.
    let grace = match relay.is_draining() {
        true => Duration::ZERO,
        false => relay.config.offline_grace,
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
    user.announce(online);
    for teller in relay.presence.tellers.get().into_iter().flatten() {
        teller(relay, user, online).await;
    }
    if let Some(left) = user.left() {
        let at = left.time.as_millisecond().unsigned_abs();
        let noted = relay.conversations.store().saw_user(&user.id, at).await;
        if let Err(error) = noted {
            tracing::debug!(%error, "when a user was seen last was not noted");
        }
    }
}
