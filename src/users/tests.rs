//! The registry; and presence and delivery between real connections of the library, by polling requests
//! in this process.

mod told;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::blockers::tests::unblocked;
use super::{Audience, MAX_OFFLINE_USERS, Member, Presence, PresenceRenderer, Registration, Users};
use crate::audit::{Audit, AuditOptions, SqliteStore};
use crate::cluster::PresenceChange;
use crate::config::{Config, PresenceAudience};
use crate::connection::Library;
use crate::connection::test_client::{TIMEOUT, TestClient, library_with};
use crate::connection::{
    Admission, Admitted, Connection, ConnectionId, Drain, Due, Handler, Membership, Opening,
    Outcome, Received,
};
use crate::limits::Memory;
use crate::model::clock::SystemClock;
use crate::model::{Dialect, Identity, TokenFacts, UserId};
use crate::stores::conversations::{ConversationStores, SqliteConversations};

/// The grace of users who went offline.
const GRACE: Duration = Duration::from_millis(100);

/// What was sent of presence, over all tests: to which connection, of whom, and whether online.
static SENT: Mutex<Vec<(ConnectionId, UserId, bool)>> = Mutex::new(Vec::new());

const RENDERER: PresenceRenderer = PresenceRenderer {
    dialect: Dialect::Direct,
    audience: Audience::Peers,
    send: |change: &PresenceChange, receivers: &[Arc<Connection>]| {
        let sent = receivers
            .iter()
            .map(|connection| (connection.id, change.user.clone(), change.online));
        SENT.lock().extend(sent);
    },
};

/// The users of a token.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    user: String,
}

struct Admitting {
    presence: Arc<Presence>,
    newest: Arc<Mutex<Option<Arc<Connection>>>>,
    synced: Arc<AtomicBool>,
}

impl Handler for Admitting {
    type Auth = Auth;
    type Member = Arc<Member>;
    type Mark = ();
    type Registration = Registration;

    async fn admit(
        &self,
        opening: Opening<'_>,
        auth: Auth,
    ) -> Result<Admitted<Self>, &'static str> {
        let client = opening.client();
        let connection = opening.connection(client, false);
        let identity = Identity {
            user: id(&auth.user),
            name: auth.user.into(),
            avatar_url: None,
        };
        let registered = self.presence.register(identity, &connection).await;
        let (member, registration) = registered.map_err(|_| "not registered")?;
        *self.newest.lock() = Some(connection.clone());
        Ok(Admitted {
            connection,
            admission: Admission::Member(Membership {
                member,
                registration,
                token: TokenFacts::eternal(),
            }),
        })
    }

    async fn opened(&self, connection: &Arc<Connection>, member: Option<&Arc<Member>>) {
        connection.open_with("welcome", &1);
        if let Some(member) = member {
            self.presence.connected(&member.user).await;
            self.presence.sync(member).await;
            self.synced.store(true, Ordering::SeqCst);
        }
    }

    async fn event(&self, _: Received<'_, Self>) -> Outcome {
        Outcome::Done
    }

    fn due(&self, _: &Connection, _: Due) {}

    async fn closed(&self, _: &Arc<Connection>, _: Option<Arc<Member>>) {}
}

/// Users whose presence is rendered by [`RENDERER`].
struct Server {
    library: Library,
    users: Arc<Users>,
    newest: Arc<Mutex<Option<Arc<Connection>>>>,
    synced: Arc<AtomicBool>,
    _folder: TempDir,
}

/// A connected client.
struct Client {
    client: TestClient,
    id: ConnectionId,
}

fn id(user: &str) -> UserId {
    UserId::parse(user).unwrap()
}

fn audit(folder: &Path) -> Audit {
    let store = SqliteStore::open(folder).unwrap();
    Audit::start(store, folder, AuditOptions::default()).unwrap()
}

impl Server {
    fn start(presence_audience: PresenceAudience) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            presence_audience,
            offline_grace: GRACE,
            ..Config::default()
        };
        let conversations = SqliteConversations::open(folder.path(), Arc::new(SystemClock));
        let stores = ConversationStores::of(Arc::new(conversations.unwrap()));
        let users = Arc::new(Users::new(
            config.clone().into(),
            Memory::new(1 << 30),
            stores.blocks,
            None,
        ));
        let presence = Presence::new(
            users.clone(),
            stores.users,
            stores.conversations,
            Drain::default(),
            audit(&folder.path().join("audit")),
            vec![RENDERER],
        );
        let (newest, synced) = (Arc::default(), Arc::default());
        let admitting = Admitting {
            presence: Arc::new(presence),
            newest: Arc::clone(&newest),
            synced: Arc::clone(&synced),
        };
        let library = library_with(admitting, config, Arc::default(), folder.path());
        Self {
            library,
            users,
            newest,
            synced,
            _folder: folder,
        }
    }

    /// Connects a user; returns when others were sent so, and the client who is online.
    async fn connect(&self, user: &str) -> Client {
        self.synced.store(false, Ordering::SeqCst);
        let client = TestClient::connect(&self.library, &json!({ "user": user })).await;
        until("synced", || self.synced.load(Ordering::SeqCst)).await;
        Client {
            client,
            id: self.newest.lock().clone().unwrap().id,
        }
    }

    async fn disconnect(&self, user: &str, client: Client) {
        let before = self.users.connection_count(user);
        client.client.post("41").await;
        until("removed", || self.users.connection_count(user) < before).await;
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let done = tokio::time::timeout(TIMEOUT, waiting).await;
    assert!(done.is_ok(), "not {what}");
}

/// The changes that a client was sent.
fn sent(client: &Client) -> Vec<(String, bool)> {
    let sent = SENT.lock();
    let to_client = sent.iter().filter(|(receiver, ..)| *receiver == client.id);
    to_client
        .map(|(_, user, online)| (user.as_str().to_owned(), *online))
        .collect()
}

fn changes<const N: usize>(changes: [(&str, bool); N]) -> Vec<(String, bool)> {
    changes
        .map(|(user, online)| (user.to_owned(), online))
        .to_vec()
}

#[test]
fn the_user_offline_longest_is_forgotten_first() {
    let users = unblocked(Config::default());
    let numbered = |n: usize| id(&n.to_string());
    for n in 0..=MAX_OFFLINE_USERS.get() {
        users.get_or_create(&numbered(n));
        users.get_or_create(&numbered(0));
    }
    assert_eq!(users.all().len(), MAX_OFFLINE_USERS.get());
    assert!(users.get("0").is_some(), "used last");
    assert!(users.get("1").is_none());
}

#[tokio::test]
async fn everyone_is_sent_each_change_once() {
    let server = Server::start(PresenceAudience::Everyone);
    let ann = server.connect("ann").await;
    let bo = server.connect("bo").await;
    let second = server.connect("bo").await;
    assert_eq!(sent(&ann), changes([("bo", true)]));
    server.disconnect("bo", bo).await;
    server.disconnect("bo", second).await;
    until("offline", || sent(&ann).len() > 1).await;
    assert_eq!(sent(&ann), changes([("bo", true), ("bo", false)]));
    assert!(server.users.get("bo").unwrap().last_seen().is_some());
}

#[tokio::test]
async fn who_reconnects_within_the_grace_stays_online() {
    let server = Server::start(PresenceAudience::Everyone);
    let ann = server.connect("ann").await;
    let bo = server.connect("bo").await;
    server.disconnect("bo", bo).await;
    let _bo = server.connect("bo").await;
    // What must not be sent has no sign of its own: it would come when the grace is over.
    tokio::time::sleep(3 * GRACE).await;
    assert_eq!(sent(&ann), changes([("bo", true)]));
}

#[tokio::test]
async fn peers_are_sent_the_presence_of_each_other_and_others_nothing() {
    let server = Server::start(PresenceAudience::Peers);
    let ann = server.users.get_or_create(&id("ann"));
    server.users.add_peer(&ann, &id("bo"));
    let ann = server.connect("ann").await;
    let cleo = server.connect("cleo").await;
    let bo = server.connect("bo").await;
    assert_eq!(sent(&ann), changes([("bo", true)]));
    assert_eq!(sent(&bo), changes([("ann", true)]), "by the sync");
    assert_eq!(sent(&cleo), changes([]));
}

#[tokio::test]
async fn an_event_is_delivered_to_all_connections_of_its_receiver() {
    let server = Server::start(PresenceAudience::Peers);
    let bo = id("bo");
    let sender = server.users.get_or_create(&id("ann"));
    let receivers = server.users.receivers(&bo, &sender, 16).await;
    let sizes = [16].into_iter().collect();
    assert!(!receivers.send_sized("hello", &1, &sizes).await);
    let connections = [server.connect("bo").await, server.connect("bo").await];
    let receivers = server.users.receivers(&bo, &sender, 16).await;
    assert!(receivers.send_sized("hello", &1, &sizes).await);
    for client in &connections {
        let received = client.client.receive("hello").await;
        assert!(received.contains(r#"42["hello",1]"#), "{received}");
    }
}
