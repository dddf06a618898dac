//! `user:online` and `user:offline` for clients of this dialect. Who is sent them is decided in
//! `users`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::envelope::Both;
use crate::cluster::PresenceChange;
use crate::connection::Connection;
use crate::model::{ClientUserId, Dialect, clock};
use crate::users::{Audience, PresenceRenderer};

const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

/// Sends a user's presence to those who share a chat with them.
pub(crate) const RENDERER: PresenceRenderer = PresenceRenderer {
    dialect: Dialect::Chat,
    audience: Audience::ChatPartners,
    send,
};

/// `user:online` and `user:offline`
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "ChatStatus")]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    user_id: ClientUserId<'a>,
    status: &'static str,
    /// ISO 8601.
    timestamp: &'a str,
    /// ISO 8601, when the last connection closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<&'a str>,
}

fn send(change: &PresenceChange, receivers: &[Arc<Connection>]) {
    let timestamp = clock::now_iso();
    let last_seen = (!change.online).then(|| clock::iso_ms(change.at));
    let (event, status) = match change.online {
        true => (USER_ONLINE, "online"),
        false => (USER_OFFLINE, "offline"),
    };
    let status = Status {
        user_id: change.user.as_client(),
        status,
        timestamp: &timestamp,
        last_seen: last_seen.as_deref(),
    };
    let event_and_status = Both::new(event, status);
    for connection in receivers {
        connection.send(event, &event_and_status);
    }
}
