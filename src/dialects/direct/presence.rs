//! `user:online` and `user:offline` for clients of this dialect. Their receivers are determined in
//! `users`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::PresenceChange;
use crate::connection::Connection;
use crate::model::{ClientUserId, Dialect, clock};
use crate::users::{Audience, PresenceRenderer};

const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

/// Sends a user's presence to their peers, or to everyone while they are few.
pub(crate) const RENDERER: PresenceRenderer = PresenceRenderer {
    dialect: Dialect::Direct,
    audience: Audience::Peers,
    send,
};

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserOnline<'a> {
    user_id: ClientUserId<'a>,
    username: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserOffline<'a> {
    user_id: ClientUserId<'a>,
    username: &'a str,
    /// ISO 8601, when the last connection closed.
    last_seen: &'a str,
}

fn send(change: &PresenceChange, receivers: &[Arc<Connection>]) {
    let (user_id, username) = (change.user.as_client(), &*change.name);
    if change.online {
        let event = UserOnline { user_id, username };
        send_to(receivers, USER_ONLINE, &event);
    } else {
        let last_seen = clock::iso_ms(change.at);
        let event = UserOffline {
            user_id,
            username,
            last_seen: &last_seen,
        };
        send_to(receivers, USER_OFFLINE, &event);
    }
}

fn send_to<T: Serialize>(receivers: &[Arc<Connection>], event: &'static str, payload: &T) {
    for connection in receivers {
        connection.send(event, payload);
    }
}
