//! The suites of `tests/js`: the published socket.io-client against a server each, with the settings it is written for.

use std::collections::BTreeSet;

use crate::harness::{JWT_SECRET, Relay};
use crate::node;

type Settings = &'static [(&'static str, &'static str)];

const DIRECT: Settings = &[("DIALECTS", "direct"), ("RATE_LIMITS", "off")];
const PRESENCE: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
];
const PEERS: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
    ("PRESENCE_AUDIENCE", "peers"),
];
const EXPIRY: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("JWT_LEEWAY", "1s"),
    ("AUTH_EXPIRING_NOTICE", "1s"),
];
const GUESTS: Settings = &[("RATE_LIMITS", "off"), ("GUEST_TIMEOUT", "1s")];
const EVENT_STYLE: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("AUTH_ERROR_STYLE", "event"),
];
const LIMITS: Settings = &[
    ("DIALECTS", "direct"),
    ("MESSAGE_RATE", "2/s"),
    ("MESSAGE_BURST", "20"),
    ("SIGNAL_RATE", "1/s"),
    ("SIGNAL_BURST", "5"),
    ("FILE_RATE", "1048576"),
    ("FILE_BURST", "1048576"),
    ("FAILED_AUTH_RATE", "5/min"),
    ("MAX_CONNECTIONS_PER_USER", "3"),
    ("MAX_CONNECTIONS_PER_IP", "12"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];

/// A test per suite file, and one that no file is left out.
macro_rules! suites {
    ($($test:ident: $file:literal, $settings:expr;)*) => {
        $(
            #[test]
            fn $test() {
                run($file, $settings);
            }
        )*

        #[test]
        fn every_suite_file_is_run() {
            assert_eq!(files(), BTreeSet::from([$($file.to_owned()),*]));
        }
    };
}

suites! {
    auth: "auth", DIRECT;
    auth_event_style: "auth-event-style", EVENT_STYLE;
    auth_expiry: "auth-expiry", EXPIRY;
    auth_guests: "auth-guests", GUESTS;
    direct_acks: "direct-acks", DIRECT;
    direct_errors: "direct-errors", DIRECT;
    direct_files: "direct-files", DIRECT;
    direct_messages: "direct-messages", DIRECT;
    direct_opaque: "direct-opaque", DIRECT;
    direct_presence: "direct-presence", PRESENCE;
    direct_presence_peers: "direct-presence-peers", PEERS;
    direct_rooms: "direct-rooms", DIRECT;
    direct_signals: "direct-signals", DIRECT;
    http: "http", DIRECT;
    limits: "limits", LIMITS;
    transports: "transports", DIRECT;
    unknown_events: "unknown-events", DIRECT;
}

/// Runs one suite against a server of its own, which must be in good health afterwards and stop when asked.
fn run(suite: &str, settings: Settings) {
    if !node::is_ready(suite) {
        return;
    }
    let mut relay = Relay::start(settings);
    node::run(suite, relay.url(), JWT_SECRET, settings);
    assert!(
        relay.is_running(),
        "the server ended; its log:\n{}",
        relay.log()
    );
    let status = relay.terminate();
    assert!(
        status.success(),
        "the server stopped with {status}; its log:\n{}",
        relay.log()
    );
    assert!(
        !relay.log().contains("panicked"),
        "something panicked; the log:\n{}",
        relay.log()
    );
}

fn files() -> BTreeSet<String> {
    let names = node::folder()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    names
        .filter_map(|name| name.strip_suffix(".test.mjs").map(str::to_owned))
        .collect()
}
