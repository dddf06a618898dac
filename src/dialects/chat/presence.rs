//! Who is told that a user came or went: those who share a chat with them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::tell::Both;
use crate::clock;
use crate::connection::{Connection, Member};
use crate::dialect::Dialect;
use crate::identity::UserId;
use crate::presence;
use crate::relay::Relay;
use crate::users::User;

const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

/// `user:online` and `user:offline`
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    user_id: &'a str,
    status: &'static str,
    /// ISO 8601.
    timestamp: &'a str,
    /// ISO 8601, when the last connection closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<&'a str>,
}

/// Tells those who share a chat with a user that they came (`true`) or went.
pub fn tell<'a>(relay: &'a Relay, user: &'a Arc<User>, online: bool) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        if !relay.conversations.has_chats() {
            return;
        }
        let timestamp = clock::now_iso();
        let left = user.left().filter(|_| !online);
        let last_seen = left.map(|left| clock::iso(left.time));
        let status = Status {
            user_id: user.id.as_str(),
            status: if online { "online" } else { "offline" },
            timestamp: &timestamp,
            last_seen: last_seen.as_deref(),
        };
        let event = if online { USER_ONLINE } else { USER_OFFLINE };
        let event_and_status = Both::new(event, status);
        for partner in partners(relay, &user.id).await {
            for connection in relay.users.connections(partner.as_str()) {
                let is_chat = connection.dialect() == Dialect::Chat;
                if is_chat && connection.greeting().hears(&user.id, online) {
                    connection.say(event, &event_and_status);
                }
            }
        }
    })
}

/// Tells a new connection which of those who share a chat with its user are online already.
pub async fn greet(relay: &Relay, connection: &Connection, member: &Member) {
    connection.greeting().begin();
    let partners = partners(relay, &member.user.id).await;
    let timestamp = clock::now_iso();
    let tell = |partner: &User| {
        let status = Status {
            user_id: partner.id.as_str(),
            status: "online",
            timestamp: &timestamp,
            last_seen: None,
        };
        connection.say(USER_ONLINE, &Both::new(USER_ONLINE, status));
    };
    presence::greet(relay, connection, partners, tell).await;
}

/// Those who share a chat with a user. Nobody is told when they cannot be read.
async fn partners(relay: &Relay, user: &UserId) -> Vec<UserId> {
    let partners = relay.conversations.store().partners_of(user).await;
    partners.unwrap_or_else(|error| {
        tracing::warn!(%error, "whom to tell who is online could not be read");
        Vec::new()
    })
}
