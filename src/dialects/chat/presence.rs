//! Who is told that a user came or went: those who share a chat with them.

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::envelope::Both;
use crate::app::App;
use crate::connection::{Connection, Member};
use crate::model::{Dialect, UserId, clock};
use crate::users::presence::{self, Change};

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

/// Tells those who share a chat with a user that they came or went.
pub fn tell<'a>(app: &'a App, change: &'a Change) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        if !app.conversations.has_chats() {
            return;
        }
        let online = change.online;
        let timestamp = clock::now_iso();
        let last_seen = (!online).then(|| clock::iso_ms(change.at));
        let status = Status {
            user_id: change.user.as_str(),
            status: if online { "online" } else { "offline" },
            timestamp: &timestamp,
            last_seen: last_seen.as_deref(),
        };
        let event = if online { USER_ONLINE } else { USER_OFFLINE };
        let event_and_status = Both::new(event, status);
        for partner in partners(app, &change.user).await {
            for connection in app.users.connections(partner.as_str()) {
                let is_chat = connection.dialect() == Dialect::Chat;
                let hears = || {
                    let mut presence_sync = connection.presence_sync();
                    presence_sync.hears(&change.user, online, change.coming)
                };
                if is_chat && hears() {
                    connection.send(event, &event_and_status);
                }
            }
        }
    })
}

/// Tells a new connection which of those who share a chat with its user are online already.
pub async fn send_presence(app: &App, connection: &Connection, member: &Member) {
    connection.presence_sync().begin();
    let partners = partners(app, &member.user.id).await;
    let timestamp = clock::now_iso();
    let tell = |partner: &UserId, _: &str| {
        let status = Status {
            user_id: partner.as_str(),
            status: "online",
            timestamp: &timestamp,
            last_seen: None,
        };
        connection.send(USER_ONLINE, &Both::new(USER_ONLINE, status));
    };
    presence::send_presence(app, connection, partners, tell).await;
}

/// Those who share a chat with a user. Nobody is told when they cannot be read.
async fn partners(app: &App, user: &UserId) -> Vec<UserId> {
    let partners = app
        .conversations
        .stores()
        .conversations
        .partners_of(user)
        .await;
    partners.unwrap_or_else(|error| {
        tracing::warn!(%error, "whom to tell who is online could not be read");
        Vec::new()
    })
}
