//! The settings that sessions need. It must not have a default: those are the configuration's.

use std::time::Duration;

use crate::config::{Config, Transport};

/// What a packet of an attachment has beside it: a separator, a mark and the padding.
const ATTACHMENT: usize = "\x1eb====".len();
/// What a packet may have beside its event: types, the number of attachments, the id of an acknowledgement.
pub(crate) const FRAMING: usize = 128;

/// Of one server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(super) ping_interval: Duration,
    pub(super) ping_timeout: Duration,
    /// How long a WebSocket may take until it is chosen.
    pub(super) upgrade_timeout: Duration,
    pub(super) may_upgrade: bool,
    /// Bytes that clients put into one request.
    pub(super) max_payload: usize,
    /// Bytes that one request may have: the largest event, whose attachments are in Base64.
    pub(super) max_body: usize,
    /// The same before a client has entered.
    pub(super) handshake_max_bytes: u64,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let event = config.max_event_bytes.div_ceil(3) * 4;
        Self {
            ping_interval: config.ping_interval,
            ping_timeout: config.ping_timeout,
            upgrade_timeout: config.upgrade_timeout,
            may_upgrade: config.transports.contains(&Transport::Websocket),
            max_payload: config.max_event_bytes,
            max_body: FRAMING + event + config.max_attachments * ATTACHMENT,
            handshake_max_bytes: config.handshake_max_bytes,
        }
    }
}
