//! Who is told that a user came or went: everyone connected in this dialect while they are few,
//! a user's peers beyond that.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::clock;
use crate::config::PresenceAudience;
use crate::connection::{Connection, Member};
use crate::dialect::Dialect;
use crate::presence;
use crate::relay::Relay;
use crate::users::User;

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

/// Tells a user's audience that they came (`true`) or went.
pub fn tell<'a>(relay: &'a Relay, user: &'a Arc<User>, online: bool) -> BoxFuture<'a, ()> {
    Box::pin(async move { tell_audience(relay, user, online) })
}

fn tell_audience(relay: &Relay, user: &User, online: bool) {
    let mut audience = audience(relay, user);
    audience.retain(|connection| connection.greeting().hears(&user.id, online));
    let (user_id, username) = (user.id.as_str(), &*user.name());
    if online {
        let event = UserOnline { user_id, username };
        audience
            .iter()
            .for_each(|connection| connection.say(USER_ONLINE, &event));
    } else {
        let last_seen = user
            .left()
            .map_or_else(clock::now_iso, |left| clock::iso(left.time));
        let event = UserOffline {
            user_id,
            username,
            last_seen: &last_seen,
        };
        audience
            .iter()
            .for_each(|connection| connection.say(USER_OFFLINE, &event));
    }
}

/// Tells a new connection which of its user's peers are online already.
pub async fn greet(relay: &Relay, connection: &Connection, member: &Member) {
    connection.greeting().begin();
    let tell = |peer: &User| {
        let online = UserOnline {
            user_id: peer.id.as_str(),
            username: &peer.name(),
        };
        connection.say(USER_ONLINE, &online);
    };
    presence::greet(relay, connection, member.user.peers(), tell).await;
}

fn audience(relay: &Relay, user: &User) -> Vec<Arc<Connection>> {
    let everyone = match relay.config.presence_audience {
        PresenceAudience::Everyone => true,
        PresenceAudience::Peers => false,
        PresenceAudience::Auto => relay.users.connected() <= relay.config.presence_everyone_limit,
    };
    let mut audience = if everyone {
        relay.connections.all()
    } else {
        user.peers()
            .iter()
            .flat_map(|peer| relay.users.connections(peer.as_str()))
            .collect()
    };
    audience.retain(|connection| {
        connection.dialect() == Dialect::Direct
            && connection
                .member()
                .is_some_and(|member| member.user.id != user.id)
    });
    audience
}
