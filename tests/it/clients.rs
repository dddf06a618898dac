//! The suites of `tests/js`: the published socket.io-client against a server each, with the settings it is written for.

use std::collections::BTreeSet;

use crate::harness::{JWT_SECRET, Relay};
use crate::{node, tokens};

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
const ISSUER: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("JWT_ISSUER", "https://issuer.test"),
    ("JWT_AUDIENCE", "relay"),
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

const SESSION: Settings = &[("DIALECTS", "session"), ("RATE_LIMITS", "off")];
/// With nothing set but the dialect: what a client meets out of the box.
const SESSION_PLAIN: Settings = &[("DIALECTS", "session")];
const SESSION_REJOIN: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("SESSION_REJOIN_GRACE", "300ms"),
];
const SESSION_HISTORY: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("SESSION_HISTORY_MESSAGES", "20"),
    ("SESSION_HISTORY_BYTES", "65536"),
];
const SESSION_EXPIRY: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("SESSION_RESERVED_TIMEOUT", "1s"),
    ("SESSION_IDLE_TIMEOUT", "1s"),
    ("SESSION_MAX_IDLE", "3s"),
];
const SESSION_DEBUG: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("DEBUG", "true"),
];
const SESSION_ADMIN: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    (
        "ADMIN_TOKEN",
        "an admin token for tests, longer than thirty-two bytes",
    ),
];
const SESSION_BUSY: Settings = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("MAX_SESSIONS", "2"),
];
const SESSION_LIMITS: Settings = &[
    ("JOIN_RATE", "1/min"),
    ("JOIN_BURST", "10"),
    ("MESSAGE_RATE", "2/s"),
    ("MESSAGE_BURST", "20"),
    ("SIGNAL_RATE", "1/s"),
    ("SIGNAL_BURST", "5"),
    ("FAILED_AUTH_RATE", "5/min"),
    ("SESSION_MAX_MEMBERS", "3"),
    ("MAX_SESSIONS_PER_CONNECTION", "3"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];

/// Every dialect, as interoperation needs.
const STORED: Settings = &[("RATE_LIMITS", "off")];
const STORED_PRESENCE: Settings = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "300ms")];
const FEED: Settings = &[("DIALECTS", "feed"), ("RATE_LIMITS", "off")];
const CHAT: Settings = &[("DIALECTS", "chat"), ("RATE_LIMITS", "off")];
const STORED_LIMITS: Settings = &[
    ("JOIN_RATE", "1/min"),
    ("JOIN_BURST", "5"),
    ("MESSAGE_RATE", "1/min"),
    ("MESSAGE_BURST", "8"),
    ("SIGNAL_RATE", "1/min"),
    ("SIGNAL_BURST", "5"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];
/// With nothing set: what a client meets out of the box.
const PLAIN: Settings = &[];
/// Long enough to come back within it, however busy the machine is.
const INTEROP_PRESENCE: Settings = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "1000ms")];
const REST_ADMIN: Settings = &[
    ("RATE_LIMITS", "off"),
    (
        "ADMIN_TOKEN",
        "an admin token for tests, longer than thirty-two bytes",
    ),
];
const REST_LIMITS: Settings = &[
    ("MESSAGE_RATE", "1/s"),
    ("MESSAGE_BURST", "20"),
    ("FAILED_AUTH_RATE", "5/min"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];
const CONVERSATION: Settings = &[("DIALECTS", "conversation"), ("RATE_LIMITS", "off")];
const CONVERSATION_PRESENCE: Settings = &[
    ("DIALECTS", "conversation"),
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
];
const CONVERSATION_LIMITS: Settings = &[
    ("DIALECTS", "conversation"),
    ("JOIN_RATE", "1/min"),
    ("JOIN_BURST", "10"),
    ("MESSAGE_RATE", "2/s"),
    ("MESSAGE_BURST", "20"),
    ("SIGNAL_RATE", "1/s"),
    ("SIGNAL_BURST", "5"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];

/// A test per suite file, and one that no file is left out.
macro_rules! suites {
    ($($test:ident: $file:literal, $settings:expr;)*) => {
        $(
            #[test]
            fn $test() {
                run($file, $settings, &[]);
            }
        )*

        #[test]
        fn every_suite_file_is_run() {
            let here = [$($file),*];
            let run = here.into_iter().chain(tokens::SUITES);
            assert_eq!(files(), run.map(str::to_owned).collect());
        }
    };
}

suites! {
    auth: "auth", DIRECT;
    auth_event_style: "auth-event-style", EVENT_STYLE;
    auth_expiry: "auth-expiry", EXPIRY;
    auth_guests: "auth-guests", GUESTS;
    auth_issuer: "auth-issuer", ISSUER;
    chat_alone: "chat-alone", CHAT;
    chat_connect: "chat-connect", STORED;
    chat_deployed: "chat-deployed", PLAIN;
    chat_live: "chat-live", STORED;
    chat_messages: "chat-messages", STORED;
    chat_presence: "chat-presence", STORED_PRESENCE;
    chat_typing: "chat-typing", STORED;
    conversation_changes: "conversation-changes", CONVERSATION;
    conversation_content: "conversation-content", CONVERSATION;
    conversation_delivery: "conversation-delivery", CONVERSATION;
    conversation_deployed: "conversation-deployed", PLAIN;
    conversation_errors: "conversation-errors", CONVERSATION;
    conversation_join: "conversation-join", CONVERSATION;
    conversation_limits: "conversation-limits", CONVERSATION_LIMITS;
    conversation_messages: "conversation-messages", CONVERSATION;
    conversation_participants: "conversation-participants", CONVERSATION_PRESENCE;
    conversation_presence: "conversation-presence", CONVERSATION_PRESENCE;
    conversation_reactions: "conversation-reactions", CONVERSATION;
    conversation_receipts: "conversation-receipts", CONVERSATION;
    conversation_reconnect: "conversation-reconnect", CONVERSATION;
    conversation_typing: "conversation-typing", CONVERSATION_PRESENCE;
    conversation_undeclared: "conversation-undeclared", STORED_PRESENCE;
    direct_acks: "direct-acks", DIRECT;
    direct_errors: "direct-errors", DIRECT;
    direct_files: "direct-files", DIRECT;
    direct_messages: "direct-messages", DIRECT;
    direct_opaque: "direct-opaque", DIRECT;
    direct_presence: "direct-presence", PRESENCE;
    direct_presence_peers: "direct-presence-peers", PEERS;
    direct_rooms: "direct-rooms", DIRECT;
    direct_signals: "direct-signals", DIRECT;
    feed_alone: "feed-alone", FEED;
    feed_authenticate: "feed-authenticate", STORED;
    feed_chat_limits: "feed-chat-limits", STORED_LIMITS;
    feed_conversations: "feed-conversations", STORED;
    feed_deployed: "feed-deployed", PLAIN;
    feed_history: "feed-history", STORED;
    feed_join: "feed-join", STORED;
    feed_messages: "feed-messages", STORED;
    http: "http", DIRECT;
    interop_messages: "interop-messages", STORED;
    interop_order: "interop-order", STORED;
    interop_presence_typing: "interop-presence-typing", INTEROP_PRESENCE;
    interop_shapes: "interop-shapes", STORED;
    limits: "limits", LIMITS;
    rest_absent: "rest-absent", DIRECT;
    rest_admin: "rest-admin", REST_ADMIN;
    rest_admin_off: "rest-admin-off", STORED;
    rest_audit: "rest-audit", REST_ADMIN;
    rest_conversations: "rest-conversations", STORED;
    rest_conversations_feed: "rest-conversations-feed", STORED;
    rest_errors: "rest-errors", STORED;
    rest_fields: "rest-fields", STORED;
    rest_history: "rest-history", STORED;
    rest_limits: "rest-limits", REST_LIMITS;
    rest_messages: "rest-messages", STORED;
    rest_participants: "rest-participants", STORED;
    rest_read: "rest-read", STORED;
    rest_verbatim: "rest-verbatim", STORED;
    session_absent: "session-absent", DIRECT;
    session_busy: "session-busy", SESSION_BUSY;
    session_deployed: "session-deployed", SESSION_PLAIN;
    session_expiry: "session-expiry", SESSION_EXPIRY;
    session_guests: "session-guests", GUESTS;
    session_history: "session-history", SESSION_HISTORY;
    session_join: "session-join", SESSION;
    session_keys: "session-keys", SESSION;
    session_leave: "session-leave", SESSION;
    session_limits: "session-limits", SESSION_LIMITS;
    session_list: "session-list", SESSION_DEBUG;
    session_list_admin: "session-list-admin", SESSION_ADMIN;
    session_message_refusals: "session-message-refusals", SESSION;
    session_messages: "session-messages", SESSION;
    session_plaintext: "session-plaintext", SESSION;
    session_refusals: "session-refusals", SESSION;
    session_rejoin: "session-rejoin", SESSION_REJOIN;
    session_rest: "session-rest", SESSION;
    session_signals: "session-signals", SESSION;
    transports: "transports", DIRECT;
    unknown_events: "unknown-events", DIRECT;
}

/// Runs one suite against a server of its own, which must be in good health afterwards and stop when asked.
/// The suite's environment has the server's settings, and `private` beside them.
pub fn run(suite: &str, settings: &[(&str, &str)], private: &[(&str, &str)]) {
    if !node::is_ready(suite) {
        return;
    }
    let mut relay = Relay::start(settings);
    let env = [settings, private].concat();
    node::run(suite, relay.url(), JWT_SECRET, &env);
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
