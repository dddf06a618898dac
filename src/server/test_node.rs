//! A node for tests: all services, and clients that poll the library in this process. It does not
//! listen, and there are no other nodes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use jsonwebtoken::{EncodingKey, Header, encode};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::{assemble, socket_io};
use crate::app::App;
use crate::auth::Verifier;
use crate::config::{Config, Secret};
use crate::connection::Handshake;
use crate::connection::edge::Library;
use crate::model::{Dialect, UserId};

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const SECRET: &str = "a secret of a test that is long enough";

/// A node.
pub(crate) struct TestNode {
    pub(crate) app: Arc<App>,
    library: Library,
    _folder: TempDir,
}

/// A connected client.
pub(crate) struct TestClient<'a> {
    node: &'a TestNode,
    user: UserId,
    sid: String,
}

impl TestNode {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Arc::new(Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        });
        let secret = Secret::new(SECRET);
        let verifier = Verifier::new(&config, Some(&secret)).await.unwrap();
        let (audit, stores) = assemble::open_stores(&config).await.unwrap();
        let app = Arc::new(assemble::app(&config, verifier, audit, stores, None));
        Self {
            library: socket_io::library(&app),
            app,
            _folder: folder,
        }
    }

    /// Connects a user with the dialect declared; returns once the client is authenticated.
    pub(crate) async fn connect(&self, user: &str, dialect: Dialect) -> TestClient<'_> {
        let claims = serde_json::json!({ "userId": user, "exp": u32::MAX });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::default(), &claims, &key).unwrap();
        let auth = serde_json::json!({ "token": token, "dialect": dialect.as_str() });
        let handshake = self.request("GET", None, "").await;
        let (_, sid) = handshake.split_once(r#""sid":""#).unwrap();
        let (sid, _) = sid.split_once('"').unwrap();
        let client = TestClient {
            node: self,
            user: UserId::parse(user).unwrap(),
            sid: sid.to_owned(),
        };
        client.post(&format!("40{auth}")).await;
        client.receive("auth:success").await;
        client
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
        let response = self.library.clone().oneshot(request).await.unwrap();
        let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
        String::from_utf8(body.unwrap().into()).unwrap()
    }
}

impl TestClient<'_> {
    /// Sends an event with a callback; returns once it is answered with success.
    pub(crate) async fn emit(&self, event: &str, payload: &str) {
        self.post(&format!(r#"420["{event}",{payload}]"#)).await;
        let received = self.receive("430").await;
        assert!(received.contains(r#""success":true"#), "{received}");
    }

    /// All that was sent to the client up to now and not received before.
    pub(crate) async fn received(&self) -> String {
        const LAST: &str = "the last event";
        for connection in self.node.app.users.connections(self.user.as_str()) {
            connection.send(LAST, &());
        }
        self.receive(LAST).await
    }

    async fn post(&self, packet: &str) {
        let answer = self.node.request("POST", Some(&self.sid), packet).await;
        assert_eq!(answer, "ok");
    }

    /// All that the client receives until something has this in it.
    async fn receive(&self, until: &str) -> String {
        let mut received = String::new();
        let receiving = async {
            while !received.contains(until) {
                received += &self.node.request("GET", Some(&self.sid), "").await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, receiving).await;
        assert!(done.is_ok(), "no {until:?} in {received:?}");
        received
    }
}
