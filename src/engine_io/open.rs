//! What a client is told of its session first. Its id is a secret of its client, and not the one that the library has. It
//! must not know who is told.

use axum::body::Bytes;
use axum::response::Response;
use serde::Serialize;

use super::answers;
use super::node_name;
use super::packet::Packet;
use super::payload;
use super::session::Session;
use super::settings::Settings;
use crate::metrics::traffic::{self, By};

/// What a client is told, as `docs/protocol/README.md` has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: String,
    upgrades: &'a [&'a str],
    /// Milliseconds.
    ping_interval: u128,
    ping_timeout: u128,
    /// Bytes up to which the client is to put events together in one request.
    max_payload: usize,
}

impl Settings {
    /// What a client is told of a session with this id.
    pub(super) fn open(&self, sid: String, upgrades: &[&str]) -> Packet {
        let open = Open {
            sid,
            upgrades,
            ping_interval: self.ping_interval.as_millis(),
            ping_timeout: self.ping_timeout.as_millis(),
            max_payload: self.max_payload,
        };
        // Text and numbers are always JSON.
        let open = serde_json::to_string(&open).unwrap_or_default();
        Packet::Text(Bytes::from(format!("0{open}")))
    }
}

impl Session {
    /// The answer to the request that began it, on a node of this name.
    pub(crate) fn opened(&self, node: &str) -> Response {
        let upgrades: &[&str] = match self.settings.may_upgrade {
            true => &["websocket"],
            false => &[],
        };
        let sid = node_name::before(node, self.id);
        let packet = self.settings.open(sid, upgrades);
        let (body, has_bytes) = payload::answer(&[packet], self.revision, self.as_text);
        traffic::sent(By::Polling, body.len());
        answers::payload(body, has_bytes)
    }
}
