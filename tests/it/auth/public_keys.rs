//! Tokens signed with private keys: makes key pairs, serves a key set, and runs the suites of `tests/js` that need them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::clients::run;
use crate::program;
use test_support::javascript;

pub(super) const BY_FILE: &str = "auth/public-key";
pub(super) const BY_SET: &str = "auth/key-set";

#[test]
fn auth_public_key_rs256() {
    by_file("RS256");
}

#[test]
fn auth_public_key_es256() {
    by_file("ES256");
}

#[test]
fn auth_public_key_eddsa() {
    by_file("EdDSA");
}

fn by_file(algorithm: &str) {
    if !javascript::is_ready(BY_FILE) {
        return;
    }
    let keys = Keys::make();
    let settings = [
        ("DIALECTS", "direct"),
        ("RATE_LIMITS", "off"),
        ("JWT_ALGORITHMS", algorithm),
        ("JWT_PUBLIC_KEY_FILE", &keys.public(algorithm)),
    ];
    let private = [("JWT_PRIVATE_KEY_FILE", &*keys.private(algorithm))];
    run(BY_FILE, &settings, &private);
}

#[test]
fn auth_key_set() {
    let server = KeyServer::start();
    let settings = [
        ("DIALECTS", "direct"),
        ("RATE_LIMITS", "off"),
        ("JWT_ALGORITHMS", "HS256,RS256,ES256,EdDSA"),
        ("JWKS_URL", &*server.url),
    ];
    run(BY_SET, &settings, &[]);
}

#[test]
fn a_public_key_file_that_cannot_be_used_stops_the_start() {
    if !javascript::is_ready("the key files") {
        return;
    }
    let keys = Keys::make();
    let garbage = keys.folder.path().join("garbage.pem");
    fs::write(&garbage, "canary").unwrap();
    for (algorithms, file, problem) in [
        ("RS256", keys.private("RS256"), "has a private key"),
        ("EdDSA", keys.private("EdDSA"), "has a private key"),
        ("RS256", keys.public("ES256"), "no RS256 public key"),
        ("HS256,ES256", keys.public("RS256"), "no ES256 public key"),
        ("ES256", keys.public("P-384"), "no ES256 public key"),
        ("EdDSA", keys.public("missing"), "No such file"),
        ("RS256", text(&garbage), "no RS256 public key"),
    ] {
        let output = program::command()
            .current_dir(keys.folder.path())
            .env_clear()
            .envs([("PORT", "0"), ("JWT_ALGORITHMS", algorithms)])
            .env("JWT_PUBLIC_KEY_FILE", &file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{algorithms} {file}: {said}");
        let expected = format!("jwt_public_key_file: {problem}");
        assert!(said.contains(&expected), "{algorithms} {file}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

/// Key pairs in files.
struct Keys {
    folder: TempDir,
}

impl Keys {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new("node")
            .arg("support/keys.mjs")
            .arg(folder.path())
            .current_dir(javascript::folder())
            .status();
        assert!(status.unwrap().success());
        Self { folder }
    }

    fn public(&self, algorithm: &str) -> String {
        text(&self.folder.path().join(format!("{algorithm}.pem")))
    }

    fn private(&self, algorithm: &str) -> String {
        text(&self.folder.path().join(format!("{algorithm}.private.pem")))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Serves what was last put to it; before that it is out of order.
struct KeyServer {
    url: String,
    _runtime: Runtime,
}

type Body = Arc<Mutex<Option<String>>>;

impl KeyServer {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let answer = async |State(body): State<Body>| {
            let body = body.lock().unwrap().clone();
            body.ok_or(StatusCode::SERVICE_UNAVAILABLE)
        };
        let replace = async |State(body): State<Body>, new: String| {
            *body.lock().unwrap() = Some(new);
        };
        let app = Router::new()
            .route("/keys", get(answer).put(replace))
            .with_state(Body::default());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            _runtime: runtime,
        }
    }
}
