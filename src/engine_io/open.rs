//! What a client is told of its session first. The id of one that polls begins with the name of this node, so a load
//! balancer knows from each request which node has the session. Neither the client's address nor a cookie would do: many
//! clients share the one, and many keep no cookies. It is a secret of its client, and none of the library's.

use axum::body::Bytes;
use axum::response::Response;
use serde::Serialize;

use super::answers;
use super::packet::Packet;
use super::payload;
use super::Settings;
use super::session::Session;

/// Between the name and the id. It is in neither, and clients send it back unescaped.
const SEPARATOR: char = '.';

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
        let sid = format!("{}{SEPARATOR}{}", written(node), self.id);
        let packet = self.settings.open(sid, upgrades);
        let (body, has_bytes) = payload::answer(&[packet], self.revision, self.as_text);
        answers::payload(body, has_bytes)
    }
}

/// The id of a session without the name of a node.
pub(super) fn without_name(sid: &str) -> &str {
    sid.rsplit_once(SEPARATOR).map_or(sid, |(_, own)| own)
}

/// The name of a node as it is in ids: two that are written alike are one for a balancer.
pub(crate) fn written(node: &str) -> String {
    node.chars().map(plain).collect()
}

/// What needs no escape in a query, nor in the configuration of a balancer.
fn plain(character: char) -> char {
    match character.is_ascii_alphanumeric() || character == '_' {
        true => character,
        false => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_node_is_taken_off_again() {
        assert_eq!(without_name("relay-1.abc"), "abc");
        assert_eq!(without_name("abc"), "abc");
        assert_eq!(without_name("relay-1."), "");
    }

    #[test]
    fn a_name_is_written_in_characters_that_need_no_escape() {
        assert_eq!(written("één.example/\"_1"), "--n-example--_1");
    }
}
