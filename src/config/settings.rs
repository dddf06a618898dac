//! The one table of settings. Everything else about them (the [`Config`] type, reading, unknown keys,
//! `print-config`, `config/relay.toml`, `.env.example`) comes from it.
//!
//! A line is `name: type = default`, then `env` when the variable is not the name in upper case, and
//! `check` for a range. The first doc line stands alone in `.env.example`.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::admin_tokens::AdminTokens;
use super::base_path::BasePath;
use super::check::{
    at_least, between, if_set, long_enough, node_name, one_of, redis_prefix, zero_or_at_least,
    zero_or_some_bytes,
};
use super::choices::{
    AccessLogForm, AuthErrorStyle, ExpiredTokens, JwtAlgorithm, LogFormat, LogLevel,
    PresenceAudience, ProxyProtocol, SpoolFull, Transport, WhoMayAdd,
};
use super::claims::{ClaimPath, RequiredClaim};
use super::client_files;
use super::cookie::CookieNames;
use super::endpoint_url::EndpointUrl;
use super::host::Host;
use super::listen_address::ListenAddress;
use super::mongo_uri::{MongoPrefix, MongoUri};
use super::origin::Origin;
use super::origins::{AllowedOrigin, AllowedOrigins, PublicHosts};
use super::problems::Problems;
use super::publish_events::PublishEvents;
use super::rate::Rate;
use super::redis_url::RedisUrl;
use super::secret::Secret;
use super::setting::{Entry, Setting, settings};
use super::types::SettingType;
use super::url::HttpUrl;
use super::values::Values;
use super::webhook_endpoints::Endpoints;
use super::webhook_secrets::SigningSecrets;
use crate::model::{Dialect, FactTypes};
use crate::payload::DEEPEST;

settings! {
    ["Server"]
    /// Address to listen on, or a name that has one; of several the first of IPv4 is taken.
    host: Host = Host::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    /// Port to listen on; 0 takes any free one.
    port: u16 = 3000;
    /// What the paths of all requests begin with, as in /relay, for proxies that pass it on: then /relay/socket.io and
    /// /relay/api are served, besides those without it. When not set, nothing.
    base_path: BasePath = BasePath::default();
    /// Folder of the embedded database, the spool and the signing secret, made when missing.
    /// A relative path starts at the working directory.
    data_dir: PathBuf = PathBuf::from("./data");
    /// Client families served: direct, session, feed, chat, conversation.
    /// With a single one, every connection speaks it without saying so.
    dialects: Vec<Dialect> = Dialect::ALL.to_vec();
    /// Name of this server in the audit, in /health, and in front of the ids of polling sessions.
    /// When not set, the name of the machine. A load balancer finds the server of a session by it.
    node_name: String = "relay".to_owned(), check |name| node_name(name);
    /// Longest time a stop may take: clients are closed and queues written within it.
    drain_timeout: Duration = Duration::from_secs(15), check at_least(MIN_TIME);

    ["Logging"]
    /// Diagnostics: logs at least at level debug. Content is never logged.
    /// A variable DEBUG that is neither true nor false is for other software, and is ignored.
    debug: bool = false;
    /// Least important level logged: error, warn, info, debug, trace.
    log_level: LogLevel = LogLevel::Info;
    /// Form of a log line: text, or json (one object a line).
    log_format: LogFormat = LogFormat::Text;
    /// Access log on standard output: off, text, or json (one object a line).
    /// It has a line for each request and for each connection that ends, without paths, queries or content.
    access_log: AccessLogForm = AccessLogForm::Off;
    /// Whether its lines name the user, where one is known.
    access_log_users: bool = false;

    ["Authentication"]
    /// Shared secret of the tokens (HS256), at least 32 bytes.
    /// When not set, a random one is made once and kept in data_dir, in the file jwt_secret.
    jwt_secret: Option<Secret> = None, env ["JWT_SECRET", "JWT_ACCESS_SECRET"], check long_enough;
    /// Signature algorithms accepted: HS256, RS256, ES256, EdDSA.
    /// All but HS256 need jwt_public_key_file or jwks_url.
    jwt_algorithms: Vec<JwtAlgorithm> = vec![JwtAlgorithm::Hs256];
    /// PEM file with the public key for RS256, ES256 or EdDSA.
    jwt_public_key_file: Option<PathBuf> = None;
    /// Address of a JSON Web Key Set with the public keys.
    /// It is fetched at the start, every five minutes, and when a token names a key that it lacks.
    jwks_url: Option<HttpUrl> = None;
    /// The issuer (`iss`) a token must name. When not set, it is not checked.
    jwt_issuer: Option<String> = None;
    /// The audience (`aud`) a token must name. When not set, it is not checked.
    jwt_audience: Option<String> = None;
    /// Claims with a user's id; the first that a token has counts. A claim within others is named as in user.id.
    jwt_user_id_claims: Vec<ClaimPath> = ["userId", "id", "sub"].map(ClaimPath::new).to_vec();
    /// Claims that a token must have, each as name or name=value, such as type=access.
    /// Tokens that are signed with the same key for something else, such as refreshing others, do not count so.
    jwt_required_claims: Vec<RequiredClaim> = Vec::new();
    /// Claim with the session that a token belongs to: all tokens of one sign-in can be revoked by it.
    /// A claim within others is named as in auth.sid.
    jwt_session_claim: ClaimPath = ClaimPath::new("sid");
    /// How long a revoked token stays revoked if that is not said. It should be as long as any token is good for.
    revocation_ttl: Duration = Duration::from_secs(30 * 24 * 3600), check at_least(Duration::from_secs(60));
    /// Most revocations in effect at one time; each takes about 100 bytes of memory on every server.
    max_revocations: usize = 1_000_000, check at_least(1);
    /// Cookies that a token may be in, by their names; the first that is there counts.
    /// They count for pages of the server's own or a listed origin only, and after all other places.
    auth_cookie: CookieNames = CookieNames::default();
    /// How far the clocks of the server and of the signer may be apart.
    jwt_leeway: Duration = Duration::from_secs(5), check between(Duration::ZERO, HOUR);
    /// How a refused handshake is answered: connect_error, or event.
    /// With event the client is admitted, gets `auth:error` and is disconnected.
    auth_error_style: AuthErrorStyle = AuthErrorStyle::ConnectError;
    /// Time a connection without a token has to authenticate or to join a session.
    guest_timeout: Duration = Duration::from_secs(10), check at_least(MIN_TIME);
    /// Bytes a connection without a token may send until then.
    guest_max_bytes: u64 = 65_536, check at_least(1024);
    /// How long before its token expires a client is told; 0 never tells.
    auth_expiring_notice: Duration = Duration::from_secs(60);
    /// What becomes of a connection when its token expires: disconnect, or keep.
    /// With keep it stays until the client leaves or an administrator ends it; a new one needs a good token in any case.
    expired_tokens: ExpiredTokens = ExpiredTokens::Disconnect;
    /// Status over REST of a request whose token has expired: 403, or 401 for clients that fetch another one only then.
    expired_token_status: u16 = 403, check one_of(&[401, 403]);
    /// Token that opens the admin routes, at least 32 bytes. When not set, they are closed.
    admin_token: Option<Secret> = None, check long_enough;
    /// Further such tokens, each as NAME:SCOPE+SCOPE:SHA256 with what it opens and its hash, never the token itself.
    /// `sealed-relay admin-token NAME SCOPE…` makes one. Scopes: publish, presence, connections, provision, revoke, audit,
    /// webhooks, metrics, all.
    admin_tokens: AdminTokens = AdminTokens::default();

    ["Operations"]
    /// Address and port of a second listener, for probes, /metrics and administrators, such as 127.0.0.1:9090.
    /// It should be reachable by operators only: /metrics is open there. Port 0 takes any free one; when not set, there is none.
    internal_listen: Option<ListenAddress> = None;
    /// Whether the admin routes are served to clients' addresses, too, where there is an internal listener.
    admin_public: bool = false;
    /// Whether the descriptions are served to clients: /docs, /openapi.json and /asyncapi.json.
    api_docs: bool = true;
    /// Folder with the published client for browsers, served as /socket.io/socket.io.js and so on, such as
    /// node_modules/socket.io-client/dist. When not set, there is none.
    client_files: Option<PathBuf> = None, check client_files::has_client;
    /// Token that opens /metrics where there is no internal listener, at least 32 bytes. That of administrators does, too.
    metrics_token: Option<Secret> = None, check long_enough;
    /// Whether /metrics is open to everybody who reaches the server.
    metrics_public: bool = false;

    /// Whether the published Admin UI of Socket.IO may connect: namespace /admin, with the name and the token of an
    /// administrator who may do `connections`. Its origin has to be named in allowed_origins; * is not enough.
    admin_ui: bool = false;
    /// Most connections on all servers with which it is shown each of them; with more, it is shown counts only.
    admin_ui_max_sockets: usize = 1_000, check between(0, 10_000);
    /// Whether it may disconnect nobody.
    admin_ui_readonly: bool = false;
    /// Whether it is shown the ids of users.
    admin_ui_users: bool = false;

    ["Publishing"]
    /// Events that a backend may send to clients by POST /api/admin/publish: names, or prefixes that end in *.
    /// Those that have a meaning already cannot be among them.
    publish_events: PublishEvents = PublishEvents::default();
    /// Largest data of such an event, in bytes of JSON.
    publish_max_bytes: usize = 65_536, check between(1, 1 << 24);
    /// Targets that may be published to with one token.
    publish_rate: Rate = Rate::per_second(200);
    /// How many of these may come at once.
    publish_burst: NonZeroU32 = nonzero(1_000), check at_least(nonzero(1_000));

    ["Webhooks"]
    /// Endpoint of the backend that is told what happens, never content: an https:// URL. When not set, there is none.
    /// It is told from the moment on at which the server first knows its name, which is default.
    webhook_url: Option<EndpointUrl> = None;
    /// Secrets that its requests are signed with, by Standard Webhooks: each whsec_ and the Base64 of 24 to 64 random bytes.
    /// There are several while they are changed: each request is signed with all of them.
    webhook_secrets: SigningSecrets = SigningSecrets::default();
    /// What it is told of, or * for everything. When not set, everything but message.sent, connection.* and auth.failed.
    webhook_events: FactTypes = FactTypes::default();
    /// Further endpoints, at most 16 in all, each with name, url, secrets and, if need be, events.
    /// In the file they are written as `[[webhooks]]`; there is no variable for them.
    webhooks: Endpoints = Endpoints::default();
    /// How long messages that nobody was there to receive are gathered for each recipient: endpoints are told of the last
    /// one, with the number of all. 0 tells of each.
    webhook_coalesce: Duration = Duration::ZERO, check between(Duration::ZERO, Duration::from_secs(3600));
    /// How long it is tried to tell an endpoint something; then it counts as dead, and is not told any more.
    webhook_max_age: Duration = Duration::from_secs(72 * 3600), check at_least(MIN_TIME);
    /// Time that an endpoint has to answer.
    webhook_timeout: Duration = Duration::from_secs(15), check between(MIN_TIME, Duration::from_secs(240));
    /// Whether endpoints may be in this machine or a private network, and called by http://.
    webhook_private_networks: bool = false;

    ["Transport"]
    /// Transports served: websocket, polling.
    transports: Vec<Transport> = vec![Transport::Websocket, Transport::Polling];
    /// Whether Socket.IO v2 clients (EIO=3) are admitted.
    allow_eio3: bool = false;
    /// Time between two pings to a client.
    ping_interval: Duration = Duration::from_secs(25), check at_least(MIN_TIME);
    /// Time a client has to answer a ping.
    ping_timeout: Duration = Duration::from_secs(20), check at_least(MIN_TIME);
    /// Time a new connection has to enter the namespace.
    connect_timeout: Duration = Duration::from_secs(10), check at_least(MIN_TIME);
    /// Time an upgrade from polling to WebSocket may take.
    upgrade_timeout: Duration = Duration::from_secs(10), check at_least(MIN_TIME);
    /// Largest event, in bytes. A larger one closes its connection.
    max_event_bytes: usize = 10_000_000, check between(1024, 1 << 30);
    /// Most binary attachments of one event. Published clients give up on an event with more than 10.
    max_attachments: usize = 10, check between(0, 1000);
    /// Deepest nesting of JSON that clients are sent, of which a field has all levels but four.
    /// Of the published clients, the one for C# reads at most 64.
    max_depth: usize = 64, check between(8, DEEPEST);
    /// Bytes a connection may send before it is authenticated.
    handshake_max_bytes: u64 = 65_536, check at_least(1024);
    /// Largest head of a request, its first line and headers, in bytes.
    max_head_bytes: usize = 16_384, check between(8192, 1 << 20);
    /// Time a client has for the head of a request, and for its body beside what its size takes.
    request_timeout: Duration = Duration::from_secs(10), check at_least(MIN_TIME);
    /// Slowest a client may send the body of a request, in bytes per second; 0 sets no limit.
    min_request_rate: u64 = 4096;
    /// PEM file with the certificate by which clients know this server, and the chain behind it. When not set, no TLS is spoken.
    /// The file is read again when it changes, and at a reload: connections stay.
    tls_cert_file: Option<PathBuf> = None;
    /// PEM file with its private key, which is read again likewise.
    tls_key_file: Option<PathBuf> = None;
    /// Whether connections begin with a PROXY header, version 1 or 2: off, or required.
    /// Then only trusted_proxies may connect, and the address that they name counts as the client's.
    proxy_protocol: ProxyProtocol = ProxyProtocol::Off;
    /// Addresses or networks of proxies whose X-Forwarded-For, or else Forwarded, is believed.
    trusted_proxies: Vec<IpNet> = Vec::new();
    /// Origins of web pages that may call, for REST and sockets alike; "*" allows every one.
    /// `https://*.example.com` allows those of all hosts below example.com. The variables add up.
    /// Shells of applications are named as they say it: `file://`, `app://.`, `capacitor://localhost`, `tauri://localhost`.
    /// Clients that send no Origin are always allowed.
    allowed_origins: AllowedOrigins = default_origins(),
        env ["CORS_ORIGIN", "CLIENT_URL", "FRONTEND_URL", "ALLOWED_ORIGINS", "SOCKET_CORS_ORIGIN"];
    /// Hosts under which browsers reach this server: pages from there may call it, too.
    /// So they may without it if a proxy of trusted_proxies forwards the host.
    public_hosts: PublicHosts = PublicHosts::default();

    ["Flow control"]
    /// Bytes that all clients together may make the server hold.
    /// When not set, half of the memory of the machine or container. The more is held, the less each user may have.
    memory_budget: Option<usize> = None, check if_set(at_least(1 << 26));
    /// Bytes that may wait for one receiver before its senders are slowed down.
    receiver_budget: usize = 8_388_608, check at_least(65_536);
    /// Bytes that may wait from one sender before it is read more slowly.
    sender_budget: usize = 8_388_608, check at_least(65_536);
    /// Time after which a client that takes no byte of what waits for it is disconnected.
    write_deadline: Duration = Duration::from_secs(15), check at_least(Duration::from_secs(1));
    /// Slowest a client may take what waits for it, in bytes per second; 0 sets no limit.
    min_drain_rate: u64 = 4096;
    /// Slowest that one receiver may make the events of those who send to it, in bytes per second, but files.
    /// Beyond it, it is left behind, and disconnected when twice its receiver_budget waits for it.
    pair_min_rate: NonZeroU32 = nonzero(65_536);
    /// Slowest that a slow member of a room may make those who send to it, in bytes per second.
    /// Beyond it, it is left behind, and disconnected when twice its receiver_budget waits for it.
    room_min_rate: NonZeroU32 = nonzero(1_048_576);

    ["Limits"]
    /// Whether the rates below are limited.
    rate_limits: bool = true;
    /// Messages, edits, reactions and key exchanges of one user.
    message_rate: Rate = Rate::per_second(30);
    /// How many of these may come at once. Over a socket, half as many more wait until they are allowed.
    message_burst: NonZeroU32 = nonzero(120);
    /// Typing and presence of one socket, and apart from these receipts; over the limit the first are dropped, and for
    /// receipts the socket is read more slowly.
    signal_rate: Rate = Rate::per_second(20);
    /// How many of these may come at once.
    signal_burst: NonZeroU32 = nonzero(60);
    /// Requests that open a connection, from one IP address.
    handshake_rate: Rate = Rate::per_second(50);
    /// How many of these may come at once.
    handshake_burst: NonZeroU32 = nonzero(200);
    /// Reservations of sessions from one IP address, and joins that make one.
    join_rate: Rate = Rate::per_second(10);
    /// How many of these may come at once.
    join_burst: NonZeroU32 = nonzero(60);
    /// Joins and leaves of one user, or of one socket without a user; over it they are read more slowly.
    subscription_rate: Rate = Rate::per_second(30);
    /// How many of these may come at once.
    subscription_burst: NonZeroU32 = nonzero(300);
    /// File chunks of one user, in bytes per second; over it the user is read more slowly.
    file_rate: NonZeroU32 = nonzero(67_108_864);
    /// How many bytes of file chunks may come at once.
    file_burst: NonZeroU32 = nonzero(134_217_728);
    /// Conversations that one user may make in a day.
    conversations_per_day: NonZeroU32 = nonzero(1_000);
    /// Participants that one user may add in a day, also with new conversations.
    participants_per_day: NonZeroU32 = nonzero(10_000);
    /// Most participants of one conversation.
    max_participants: usize = 1_000, check between(2, 100_000);
    /// Who may make somebody a participant of a conversation: anyone, shares-conversation, invite.
    /// With shares-conversation, only who is active in a conversation in which the other is, too; administrators add everybody.
    /// With invite, who is added by another is invited until they join or post; administrators add everybody at once.
    who_may_add: WhoMayAdd = WhoMayAdd::Anyone;
    /// Bytes of messages that one user may have stored in a day.
    stored_bytes_per_day: NonZeroU32 = nonzero(1_073_741_824);
    /// Messages that requests of one user pass over by their offset, in a second; more wait.
    offset_rate: NonZeroU32 = nonzero(100_000);
    /// How many of these may be passed over at once.
    offset_burst: NonZeroU32 = nonzero(1_000_000);
    /// Bytes of histories and lists of keys that one user, the guests of one address, or one session
    /// makes the relay send in a second. What is over it comes later.
    output_rate: NonZeroU32 = nonzero(16_777_216);
    /// Such bytes at once, above the rate.
    output_burst: NonZeroU32 = nonzero(67_108_864);
    /// Requests of one IP address, and events of one socket, that are refused; more are answered later.
    refusal_rate: Rate = Rate::per_second(20);
    /// How many of these may come at once.
    refusal_burst: NonZeroU32 = nonzero(200);
    /// Failed authentications from one IP address or of one user, wrong keys of one session from one IP address.
    /// More are answered as too many. What is right is accepted all the same.
    failed_auth_rate: Rate = Rate::per_minute(20);
    /// Connections open at once from one IP address.
    max_connections_per_ip: u32 = 256, check at_least(1);
    /// Connections of all addresses that are not admitted yet; of more, the oldest is closed.
    max_unadmitted: u32 = 10_000, check at_least(1);
    /// Connections open at once of one user; of more, the oldest that does not answer is closed.
    max_connections_per_user: u32 = 32, check at_least(1);
    /// Longest id or name in an event, in bytes.
    max_id_bytes: usize = 128, check between(1, 1024);
    /// Longest public key or signature, in bytes.
    max_key_bytes: usize = 65_536, check at_least(1);
    /// Largest encryptedKeys of a set-session-key, in bytes.
    max_session_keys_bytes: usize = 262_144, check at_least(1);
    /// Longest content of a message in a stored conversation, in characters.
    max_content_chars: usize = 10_000, check between(1, 1 << 20);
    /// The same in bytes, as it is written in JSON, with all other fields of the message. When not set, twelve for each character, the most that one takes.
    max_content_bytes: Option<usize> = None, check if_set(at_least(1));
    /// Longest file name, in bytes; it may be encrypted.
    max_file_name_bytes: usize = 4096, check at_least(1);

    ["Sessions"]
    /// Most sessions of the dialect `session` at one time.
    max_sessions: usize = 100_000, check at_least(1);
    /// Sessions that one IP address may make within session_idle_timeout.
    max_sessions_per_ip: u32 = 2_000, check at_least(1);
    /// Most members of one session in group mode. The other modes have two.
    session_max_members: usize = 100, check at_least(2);
    /// Most sessions that one connection may be in.
    max_sessions_per_connection: usize = 16, check at_least(1);
    /// Most messages kept in the history of one session.
    session_history_messages: usize = 1000;
    /// Most bytes of messages kept in the history of one session.
    session_history_bytes: usize = 16_777_216, check between(0, 1 << 30);
    /// Bytes of messages and keys kept in all sessions together. Over it the longest histories are
    /// cut; when there is nothing left to cut, joins are refused.
    sessions_memory: usize = 1 << 30, check at_least(1 << 20);
    /// Time a reserved session waits for its first member.
    session_reserved_timeout: Duration = Duration::from_secs(1800), check at_least(MIN_TIME);
    /// Time a session without members is kept after it was last used.
    session_idle_timeout: Duration = Duration::from_secs(1800), check at_least(MIN_TIME);
    /// Time any session is kept after it was last used.
    session_max_idle: Duration = Duration::from_secs(7200), check at_least(MIN_TIME);
    /// Time a member who was disconnected has to come back without sending the public key again, and to its place of two.
    session_rejoin_grace: Duration = Duration::from_secs(60);
    /// Time that events of a member who is back wait until it has joined again, and joins of feed for the token of
    /// their client; 0 refuses them at once.
    session_join_wait: Duration = Duration::from_secs(5);

    ["Presence"]
    /// Who is told that a user of `direct` came or went: auto, everyone, peers.
    /// With auto, everyone while at most presence_everyone_limit users are connected, then peers.
    presence_audience: PresenceAudience = PresenceAudience::Auto;
    /// Most connected users with whom auto still tells everyone.
    presence_everyone_limit: usize = 500;
    /// Most peers remembered of one user.
    presence_peers_limit: usize = 200, check at_least(1);
    /// Time a user has to come back before others are told they left; 0 tells at once.
    offline_grace: Duration = Duration::from_secs(2);

    ["Audit and stores"]
    /// Days that audit records are kept; 0 keeps all.
    audit_retention_days: u32 = 90;
    /// Largest audit that is stored, in bytes; beyond it records are removed, what floods make first. 0 keeps all.
    /// When not set: 10 GiB, or a fifth of the disk of data_dir if that is less and the audit is there.
    audit_max_bytes: Option<u64> = None, check zero_or_some_bytes;
    /// Refusals from one IP address, with no user named, that are recorded one by one in a minute.
    /// For those on top there is one record of each kind with a count, when the minute ends.
    audit_refusals_per_ip: u32 = 30, check at_least(1);
    /// Anything else that one IP address does without a user, recorded likewise.
    audit_events_per_ip: u32 = 1200, check at_least(1);
    /// Refusals of one user that are recorded one by one in a minute; those on top as above.
    audit_refusals_per_user: u32 = 60, check at_least(1);
    /// Connects, disconnects, joins and leaves of one user, recorded likewise.
    audit_events_per_user: u32 = 600, check at_least(1);
    /// Parts of files that one user sends, recorded likewise.
    audit_file_parts_per_user: u32 = 6000, check at_least(1);
    /// Audit records that may wait in memory while their spool cannot be written.
    audit_queue: usize = 65_536, check at_least(1);
    /// Largest spool, in bytes: where audit records wait while their store does not take them.
    audit_spool_max_bytes: u64 = 1 << 30, check at_least(1 << 20);
    /// What happens when the spool is full: drop-oldest or refuse.
    /// The one drops the oldest records, the other refuses clients' events and connections until
    /// half of it is free.
    audit_spool_full: SpoolFull = SpoolFull::DropOldest;
    /// Time that messages of conversations are kept; 0 keeps all.
    /// An administrator may set another for single conversations.
    message_retention: Duration = Duration::ZERO, check zero_or_at_least(MIN_MESSAGE_RETENTION);
    /// Time that changes of conversations are kept, for clients that come back; 0 keeps all.
    /// Messages are none of these: what goes is when they were edited or deleted, who was added.
    changes_retention: Duration = Duration::from_secs(30 * 24 * 3600), check zero_or_at_least(HOUR);
    /// MongoDB that keeps the audit, users and conversations; else they are kept in data_dir.
    /// mongodb:// or mongodb+srv://, with the name of the database (sealed_relay).
    mongodb_uri: Option<MongoUri> = None, env ["MONGODB_URI", "MONGO_URI"];
    /// What the names of all collections in MongoDB begin with, so that none is another program's.
    /// Set it to "", which an empty variable does as well, where an application shares them on purpose (docs/mongodb.md).
    mongodb_prefix: MongoPrefix = MongoPrefix::default();
    /// Collection of an application in the same database, where the names of users are whose tokens have none.
    /// It is only read. A name that an administrator gave comes first.
    users_collection: Option<String> = None;
    /// Field of its documents that has a user's id: a string, an integer or an ObjectId. It needs an index.
    users_id_field: String = "_id".to_owned();
    /// Field that has the name, also one within another document, as in profile.name.
    users_name_field: String = "name".to_owned();

    ["Several servers"]
    /// Redis 7 or newer that joins several servers, which then need mongodb_uri, too.
    /// redis:// or rediss://; redis-sentinel://host,host/name; redis-cluster://host,host.
    redis_url: Option<RedisUrl> = None;
    /// First part of the name of every key and channel in Redis.
    /// Servers with the same one are one deployment.
    redis_prefix: String = "sealed-relay".to_owned(), check |prefix| redis_prefix(prefix);
}

/// The shortest time that a timeout or interval may be.
const MIN_TIME: Duration = Duration::from_millis(100);

/// The shortest time that messages may be kept.
pub(crate) const MIN_MESSAGE_RETENTION: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

const fn nonzero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// The usual addresses of a front end under development.
fn default_origins() -> AllowedOrigins {
    let origins = [
        "http://localhost:5173",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "http://127.0.0.1:3000",
    ];
    let origins = origins.into_iter().filter_map(Origin::parse);
    AllowedOrigins::List(origins.map(AllowedOrigin::One).collect())
}
