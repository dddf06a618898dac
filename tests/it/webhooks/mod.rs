//! What endpoints of a backend are told, by a stand-in that takes it, refuses it, or is away.

mod away;
mod conversation;
mod gathered;
mod integration;
mod left;
mod nodes;
mod operators;
mod refused;
mod told;

use std::path::Path;

use crate::program::server_in;
use test_support::harness::Relay;
use test_support::raw::Client;
use test_support::scene::message;

/// The secret of the endpoints: 24 bytes.
pub(crate) const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A server that tells this URL everything, with a new data folder or one that was used.
fn telling(data: &Path, url: &str, more: &[(&str, &str)]) -> Relay {
    let settings = [
        ("WEBHOOK_URL", url),
        ("WEBHOOK_SECRETS", SECRET),
        ("WEBHOOK_EVENTS", "*"),
        ("WEBHOOK_PRIVATE_NETWORKS", "true"),
        ("OFFLINE_GRACE", "0s"),
    ];
    server_in(data, &[&settings[..], more].concat())
}

const UNDELIVERED: &[(&str, &str)] = &[("WEBHOOK_EVENTS", "message.undelivered")];

/// Sends messages to these users, who are absent, each with a number that grows; all of them are confirmed.
async fn send(relay: &Relay, seqs: std::ops::Range<u64>) {
    send_as(relay, "alice", seqs).await;
}

/// The same by this user.
async fn send_as(relay: &Relay, user: &str, seqs: std::ops::Range<u64>) {
    send_by(&mut Client::connect(relay, user).await, seqs).await;
}

/// The same by this client.
async fn send_by(client: &mut Client, seqs: std::ops::Range<u64>) {
    for seq in seqs {
        let to = if seq % 2 == 0 { "bob" } else { "carol" };
        let id = format!(r#"{{"messageId":"m-{seq}","#);
        let sent = message(to, seq).replacen('{', &id, 1);
        client.emit("send_message", &sent).await;
        client.event("message:sent").await;
    }
}
