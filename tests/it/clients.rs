//! The suites of `tests/js`: the published socket.io-client against a server each, with the settings it is written for.

use std::collections::BTreeSet;

use crate::cluster::deployment::Deployment;
use crate::program;
use crate::server::{admin_ui, client_files};
use crate::{auth, cluster, edge};
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::mongo::Database;

type Settings = &'static [(&'static str, &'static str)];

pub(crate) const ADMIN_TOKEN: &str = "an admin token for tests, longer than thirty-two bytes";

/// A token for each scope, and one for two of them, each called as its scope: `token of publish` and so on.
pub(crate) const ADMIN_TOKENS: &str = "publish:publish:dc603291f9352f30badc4eb139da7f19d5a1ee3305b1ab7d8f1cb6d67b8e7e24,\
    presence:presence:977d0a79dd14577109cdc6d8bfaaaeefa6c04543b3bc81bf38d4b26cdb1bc0c8,\
    connections:connections:671adcb7ddc624a2d94f624b8bc9a53da403c5ab72dc4d93bb830a2716560bd5,\
    provision:provision:951180e6ffaedfc9c72a9f9414ed2d7902f20e9e265cfebfe539bfb078bfe486,\
    revoke:revoke:baa221202e5bb5efabfaf6dda5267eb5040c151dc7117c5cb9c566ac696906c1,\
    audit:audit:3f8d58cde0100c332f64efc6db489f799b454f266d1db92e5e4c799c1f683d68,\
    webhooks:webhooks:f80276b0a5a2d8f7e93fd9a1210b4d70ed530d97d18385929c61c1d971ded6b1,\
    metrics:metrics:bacdd435b52da2b203aa30a96e58c1c95e0488df214eaa9b99f3c86fbf44762b,\
    all:all:0c5643058e4dee7d515d11fe41679e29b08af5419db25fbe8a977bfc47f3449b,\
    two:audit+provision:16692539D268B50142D25306675CE0B0A0935A5A3381814F5FB7A1949A859128";

const DIRECT: Settings = &[("DIALECTS", "direct"), ("RATE_LIMITS", "off")];
const OLD_CLIENTS: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("ALLOW_EIO3", "true"),
];
/// What the public suites of the protocols ask of a server, with times that a busy machine keeps, too.
const PROTOCOLS: Settings = &[
    ("DIALECTS", "direct"),
    ("PRESENCE_AUDIENCE", "peers"),
    ("RATE_LIMITS", "off"),
    ("ALLOW_EIO3", "true"),
    ("PING_INTERVAL", "1s"),
    ("PING_TIMEOUT", "1s"),
    ("CONNECT_TIMEOUT", "2s"),
    ("MAX_EVENT_BYTES", "1000000"),
];
const METRICS: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("METRICS_PUBLIC", "true"),
];
const METRICS_GUESTS: Settings = &[("RATE_LIMITS", "off"), ("METRICS_PUBLIC", "true")];
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
const KEPT: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("JWT_LEEWAY", "0s"),
    ("AUTH_EXPIRING_NOTICE", "1s"),
    ("EXPIRED_TOKENS", "keep"),
    ("EXPIRED_TOKEN_STATUS", "401"),
];
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
const PLACES: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("AUTH_COOKIE", "session,jwt"),
    (
        "JWT_USER_ID_CLAIMS",
        "userId,_id,user.id,uid,https://app.test/id",
    ),
    ("JWT_REQUIRED_CLAIMS", "type=access,app.use"),
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
    ("ADMIN_TOKEN", ADMIN_TOKEN),
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
const SESSION_OUTPUT: Settings = &[("OUTPUT_RATE", "400000"), ("OUTPUT_BURST", "800000")];
const SESSION_QUOTAS: Settings = &[
    ("MAX_SESSIONS_PER_IP", "4"),
    ("MAX_SESSION_KEYS_BYTES", "1000"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];

/// Every dialect, as interoperation needs.
const STORED: Settings = &[("RATE_LIMITS", "off")];
const SMALL_RATES: Settings = &[
    ("MESSAGE_RATE", "1/min"),
    ("MESSAGE_BURST", "8"),
    ("SIGNAL_RATE", "1/min"),
    ("SIGNAL_BURST", "5"),
];
const STORED_PRESENCE: Settings = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "300ms")];
const EVERYONE: Settings = &[
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
    ("PRESENCE_AUDIENCE", "everyone"),
];
const FEED: Settings = &[("DIALECTS", "feed"), ("RATE_LIMITS", "off")];
const CHAT: Settings = &[("DIALECTS", "chat"), ("RATE_LIMITS", "off")];
const STORED_LIMITS: Settings = &[
    ("MESSAGE_RATE", "1/min"),
    ("MESSAGE_BURST", "8"),
    ("SIGNAL_RATE", "1/min"),
    ("SIGNAL_BURST", "5"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];
const NO_DOCS: Settings = &[("API_DOCS", "false")];
/// With nothing set: what a client meets out of the box.
const PLAIN: Settings = &[];
const EVERYONE_LIMIT: Settings = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
    ("PRESENCE_EVERYONE_LIMIT", "3"),
    ("PRESENCE_PEERS_LIMIT", "1"),
];
const NAMES: Settings = &[
    ("RATE_LIMITS", "off"),
    ("OFFLINE_GRACE", "300ms"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
];
/// Long enough to come back within it, however busy the machine is.
const INTEROP_PRESENCE: Settings = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "1000ms")];
const REST_ADMIN: Settings = &[("RATE_LIMITS", "off"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
/// What a revoked token opens no more is tried often.
const REST_REVOKING: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("FAILED_AUTH_RATE", "100000/min"),
    ("MAX_CONNECTIONS_PER_USER", "100"),
];
/// Nobody listens there.
const REST_WEBHOOKS: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("WEBHOOK_URL", "http://127.0.0.1:9/hook"),
    ("WEBHOOK_SECRETS", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
    ("WEBHOOK_PRIVATE_NETWORKS", "true"),
    ("WEBHOOK_MAX_AGE", "1s"),
];
const ADMIN_UI: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("ADMIN_TOKENS", ADMIN_TOKENS),
    ("ADMIN_UI", "true"),
    ("AUDIT_REFUSALS_PER_IP", "100000"),
];
const ADMIN_UI_LIMITS: Settings = &[
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("ADMIN_UI", "true"),
    ("ADMIN_UI_USERS", "true"),
    ("ADMIN_UI_READONLY", "true"),
    ("ADMIN_UI_MAX_SOCKETS", "100"),
    ("FAILED_AUTH_RATE", "5/min"),
    ("HANDSHAKE_RATE", "1000/s"),
    ("HANDSHAKE_BURST", "1000"),
];
const SCOPES: Settings = &[
    ("ADMIN_TOKENS", ADMIN_TOKENS),
    ("AUDIT_REFUSALS_PER_IP", "100000"),
];
const PUBLISH: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("PUBLISH_EVENTS", "app:*,order.paid"),
];
const PUBLISH_LIMITS: Settings = &[
    ("ADMIN_TOKENS", ADMIN_TOKENS),
    ("PUBLISH_RATE", "1/min"),
    ("PUBLISH_BURST", "1000"),
];
const WHO_MAY_ADD: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("WHO_MAY_ADD", "shares-conversation"),
];
const INVITE: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("WHO_MAY_ADD", "invite"),
];
const REST_LIMITS: Settings = &[
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("MESSAGE_RATE", "1/s"),
    ("MESSAGE_BURST", "20"),
    ("FAILED_AUTH_RATE", "5/min"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
];
const REST_QUOTAS: Settings = &[
    ("CONVERSATIONS_PER_DAY", "3"),
    ("PARTICIPANTS_PER_DAY", "20"),
    ("MAX_PARTICIPANTS", "30"),
    ("STORED_BYTES_PER_DAY", "50000"),
    ("MAX_CONTENT_BYTES", "4000"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
];
const HEADERS: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("MAX_EVENT_BYTES", "2000000"),
    ("REQUEST_TIMEOUT", "1s"),
];
const ORIGINS: Settings = &[
    ("RATE_LIMITS", "off"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    (
        "ALLOWED_ORIGINS",
        "http://localhost:5173,https://*.example.com,file://,app://.,capacitor://localhost,ionic://localhost,\
         tauri://localhost,chrome-extension://abcdefghijklmnop",
    ),
    ("PUBLIC_HOSTS", "chat.example"),
    ("AUDIT_REFUSALS_PER_IP", "1000"),
];
const BEHIND_PROXY: Settings = &[("RATE_LIMITS", "off"), ("TRUSTED_PROXIES", "127.0.0.1")];
const BELOW_PATH: Settings = &[
    ("RATE_LIMITS", "off"),
    ("BASE_PATH", "relay/"),
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

/// A test per suite file, and one that no file is left out. Those that keep something run with MongoDB, too; those with
/// `=> two_nodes` also with their clients spread over two servers.
macro_rules! suites {
    ($($test:ident: $file:literal, $settings:expr $(, $mongodb:ident)? $(=> $two_nodes:ident)?;)*) => {
        $(
            #[test]
            fn $test() {
                run($file, $settings, &[]);
            }
        )*

        mod in_mongodb {
            use super::*;

            $($(
                #[test]
                fn $test() {
                    $mongodb($file, $settings);
                }
            )?)*
        }

        mod over_two_nodes {
            use super::*;

            $($(
                #[test]
                fn $test() {
                    $two_nodes($file, $settings);
                }
            )?)*
        }

        #[test]
        fn every_suite_file_is_run() {
            let listed = [$($file),*];
            let run = listed.into_iter().chain(auth::SUITES).chain(cluster::SUITES);
            let run = run.chain(edge::SUITES).chain([client_files::SUITE, admin_ui::SUITE]);
            assert_eq!(files(), run.map(str::to_owned).collect());
        }
    };
}

suites! {
    auth_event_style: "auth/event-style", EVENT_STYLE;
    auth_expiry: "auth/expiry", EXPIRY;
    auth_guests: "auth/guests", GUESTS;
    auth_issuer: "auth/issuer", ISSUER;
    auth_kept: "auth/kept", KEPT;
    auth_names: "auth/names", NAMES, mongodb => two_nodes;
    auth_places: "auth/places", PLACES;
    auth_tokens: "auth/tokens", DIRECT;
    chat_chats: "chat/chats", CHAT, mongodb;
    chat_connect: "chat/connect", STORED, mongodb;
    chat_deployed: "chat/deployed", PLAIN, mongodb;
    chat_live: "chat/live", STORED, mongodb;
    chat_messages: "chat/messages", STORED, mongodb;
    chat_only_dialect: "chat/only-dialect", CHAT, mongodb;
    chat_presence: "chat/presence", STORED_PRESENCE, mongodb;
    chat_sharing: "chat/sharing", STORED_PRESENCE, mongodb => two_nodes;
    chat_typing: "chat/typing", STORED, mongodb;
    conversation_accepted: "conversation/accepted", STORED, mongodb => two_nodes;
    conversation_arriving: "conversation/arriving", STORED_PRESENCE, mongodb => two_nodes;
    conversation_bare_ids: "conversation/bare-ids", STORED, mongodb;
    conversation_blocked: "conversation/blocked", STORED_PRESENCE, mongodb;
    conversation_changes: "conversation/changes", CONVERSATION, mongodb;
    conversation_content: "conversation/content", CONVERSATION, mongodb;
    conversation_delivery: "conversation/delivery", CONVERSATION, mongodb;
    conversation_deployed: "conversation/deployed", PLAIN, mongodb;
    conversation_done_again: "conversation/done-again", REST_ADMIN, mongodb;
    conversation_errors: "conversation/errors", CONVERSATION, mongodb;
    conversation_interop_fields: "conversation/interop-fields", STORED, mongodb => two_nodes;
    conversation_interop_messages: "conversation/interop-messages", STORED, mongodb;
    conversation_interop_order: "conversation/interop-order", STORED, mongodb;
    conversation_interop_presence_typing: "conversation/interop-presence-typing", INTEROP_PRESENCE, mongodb;
    conversation_interop_shapes: "conversation/interop-shapes", STORED, mongodb;
    conversation_join: "conversation/join", CONVERSATION, mongodb;
    conversation_limits: "conversation/limits", CONVERSATION_LIMITS, mongodb;
    conversation_listed: "conversation/listed", STORED_PRESENCE, mongodb => two_nodes;
    conversation_messages: "conversation/messages", CONVERSATION, mongodb;
    conversation_numeric_users: "conversation/numeric-users", STORED_PRESENCE, mongodb => two_nodes;
    conversation_participants: "conversation/participants", CONVERSATION_PRESENCE, mongodb;
    conversation_newcomers: "conversation/newcomers", REST_ADMIN, mongodb => two_nodes;
    conversation_presence: "conversation/presence", CONVERSATION_PRESENCE, mongodb;
    conversation_reactions: "conversation/reactions", CONVERSATION, mongodb;
    conversation_receipts: "conversation/receipts", CONVERSATION, mongodb;
    conversation_reconnect: "conversation/reconnect", CONVERSATION, mongodb;
    conversation_retries: "conversation/retries", REST_ADMIN, mongodb => two_nodes;
    conversation_told_fields: "conversation/told-fields", STORED, mongodb => two_nodes;
    conversation_turned: "conversation/turned", STORED_PRESENCE => two_nodes;
    conversation_turned_where_all_are_told: "conversation/turned", EVERYONE;
    conversation_typing: "conversation/typing", CONVERSATION_PRESENCE, mongodb;
    conversation_unreadable: "conversation/unreadable", STORED, mongodb;
    conversation_undeclared: "conversation/undeclared", STORED_PRESENCE, mongodb;
    direct_acks: "direct/acks", DIRECT => two_nodes;
    direct_blocked: "direct/blocked", DIRECT => two_nodes;
    direct_blocked_presence: "direct/blocked-presence", PRESENCE => two_nodes;
    direct_blocked_presence_of_peers: "direct/blocked-presence", PEERS => two_nodes;
    direct_errors: "direct/errors", DIRECT => two_nodes;
    direct_files: "direct/files", DIRECT => two_nodes;
    direct_limits: "direct/limits", LIMITS;
    direct_messages: "direct/messages", DIRECT => two_nodes;
    direct_not_counted: "direct/not-counted", SMALL_RATES;
    direct_opaque: "direct/opaque", DIRECT => two_nodes;
    direct_outbox: "direct/outbox", PLAIN, mongodb => two_nodes;
    direct_presence: "direct/presence", PRESENCE => two_nodes;
    direct_presence_limit: "direct/presence-limit", EVERYONE_LIMIT;
    direct_presence_peers: "direct/presence-peers", PEERS => two_nodes;
    direct_rooms: "direct/rooms", DIRECT => two_nodes;
    direct_signals: "direct/signals", DIRECT => two_nodes;
    direct_unknown_events: "direct/unknown-events", DIRECT;
    direct_unreadable: "direct/unreadable", DIRECT => two_nodes;
    feed_authenticate: "feed/authenticate", STORED, mongodb;
    feed_content_keys: "feed/content-keys", STORED, mongodb;
    feed_content_keys_told: "feed/content-keys-told", STORED => two_nodes;
    feed_conversations: "feed/conversations", STORED, mongodb;
    feed_deployed: "feed/deployed", PLAIN, mongodb;
    feed_early: "feed/early", STORED, mongodb => two_nodes;
    feed_history: "feed/history", STORED, mongodb;
    feed_join: "feed/join", STORED, mongodb;
    feed_limits_with_chat: "feed/limits-with-chat", STORED_LIMITS, mongodb;
    feed_messages: "feed/messages", STORED, mongodb;
    feed_only_dialect: "feed/only-dialect", FEED, mongodb;
    feed_pending: "feed/pending", REST_ADMIN, mongodb;
    http_admin: "http/admin", REST_ADMIN, mongodb;
    http_admin_connections: "http/admin-connections", REST_ADMIN, mongodb => two_nodes;
    http_admin_off: "http/admin-off", STORED, mongodb;
    http_admin_scopes: "http/admin-scopes", SCOPES, mongodb;
    http_admin_ui: "http/admin-ui", ADMIN_UI => two_nodes;
    http_admin_ui_limits: "http/admin-ui-limits", ADMIN_UI_LIMITS;
    http_api_docs: "http/api-docs", STORED;
    http_api_docs_off: "http/api-docs-off", NO_DOCS;
    http_audit: "http/audit", REST_ADMIN, mongodb;
    http_base_path: "http/base-path", BELOW_PATH;
    http_blocked_adding: "http/blocked-adding", STORED_PRESENCE, mongodb;
    http_blocked: "http/blocked", REST_ADMIN, mongodb;
    http_changes: "http/changes", STORED, mongodb;
    http_compatible: "http/compatible", STORED, mongodb;
    http_conversations: "http/conversations", STORED, mongodb;
    http_conversations_feed: "http/conversations-feed", STORED, mongodb;
    http_descriptions: "http/descriptions", REST_ADMIN, mongodb => two_nodes;
    http_errors: "http/errors", STORED, mongodb;
    http_fields: "http/fields", STORED, mongodb;
    http_headers: "http/headers", HEADERS;
    http_health: "http/health", DIRECT;
    http_history: "http/history", STORED, mongodb;
    http_import: "http/import", REST_ADMIN, mongodb => two_nodes;
    http_invited: "http/invited", INVITE, mongodb;
    http_limits: "http/limits", REST_LIMITS, mongodb;
    http_many_keys: "http/many-keys", STORED;
    http_marks: "http/marks", STORED, mongodb;
    http_messages: "http/messages", STORED, mongodb;
    http_metrics: "http/metrics", METRICS;
    http_metrics_guests: "http/metrics-guests", METRICS_GUESTS;
    http_names: "http/names", REST_ADMIN, mongodb;
    http_not_served: "http/not-served", DIRECT;
    http_origins: "http/origins", ORIGINS;
    http_origins_behind_proxy: "http/origins-behind-proxy", BEHIND_PROXY;
    http_participants: "http/participants", STORED, mongodb;
    http_publish: "http/publish", PUBLISH, mongodb => two_nodes;
    http_publish_limits: "http/publish-limits", PUBLISH_LIMITS, mongodb;
    http_quotas: "http/quotas", REST_QUOTAS, mongodb;
    http_read: "http/read", STORED, mongodb;
    http_revocations: "http/revocations", REST_REVOKING, mongodb => two_nodes;
    http_verbatim: "http/verbatim", STORED, mongodb;
    http_webhooks: "http/webhooks", REST_WEBHOOKS, mongodb;
    http_who_may_add: "http/who-may-add", WHO_MAY_ADD, mongodb;
    session_busy: "session/busy", SESSION_BUSY;
    session_deployed: "session/deployed", SESSION_PLAIN;
    session_early: "session/early", SESSION => two_nodes;
    session_expiry: "session/expiry", SESSION_EXPIRY;
    session_guests: "session/guests", GUESTS;
    session_history: "session/history", SESSION_HISTORY;
    session_join: "session/join", SESSION;
    session_keys: "session/keys", SESSION;
    session_leave: "session/leave", SESSION;
    session_left_again: "session/left-again", SESSION => two_nodes;
    session_limits: "session/limits", SESSION_LIMITS;
    session_list: "session/list", SESSION_DEBUG;
    session_list_admin: "session/list-admin", SESSION_ADMIN;
    session_message_refusals: "session/message-refusals", SESSION => two_nodes;
    session_messages: "session/messages", SESSION => two_nodes;
    session_names: "session/names", SESSION => two_nodes;
    session_not_served: "session/not-served", DIRECT;
    session_output: "session/output", SESSION_OUTPUT => two_nodes;
    session_plaintext: "session/plaintext", SESSION;
    session_quotas: "session/quotas", SESSION_QUOTAS;
    session_refusals: "session/refusals", SESSION => two_nodes;
    session_rejoin: "session/rejoin", SESSION_REJOIN;
    session_rest: "session/rest", SESSION;
    session_signals: "session/signals", SESSION;
    session_tabs: "session/tabs", SESSION => two_nodes;
    session_unreadable: "session/unreadable", SESSION => two_nodes;
    transport_middleboxes: "transport/middleboxes", DIRECT;
    transport_protocol_engine: "transport/protocol-engine", PROTOCOLS;
    transport_protocol_socket: "transport/protocol-socket", PROTOCOLS;
    transport_published_client: "transport/published-client", PROTOCOLS;
    transport_published_content: "transport/published-content", PROTOCOLS;
    transport_reconnected_order: "transport/reconnected-order", STORED, mongodb => two_nodes;
    transport_transports: "transport/transports", DIRECT;
    transport_versions: "transport/versions", OLD_CLIENTS;
}

/// Runs one suite against a server of its own, which must be in good health afterwards and stop when asked.
/// The suite's environment has the server's settings, and `private` beside them.
pub(crate) fn run(suite: &str, settings: &[(&str, &str)], private: &[(&str, &str)]) {
    if !javascript::is_ready(suite) {
        return;
    }
    let mut relay = program::start(settings);
    let env = [settings, private].concat();
    javascript::run(suite, relay.url(), JWT_SECRET, &env);
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

/// The same, with a server that keeps everything in MongoDB.
fn mongodb(suite: &str, settings: &[(&str, &str)]) {
    if let Some(database) = Database::new() {
        let store = [("MONGODB_URI", database.uri())];
        run(suite, &[settings, &store].concat(), &[]);
    }
}

/// The same, with two servers that Redis joins, between which the suite's clients take turns.
fn two_nodes(suite: &str, settings: &[(&str, &str)]) {
    if !javascript::is_ready(suite) {
        return;
    }
    let Some(deployment) = Deployment::start(2, settings) else {
        return;
    };
    let urls = deployment.urls();
    let env = [settings, &[("RELAY_URLS", urls.as_str())]].concat();
    javascript::run(suite, deployment.relay(0).url(), JWT_SECRET, &env);
    deployment.stop();
}

/// Every suite below `tests/js`, as its folder and name.
fn files() -> BTreeSet<String> {
    let folders = javascript::folder().read_dir().unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("node_modules"));
    let files = folders.flat_map(|folder| folder.read_dir().unwrap());
    let names = files.filter_map(|entry| {
        let path = entry.unwrap().path();
        let suite = path.strip_prefix(javascript::folder()).unwrap().to_str()?;
        Some(suite.strip_suffix(".test.mjs")?.to_owned())
    });
    names.collect()
}
