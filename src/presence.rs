//! Who is online: from the first of a user's connections to some time after the last. It decides
//! when that changed; each dialect tells the people it concerns, in its own shape.

use std::sync::{Arc, OnceLock};

use crate::relay::Relay;
use crate::users::User;

/// Tells others that a user came (`true`) or went.
pub type Teller = fn(&Relay, &Arc<User>, bool);

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

/// A connection of the user was added.
pub fn came(relay: &Relay, user: &Arc<User>) {
    settle(relay, user, true);
}

/// The last connection of the user was removed: others are told after the grace, if the user has
/// not come back by then.
pub fn left(relay: &Arc<Relay>, user: &Arc<User>) {
    let grace = relay.config.offline_grace;
    if grace.is_zero() {
        return settle(relay, user, false);
    }
    let (relay, user) = (relay.clone(), user.clone());
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        // Who came back and left again has a newer time, and a later turn here.
        if user.left().is_some_and(|left| left.at.elapsed() >= grace) {
            settle(&relay, &user, false);
        }
    });
}

/// Tells what is so now, if others were told otherwise before.
fn settle(relay: &Relay, user: &Arc<User>, expected: bool) {
    let mut announced = user.announced.lock();
    let online = user.is_connected();
    if online == expected && *announced != online {
        *announced = online;
        for teller in relay.presence.tellers.get().into_iter().flatten() {
            teller(relay, user, online);
        }
    }
}
