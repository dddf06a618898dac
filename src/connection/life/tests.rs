//! A connection's life through the library, by polling requests in this process: what a member has
//! elsewhere is undone exactly once, whatever ends the connection, and nothing that is sent early
//! is lost.

mod admission;
mod ahead;
mod end;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

use super::{
    Admission, Admitted, Due, Handler, Membership, Opening, Outcome, Received, Registration,
    deadlines,
};
use crate::config::Config;
use crate::connection::Library;
use crate::connection::test_client::{TIMEOUT, TestClient, library_with};
use crate::connection::{Close, Connection, OpenConnections};
use crate::model::{DisconnectReason, Refusal, TokenFacts, Why};
use crate::payload::RawEvent;

/// What happened, counted.
#[derive(Debug, Default)]
struct Seen {
    registered: AtomicUsize,
    undone: AtomicUsize,
    opened: AtomicUsize,
    /// What `closed` got: whether there was a member.
    closed: Mutex<Vec<bool>>,
    connection: Mutex<Option<Arc<Connection>>>,
    /// All tokens were taken back.
    revoked: AtomicBool,
    /// Lets "slow" be admitted.
    admits_slow: Notify,
    /// "wait" is being handled, until it may go on.
    waits: AtomicUsize,
    goes_on: Notify,
    /// The numbers of events as they were begun, and as they were done.
    begun: Mutex<Vec<u64>>,
    done: Mutex<Vec<u64>>,
    /// The numbers of those that wait for nothing any more.
    released: watch::Sender<Vec<u64>>,
}

impl Seen {
    async fn is_released(&self, number: u64) {
        let mut released = self.released.subscribe();
        let released = released.wait_for(|all| all.contains(&number)).await;
        drop(released.unwrap());
    }
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
}

impl Probe {
    /// Handles an event that waits until its number is released: before it is handed over, or behind that.
    async fn wait(&self, name: &str, received: &Received<'_, Self>) {
        let number = received.event.argument().unwrap().unwrap();
        let number = number.get().parse().unwrap();
        self.seen.begun.lock().push(number);
        if name == "late" {
            self.seen.is_released(number).await;
        }
        received.place.handed_over();
        assert_ne!(name, "panics behind", "as the test wants");
        self.seen.is_released(number).await;
        received.place.turn().await;
        self.seen.done.lock().push(number);
    }

    fn register(&self) -> Membership<Self> {
        self.seen.registered.fetch_add(1, Ordering::SeqCst);
        Membership {
            member: "ann",
            registration: Counted(self.seen.clone()),
            token: TokenFacts::eternal(),
        }
    }
}

impl Handler for Probe {
    type Auth = Auth;
    type Member = &'static str;
    type Registration = Counted;
    type Mark = ();

    async fn admit(
        &self,
        opening: Opening<'_>,
        auth: Auth,
    ) -> Result<Admitted<Self>, &'static str> {
        let client = opening.client();
        let connection = opening.connection(client, auth.kind == "guest");
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

    async fn event(&self, received: Received<'_, Self>) -> Outcome {
        let connection = received.life.connection();
        match received.event.name() {
            "panic" => panic!("as the test wants"),
            "renew" => received.life.renew_token(TokenFacts::eternal()),
            "enter" => assert!(received.life.enter(self.register())),
            "close twice" => {
                connection.close(Close::AfterFlush, DisconnectReason::Revoked);
                connection.close(Close::AfterFlush, DisconnectReason::ServerClosed);
                connection.close(Close::Now, DisconnectReason::ServerClosed);
            }
            "wait" => {
                self.seen.waits.fetch_add(1, Ordering::SeqCst);
                self.seen.goes_on.notified().await;
                connection.send("went on", &1);
            }
            name @ ("ahead" | "late" | "panics behind") => self.wait(name, &received).await,
            _ => {
                connection.send("echo", &1);
                self.seen.done.lock().push(0);
            }
        }
        Outcome::Done
    }

    fn goes_ahead(&self, _: &Connection, event: &RawEvent) -> bool {
        event.name() != "echo"
    }

    fn is_revoked(&self, _: &str, _: &TokenFacts) -> bool {
        self.seen.revoked.load(Ordering::SeqCst)
    }

    fn due(&self, connection: &Connection, due: Due) {
        let why = matches!(due, Due::Revoked).then_some("revoked");
        connection.send("due", &why);
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
        let (seen, open) = (Arc::<Seen>::default(), Arc::<OpenConnections>::default());
        let probe = Probe { seen: seen.clone() };
        let config = Config::default();
        let library = library_with(probe, config, open.clone(), folder.path());
        Self {
            library,
            open,
            seen,
            _folder: folder,
        }
    }

    /// A client that asks to be let in as this.
    async fn connect(&self, kind: &str) -> TestClient {
        TestClient::connect(&self.library, &json!({ "kind": kind })).await
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
