//! A node for tests: all services, and clients that poll the library in this process. It does not
//! listen, and there are no other nodes.

use std::sync::Arc;

use jsonwebtoken::{EncodingKey, Header, encode};
use tempfile::TempDir;

use super::{assemble, socket_io};
use crate::app::App;
use crate::auth::Verifier;
use crate::config::{Config, Secret};
use crate::connection::Library;
use crate::connection::test_client::TestClient;
use crate::model::{Dialect, UserId};
use crate::reloads::Reloads;
use crate::transport::FlowLimits;

const SECRET: &str = "a secret of a test that is long enough";

/// A node.
pub(crate) struct TestNode {
    pub(crate) app: Arc<App>,
    library: Library,
    _folder: TempDir,
}

/// An authenticated client.
pub(crate) struct TestMember<'a> {
    node: &'a TestNode,
    user: UserId,
    client: TestClient,
}

impl TestNode {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// Starts one with other settings.
    pub(crate) async fn start_with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: folder.path().to_owned(),
            ..config
        };
        let secret = Secret::new(SECRET);
        let verifier = Verifier::new(&config, Some(&secret)).await.unwrap();
        let (audit, webhooks, stores) = assemble::open_stores(&config).await.unwrap();
        let flow = FlowLimits::from(&config).into();
        let (ask, _) = Reloads::new();
        let services = (audit, webhooks, stores, None);
        let app = assemble::app(&config.into(), ask, verifier, services).unwrap();
        let app = Arc::new(app);
        Self {
            library: socket_io::library(&app, &flow).0,
            app,
            _folder: folder,
        }
    }

    /// Connects a user with the dialect declared; returns once the client is authenticated.
    pub(crate) async fn connect(&self, user: &str, dialect: Dialect) -> TestMember<'_> {
        let claims = serde_json::json!({ "userId": user, "exp": u32::MAX });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::default(), &claims, &key).unwrap();
        let auth = serde_json::json!({ "token": token, "dialect": dialect.as_str() });
        let client = TestClient::connect(&self.library, &auth).await;
        client.receive("auth:success").await;
        TestMember {
            node: self,
            user: UserId::parse(user).unwrap(),
            client,
        }
    }
}

impl TestMember<'_> {
    /// Sends an event with a callback; returns once it is answered with success.
    pub(crate) async fn emit(&self, event: &str, payload: &str) {
        self.client
            .post(&format!(r#"420["{event}",{payload}]"#))
            .await;
        let received = self.client.receive("430").await;
        assert!(received.contains(r#""success":true"#), "{received}");
    }

    /// All that was sent to the client up to now and not received before.
    pub(crate) async fn received(&self) -> String {
        const LAST: &str = "the last event";
        for connection in self.node.app.users.connections(self.user.as_str()) {
            connection.send(LAST, &());
        }
        self.client.receive(LAST).await
    }
}
