//! Clients for tests, which poll the library in this process; and the library with a handler mounted,
//! where a test needs no services.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use socketioxide::SocketIo;
use tower::ServiceExt as _;

use super::Drain;
use super::edge::{Library, polling_closer};
use super::{Handler, Handshake, OpenConnections, Places, Services, mount};
use crate::audit::{Audit, AuditOptions, SqliteStore};
use crate::config::Config;
use crate::limits::{AddressLimits, Memory};
use crate::transport::FlowLimits;

/// How long anything may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The library with this handler mounted, and an audit in `folder`.
pub(crate) fn library_with<H: Handler>(
    handler: H,
    config: Arc<Config>,
    open: Arc<OpenConnections>,
    folder: &Path,
) -> Library {
    let store = SqliteStore::open(folder).unwrap();
    let (library, io) = SocketIo::builder().build_with_inner_svc(crate::http::fallback());
    let services = Services {
        open,
        audit: Audit::start(store, folder, AuditOptions::default()).unwrap(),
        flow_limits: FlowLimits::from(&*config),
        config,
        closer: polling_closer(library.clone()),
        node: "node".into(),
        drain: Drain::default(),
    };
    mount(&io, handler, services);
    library
}

/// A client with a session of polling.
pub(crate) struct TestClient {
    library: Library,
    sid: String,
}

impl TestClient {
    /// A client that asks to be let in with this `auth`. It has received nothing yet.
    pub(crate) async fn connect(library: &Library, auth: &Value) -> Self {
        let handshake = request(library, "GET", "", "").await;
        let (_, sid) = handshake.split_once(r#""sid":""#).unwrap();
        let (sid, _) = sid.split_once('"').unwrap();
        let client = Self {
            library: library.clone(),
            sid: sid.to_owned(),
        };
        client.post(&format!("40{auth}")).await;
        client
    }

    /// Sends a packet.
    pub(crate) async fn post(&self, packet: &str) {
        assert_eq!(self.request("POST", packet).await, "ok");
    }

    /// All that the client receives until something has this in it.
    pub(crate) async fn receive(&self, until: &str) -> String {
        let mut received = String::new();
        let receiving = async {
            while !received.contains(until) {
                received += &self.request("GET", "").await;
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, receiving).await;
        assert!(done.is_ok(), "no {until:?} in {received:?}");
        received
    }

    /// The answer to one request, whatever it is.
    pub(crate) async fn request(&self, method: &str, body: &str) -> String {
        request(&self.library, method, &format!("&sid={}", self.sid), body).await
    }
}

async fn request(library: &Library, method: &str, query: &str, body: &str) -> String {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/socket.io/?EIO=4&transport=polling{query}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    let (config, address) = (Config::default(), [127, 0, 0, 1].into());
    let places = Places::new(
        &config,
        Arc::new(AddressLimits::new(&config, &Memory::new(1 << 30))),
    );
    request.extensions_mut().insert(Handshake {
        address,
        user_agent: None,
        authorization: None,
        cookie: None,
        token: None,
        dialect: None,
        place: Weak::new(),
        account: places.take(address).unwrap().account().clone(),
        link: None,
    });
    let response = library.clone().oneshot(request).await.unwrap();
    let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
    String::from_utf8(body.unwrap().into()).unwrap()
}
