//! What endpoints of a backend are told, by a stand-in that takes it, refuses it, or is away.

mod away;
mod conversation;
mod refused;
mod told;

use std::path::Path;

use crate::program::server_in;
use test_support::harness::Relay;

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
