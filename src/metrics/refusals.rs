//! What is refused, whether it is recorded or not, and what was over a limit.

use super::counter::Counters;
use super::families::Families;
use crate::model::ErrorCode;
use crate::traces;

static SOCKET: Counters<{ ErrorCode::ALL.len() }> = Counters::new();
static REST: Counters<{ ErrorCode::ALL.len() }> = Counters::new();
static ENGINE: Counters<{ Engine::ALL.len() }> = Counters::new();
static LIMITED: Counters<{ Limit::ALL.len() }> = Counters::new();

/// An event, or a connection in the namespace, is refused.
pub(crate) fn of_socket(code: ErrorCode) {
    SOCKET.at(code as usize).inc();
    traces::refused(code);
}

/// A request over REST is refused.
pub(crate) fn of_rest(code: ErrorCode) {
    REST.at(code as usize).inc();
    traces::refused(code);
}

/// A request of Engine.IO is refused.
pub(crate) fn of_engine(code: Engine) {
    ENGINE.at(code as usize).inc();
}

/// Something was more than a limit allows: it is refused, dropped or made to wait.
pub(crate) fn limited(limit: Limit) {
    LIMITED.at(limit as usize).inc();
}

/// Declares a closed list of labels.
macro_rules! labels {
    ($(#[$docs:meta])* $name:ident { $($(#[$variant_docs:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_docs])* $variant,)+ }

        impl $name {
            const ALL: [&'static str; [$($label),+].len()] = [$($label),+];
        }
    };
}

labels! {
    /// The codes of Engine.IO's refusals: its own numbers, and the relay's.
    Engine {
        /// The transport is not known, or not served.
        UnknownTransport = "0",
        /// No session has this id.
        UnknownSession = "1",
        /// A session is not opened so.
        BadHandshakeMethod = "2",
        /// Anything else that is wrong.
        BadRequest = "3",
        /// The revision of the protocol is not served.
        UnsupportedRevision = "5",
        /// The server is shutting down.
        Draining = "DRAINING",
        /// What is posted is too large.
        PayloadTooLarge = "PAYLOAD_TOO_LARGE",
        /// The address opens sessions too often.
        RateLimit = "RATE_LIMIT",
        /// Memory is scarce.
        ServerBusy = "SERVER_BUSY",
        /// The address has as many sessions as it may.
        TooManyConnections = "TOO_MANY_CONNECTIONS",
    }
}

labels! {
    /// What is limited.
    Limit {
        /// `message_rate`.
        Message = "message",
        /// `signal_rate`.
        Signal = "signal",
        /// `join_rate`, and `max_sessions_per_ip`.
        Join = "join",
        /// `file_rate`: it is read more slowly.
        File = "file",
        /// `failed_auth_rate`.
        FailedAuth = "failed_auth",
        /// `handshake_rate`.
        Handshake = "handshake",
        /// `max_connections_per_ip`.
        ConnectionsPerIp = "connections_per_ip",
        /// `max_connections_per_user`.
        ConnectionsPerUser = "connections_per_user",
        /// `publish_rate`.
        Publish = "publish",
    }
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let help = "Everything that was refused, by the code that the client is told";
    let family = families.counter("relay_refusals_total", help);
    let codes = || ErrorCode::ALL.iter().map(|code| code.as_str());
    let surfaces: [(&'static str, Vec<_>); 3] = [
        ("socket", codes().zip(SOCKET.values()).collect()),
        ("rest", codes().zip(REST.values()).collect()),
        (
            "engine",
            Engine::ALL.into_iter().zip(ENGINE.values()).collect(),
        ),
    ];
    for (surface, counts) in surfaces {
        for (code, count) in counts {
            let labels = [("surface", surface.into()), ("code", code.into())];
            family.count(labels, count);
        }
    }
    let help = "How often something was more than a limit allows";
    let family = families.counter("relay_rate_limited_total", help);
    for (limit, count) in Limit::ALL.into_iter().zip(LIMITED.values()) {
        family.count([("limit", limit.into())], count);
    }
}
