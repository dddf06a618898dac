//! What a client is told of its session first. Its id is a secret of its client, and not the one that the library has. It
//! must not know who is told.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;

use super::answers;
use super::node_name;
use super::packet::{self, Packet};
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
    ping_interval: u64,
    ping_timeout: u64,
    /// Bytes up to which the client is to put events together in one request.
    max_payload: usize,
}

/// More than most of these packets have.
const PACKET_BYTES: usize = 160;

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Settings {
    /// What a client is told of a session with this id.
    pub(super) fn open(&self, sid: String, upgrades: &[&str]) -> Packet {
        let open = Open {
            sid,
            upgrades,
            ping_interval: milliseconds(self.ping_interval),
            ping_timeout: milliseconds(self.ping_timeout),
            max_payload: self.max_payload,
        };
        let mut text = Vec::with_capacity(PACKET_BYTES);
        text.push(packet::OPEN);
        // Text and numbers are always JSON, and there is always room.
        let _ = serde_json::to_writer(&mut text, &open);
        Packet::Text(text.into())
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
