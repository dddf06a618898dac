//! Clients for tests, which poll in this process; and the library with a handler mounted,
//! where a test needs no services.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use socketioxide::SocketIo;

use super::Drain;
use super::{Came, Handler, Handshake, Library, OpenConnections, Places, Services, mount};
use crate::audit::{Audit, AuditOptions, SqliteStore};
use crate::config::{Config, LiveConfig};
use crate::engine_io::{Revision, Session, Sessions};
use crate::limits::{AddressLimits, Memory};
use crate::transport::FlowLimits;

/// How long anything may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The library with this handler mounted, and an audit in `folder`.
pub(crate) fn library_with<H: Handler>(
    handler: H,
    config: Config,
    open: Arc<OpenConnections>,
    folder: &Path,
) -> Library {
    let store = SqliteStore::open(folder).unwrap();
    let (library, io) = Library::build(SocketIo::builder());
    let services = Services {
        open,
        audit: Audit::start(store, folder, AuditOptions::default()).unwrap(),
        flow_limits: FlowLimits::from(&config).into(),
        config: config.into(),
        node: "node".into(),
        drain: Drain::default(),
    };
    mount(&io, handler, services);
    library
}

/// A client with a session of polling.
pub(crate) struct TestClient {
    session: Arc<Session>,
}

impl TestClient {
    /// A client that asks to be let in with this `auth`. It has received nothing yet.
    pub(crate) async fn connect(library: &Library, auth: &Value) -> Self {
        let config = Config::default();
        let sessions = Sessions::new((&config).into());
        let (session, stream) = sessions.begin(Revision::V4, false);
        let handshake = handshake(&config.into()).carried_by(session.clone());
        library.serve(stream, Revision::V4, handshake).await;
        let client = Self { session };
        client.post(&format!("40{auth}")).await;
        client
    }

    /// Sends a packet.
    pub(crate) async fn post(&self, packet: &str) {
        assert_eq!(self.try_post(packet).await, "ok");
    }

    /// The answer to a packet, whatever it is.
    pub(crate) async fn try_post(&self, packet: &str) -> String {
        let body = Body::from(packet.to_owned());
        text(self.session.post(&HeaderMap::new(), body).await).await
    }

    /// All that the client receives until something has this in it.
    pub(crate) async fn receive(&self, until: &str) -> String {
        let mut received = String::new();
        let receiving = async {
            while !received.contains(until) {
                received += &self.poll().await;
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, receiving).await;
        assert!(done.is_ok(), "no {until:?} in {received:?}");
        received
    }

    /// The answer to one poll, whatever it is.
    pub(crate) async fn poll(&self) -> String {
        text(self.session.poll().await).await
    }
}

async fn text(response: Response) -> String {
    let body = to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(body.unwrap().into()).unwrap()
}

fn handshake(config: &LiveConfig) -> Handshake {
    let address = [127, 0, 0, 1].into();
    let places = Places::new(
        config,
        Arc::new(AddressLimits::new(config, &Memory::new(1 << 30))),
    );
    Handshake {
        address,
        user_agent: None,
        authorization: None,
        cookie: None,
        token: None,
        dialect: None,
        came: Came::default(),
        trace: None,
        is_internal: false,
        place: Weak::new(),
        account: places.take(address).unwrap().account().clone(),
        carrier: None,
    }
}
