//! Who is told that a user came or went: everyone connected in this dialect while they are few,
//! a user's peers beyond that.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::app::App;
use crate::config::PresenceAudience;
use crate::connection::{Connection, Member};
use crate::model::{Dialect, UserId, clock};
use crate::users::presence::{self, Change};

const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserOnline<'a> {
    user_id: &'a str,
    username: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserOffline<'a> {
    user_id: &'a str,
    username: &'a str,
    /// ISO 8601, when the last connection closed.
    last_seen: &'a str,
}

/// Tells a user's audience that they came or went.
pub fn tell<'a>(app: &'a App, change: &'a Change) -> BoxFuture<'a, ()> {
    Box::pin(async move { tell_audience(app, change) })
}

fn tell_audience(app: &App, change: &Change) {
    let mut audience = audience(app, &change.user);
    audience.retain(|connection| {
        let mut presence_sync = connection.presence_sync();
        presence_sync.hears(&change.user, change.online, change.coming)
    });
    let (user_id, username) = (change.user.as_str(), &*change.name);
    if change.online {
        let event = UserOnline { user_id, username };
        audience
            .iter()
            .for_each(|connection| connection.send(USER_ONLINE, &event));
    } else {
        let last_seen = clock::iso_ms(change.at);
        let event = UserOffline {
            user_id,
            username,
            last_seen: &last_seen,
        };
        audience
            .iter()
            .for_each(|connection| connection.send(USER_OFFLINE, &event));
    }
}

/// Tells a new connection which of its user's peers are online already.
pub async fn send_presence(app: &App, connection: &Connection, member: &Member) {
    connection.presence_sync().begin();
    let tell = |peer: &UserId, username: &str| {
        let online = UserOnline {
            user_id: peer.as_str(),
            username,
        };
        connection.send(USER_ONLINE, &online);
    };
    app.users.load_peers(&member.user).await;
    presence::send_presence(app, connection, member.user.peers(), tell).await;
}

fn audience(app: &App, user: &UserId) -> Vec<Arc<Connection>> {
    let everyone = match app.config.presence_audience {
        PresenceAudience::Everyone => true,
        PresenceAudience::Peers => false,
        PresenceAudience::Auto => connected(app) <= app.config.presence_everyone_limit,
    };
    let mut audience = if everyone {
        app.connections.all()
    } else {
        let known = app.users.get(user.as_str());
        let peers = known.map_or_else(Vec::new, |user| user.peers());
        peers
            .iter()
            .flat_map(|peer| app.users.connections(peer.as_str()))
            .collect()
    };
    audience.retain(|connection| {
        connection.dialect() == Dialect::Direct
            && connection
                .member()
                .is_some_and(|member| member.user.id != *user)
    });
    audience
}

/// How many users are connected, to all servers.
fn connected(app: &App) -> usize {
    let elsewhere = app
        .cluster
        .as_ref()
        .map(|cluster| cluster.users_on_other_nodes());
    app.users.connected() + elsewhere.unwrap_or(0)
}
