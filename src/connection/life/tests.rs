//! A connection's life through the library, by polling requests in this process: what a member has
//! elsewhere is undone exactly once, whatever ends the connection, and nothing that is sent early
//! is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::Deserialize;
use socketioxide::SocketIo;
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::{
    Admission, Admitted, Due, Handler, Membership, Opening, Received, Registration, Services,
    deadlines, mount,
};
use crate::audit::{Audit, AuditOptions, SqliteStore};
use crate::config::Config;
use crate::connection::edge::{Library, polling_closer};
use crate::connection::{Close, Connection, Handshake, OpenConnections};
use crate::limits::AddressSlots;
use crate::model::{DisconnectReason, Refusal, Why};
use crate::transport::FlowLimits;

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What happened, counted.
#[derive(Debug, Default)]
struct Seen {
    registered: AtomicUsize,
    undone: AtomicUsize,
    opened: AtomicUsize,
    /// What `closed` got: whether there was a member.
    closed: Mutex<Vec<bool>>,
    connection: Mutex<Option<Arc<Connection>>>,
    /// Lets "slow" be admitted.
    admits_slow: Notify,
}

/// A registration that counts how often it is undone.
struct Counted(Arc<Seen>);

impl Registration for Counted {
    fn stop(&mut self) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.undone.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(default)]
    kind: String,
}

struct Probe {
    seen: Arc<Seen>,
    slots: AddressSlots,
}

impl Probe {
    fn register(&self) -> Membership<Self> {
        self.seen.registered.fetch_add(1, Ordering::SeqCst);
        Membership {
            member: "ann",
            registration: Counted(self.seen.clone()),
            expires_at: u64::MAX,
        }
    }
}

impl Handler for Probe {
    type Auth = Auth;
    type Member = &'static str;
    type Registration = Counted;

    async fn admit(
        &self,
        opening: Opening<'_>,
        auth: Auth,
    ) -> Result<Admitted<Self>, &'static str> {
        let client = opening.client();
        let slot = self.slots.take(client.address).ok_or("no slot")?;
        let connection = opening.connection(client, slot, auth.kind == "guest");
        *self.seen.connection.lock() = Some(connection.clone());
        let admission = match &*auth.kind {
            "guest" => Admission::Guest,
            "rejected" => Admission::Rejected(Refusal::new(Why::NoToken)),
            "refused" => {
                let _registered = self.register();
                return Err("refused");
            }
            "slow" => {
                let member = self.register();
                self.seen.admits_slow.notified().await;
                Admission::Member(member)
            }
            "closed early" => {
                connection.close(Close::Now, DisconnectReason::Revoked);
                Admission::Member(self.register())
            }
            "sent early" => {
                let admission = Admission::Member(self.register());
                connection.send("early", &1);
                admission
            }
            "disconnected early" => {
                let admission = Admission::Member(self.register());
                connection.send("early", &1);
                connection.close(Close::AfterFlush, DisconnectReason::Revoked);
                admission
            }
            _ => Admission::Member(self.register()),
        };
        Ok(Admitted {
            connection,
            admission,
        })
    }

    async fn opened(&self, connection: &Arc<Connection>, _member: Option<&&'static str>) {
        connection.open_with("welcome", &1);
        self.seen.opened.fetch_add(1, Ordering::SeqCst);
    }

    async fn event(&self, received: Received<'_, Self>) {
        let connection = received.life.connection();
        match received.event.name() {
            Some("panic") => panic!("as the test wants"),
            Some("enter") => assert!(received.life.enter(self.register())),
            Some("close twice") => {
                connection.close(Close::AfterFlush, DisconnectReason::Revoked);
                connection.close(Close::AfterFlush, DisconnectReason::ServerClosed);
                connection.close(Close::Now, DisconnectReason::ServerClosed);
            }
            _ => connection.send("echo", &1),
        }
    }

    fn due(&self, connection: &Connection, _due: Due) {
        connection.send("due", &1);
    }

    async fn closed(&self, _connection: &Arc<Connection>, member: Option<&'static str>) {
        self.seen.closed.lock().push(member.is_some());
    }
}

/// The library with a probe.
struct Server {
    library: Library,
    open: Arc<OpenConnections>,
    seen: Arc<Seen>,
    _folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let audit = Audit::start(store, folder.path(), AuditOptions::default()).unwrap();
        let (library, io) = SocketIo::builder().build_with_inner_svc(crate::http::fallback());
        let (seen, open) = (Arc::<Seen>::default(), Arc::<OpenConnections>::default());
        let probe = Probe {
            seen: seen.clone(),
            slots: AddressSlots::new(10),
        };
        let services = Services {
            open: open.clone(),
            audit,
            config: Arc::new(Config::default()),
            flow_limits: FlowLimits {
                receiver_budget: 1 << 20,
                sender_budget: 1 << 20,
                max_event: 1 << 20,
            },
            closer: polling_closer(library.clone()),
            node: "node".into(),
        };
        mount(&io, probe, services);
        Self {
            library,
            open,
            seen,
            _folder: folder,
        }
    }

    async fn request(&self, method: &str, sid: Option<&str>, body: &str) -> String {
        let sid = sid.map_or_else(String::new, |sid| format!("&sid={sid}"));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?EIO=4&transport=polling{sid}"))
            .body(Body::from(body.to_owned()))
            .unwrap();
        request.extensions_mut().insert(Handshake {
            address: [127, 0, 0, 1].into(),
            user_agent: None,
            authorization: None,
            token: None,
            dialect: None,
            link: None,
        });
        let response = self.library.clone().oneshot(request).await;
        let body = Body::new(response.unwrap().into_body());
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }

    /// A client that asks to be let in as this.
    async fn connect(&self, kind: &str) -> String {
        let handshake = self.request("GET", None, "").await;
        let (_, sid) = handshake.split_once(r#""sid":""#).unwrap();
        let (sid, _) = sid.split_once('"').unwrap();
        let connect = format!(r#"40{{"kind":"{kind}"}}"#);
        assert_eq!(self.request("POST", Some(sid), &connect).await, "ok");
        sid.to_owned()
    }

    /// All that the client receives until something has this in it.
    async fn receive(&self, sid: &str, until: &str) -> String {
        let mut received = String::new();
        let receiving = async {
            while !received.contains(until) {
                received += &self.request("GET", Some(sid), "").await;
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, receiving).await;
        assert!(done.is_ok(), "no {until:?} in {received:?}");
        received
    }

    async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let waiting = async {
            while !holds(&self.seen) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, waiting).await;
        assert!(done.is_ok(), "not {what}: {:?}", self.seen);
    }

    /// The connection has ended, and what it had is undone once: whether `closed` had a member.
    async fn assert_ended(&self, registered: usize, had_member: bool) {
        self.until("closed", |seen| !seen.closed.lock().is_empty())
            .await;
        // Nothing that comes later may undo it again.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let seen = &self.seen;
        assert_eq!(*seen.closed.lock(), [had_member]);
        assert_eq!(seen.registered.load(Ordering::SeqCst), registered);
        assert_eq!(seen.undone.load(Ordering::SeqCst), registered);
        assert_eq!(self.open.count(), 0);
    }

    fn connection(&self) -> Arc<Connection> {
        self.seen.connection.lock().clone().unwrap()
    }
}

#[tokio::test]
async fn a_member_that_leaves_is_undone_once() {
    let server = Server::start();
    let sid = server.connect("member").await;
    server.receive(&sid, "welcome").await;
    assert_eq!(server.seen.undone.load(Ordering::SeqCst), 0);
    server.request("POST", Some(&sid), "41").await;
    server.assert_ended(1, true).await;
    assert!(server.connection().is_closed());
}

#[tokio::test]
async fn a_transport_that_closes_behind_a_disconnect_undoes_nothing_twice() {
    let server = Server::start();
    let sid = server.connect("member").await;
    server.receive(&sid, "welcome").await;
    server.request("POST", Some(&sid), "41").await;
    server.request("POST", Some(&sid), "1").await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn closing_twice_undoes_once() {
    let server = Server::start();
    let sid = server.connect("member").await;
    server.receive(&sid, "welcome").await;
    server
        .request("POST", Some(&sid), r#"42["close twice"]"#)
        .await;
    server.assert_ended(1, true).await;
    let reason = server.connection().close_reason();
    assert_eq!(reason, Some(DisconnectReason::Revoked), "the first stays");
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_connection_and_undoes_once() {
    let server = Server::start();
    let sid = server.connect("member").await;
    server.receive(&sid, "welcome").await;
    server.request("POST", Some(&sid), r#"42["panic"]"#).await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_guest_that_became_a_member_is_undone_once() {
    let server = Server::start();
    let sid = server.connect("guest").await;
    server.receive(&sid, "welcome").await;
    server.request("POST", Some(&sid), r#"42["enter"]"#).await;
    server.request("POST", Some(&sid), r#"42["echo"]"#).await;
    server.receive(&sid, "echo").await;
    assert!(!server.connection().is_guest());
    server.request("POST", Some(&sid), "41").await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_guest_that_leaves_has_nothing_to_undo() {
    let server = Server::start();
    let sid = server.connect("guest").await;
    server.receive(&sid, "40").await;
    server.request("POST", Some(&sid), "41").await;
    server.assert_ended(0, false).await;
}

#[tokio::test]
async fn a_member_that_is_refused_at_last_is_undone() {
    let server = Server::start();
    let sid = server.connect("refused").await;
    server.receive(&sid, "44").await;
    server
        .until("undone", |seen| seen.undone.load(Ordering::SeqCst) == 1)
        .await;
    assert_eq!(server.open.count(), 0);
}

#[tokio::test]
async fn a_member_whose_connection_is_closed_before_it_opens_is_undone() {
    let server = Server::start();
    let sid = server.connect("closed early").await;
    server
        .until("undone", |seen| seen.undone.load(Ordering::SeqCst) == 1)
        .await;
    // The client is not let in, or has no session any more.
    let _ = server.request("GET", Some(&sid), "").await;
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
    assert_eq!(server.open.count(), 0);
}

#[tokio::test]
async fn what_is_sent_before_a_connection_opens_comes_behind_the_first_event() {
    let server = Server::start();
    let sid = server.connect("sent early").await;
    let received = server.receive(&sid, "early").await;
    let position = |text: &str| received.find(text).unwrap();
    assert!(position("40{") < position("welcome"), "{received}");
    assert!(position("welcome") < position("early"), "{received}");
}

#[tokio::test]
async fn a_member_disconnected_before_its_connection_opens_gets_what_was_sent() {
    let server = Server::start();
    let sid = server.connect("disconnected early").await;
    let received = server.receive(&sid, "41").await;
    let position = |text: &str| received.find(text).unwrap();
    assert!(
        position("early") < received.rfind("41").unwrap(),
        "{received}"
    );
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_client_that_is_rejected_hears_why_and_is_disconnected() {
    let server = Server::start();
    let sid = server.connect("rejected").await;
    let received = server.receive(&sid, "41").await;
    assert!(received.contains("due"), "{received}");
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_is_admitted_is_undone() {
    let server = Server::start();
    let watching = tokio::spawn(deadlines::watch(server.open.clone()));
    let sid = server.connect("slow").await;
    server
        .until("registered", |seen| {
            seen.registered.load(Ordering::SeqCst) == 1
        })
        .await;
    server.request("POST", Some(&sid), "1").await;
    server.seen.admits_slow.notify_one();
    server.assert_ended(1, true).await;
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
    watching.abort();
}
