use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::*;

const NEVER: Duration = Duration::from_secs(86_400);
const AT_ONCE: Pace = Pace {
    regular: NEVER,
    min: Duration::ZERO,
    retry: Duration::from_millis(10),
};

/// Answers with the set it is told to serve, and counts how often it was asked.
struct Signer {
    url: String,
    body: watch::Sender<Option<String>>,
    asked: Arc<AtomicUsize>,
    /// An answer takes one of these.
    allowed: Arc<Semaphore>,
}

impl Signer {
    async fn start(keys: Value) -> Self {
        let (body, serving) = watch::channel(Some(set(keys)));
        let asked = Arc::new(AtomicUsize::new(0));
        let allowed = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let state = (serving, asked.clone(), allowed.clone());
        let app = Router::new().route("/keys", get(answer)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            body,
            asked,
            allowed,
        }
    }

    fn serve(&self, keys: Value) {
        self.body.send_replace(Some(set(keys)));
    }

    fn break_down(&self) {
        self.body.send_replace(None);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

type Serving = (
    watch::Receiver<Option<String>>,
    Arc<AtomicUsize>,
    Arc<Semaphore>,
);

async fn answer(State((body, asked, allowed)): State<Serving>) -> Result<String, StatusCode> {
    asked.fetch_add(1, Ordering::SeqCst);
    allowed.acquire().await.unwrap().forget();
    let body = body.borrow().clone();
    body.ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn set(keys: Value) -> String {
    json!({ "keys": keys }).to_string()
}

/// The public key of RFC 7515, appendix A.3.
fn ec(id: &str) -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": id,
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn with(mut key: Value, field: &str, value: Value) -> Value {
    key[field] = value;
    key
}

impl KeySet {
    async fn has(&self, id: &str) -> bool {
        self.find(Algorithm::ES256, Some(id)).await.is_some()
    }
}

#[tokio::test]
async fn a_known_key_is_not_fetched_again() {
    let signer = Signer::start(json!([ec("a")])).await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    for _ in 0..10 {
        assert!(keys.has("a").await);
    }
    assert_eq!(signer.asked(), 1);
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_and_then_not_before_the_least_time() {
    let signer = Signer::start(json!([ec("a")])).await;
    let pace = Pace {
        min: NEVER,
        ..AT_ONCE
    };
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    assert!(!keys.has("b").await);
    assert_eq!(signer.asked(), 2);

    let keys = KeySet::start(&signer.url, pace).await.unwrap();
    for _ in 0..10 {
        assert!(!keys.has("b").await);
    }
    assert_eq!(signer.asked(), 3);
}

#[tokio::test]
async fn after_a_rotation_the_new_key_is_found_and_the_old_one_is_not() {
    let signer = Signer::start(json!([ec("a")])).await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    signer.serve(json!([ec("b")]));
    assert!(keys.has("b").await);
    assert_eq!(signer.asked(), 2);
    assert!(!keys.has("a").await);
}

#[tokio::test]
async fn all_who_need_a_new_key_wait_for_the_one_fetch_that_is_under_way() {
    let signer = Signer::start(json!([ec("a")])).await;
    // Had the others to fetch for themselves, they would not be allowed to.
    let pace = Pace {
        min: NEVER,
        ..AT_ONCE
    };
    let keys = Arc::new(KeySet::start(&signer.url, pace).await.unwrap());
    *keys.0.last.lock().await = None;
    signer.serve(json!([ec("b")]));
    signer.allowed.forget_permits(usize::MAX);
    let clients: Vec<_> = (0..10)
        .map(|_| {
            tokio::spawn({
                let keys = keys.clone();
                async move { keys.has("b").await }
            })
        })
        .collect();
    until(|| signer.asked() == 2).await;
    signer.allowed.add_permits(1);
    for client in clients {
        assert!(client.await.unwrap());
    }
    assert_eq!(signer.asked(), 2);
}

#[tokio::test]
async fn a_failed_fetch_leaves_the_keys_as_they_are() {
    let signer = Signer::start(json!([ec("a")])).await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    signer.break_down();
    assert!(!keys.has("b").await);
    assert!(keys.has("a").await);
}

#[tokio::test]
async fn a_set_that_cannot_be_had_at_the_start_is_fetched_when_it_can() {
    let signer = Signer::start(json!([ec("a")])).await;
    signer.break_down();
    let pace = Pace {
        min: NEVER,
        ..AT_ONCE
    };
    let keys = KeySet::start(&signer.url, pace).await.unwrap();
    assert!(!keys.has("a").await);
    signer.serve(json!([ec("a")]));
    // Nobody asks for a key: it is fetched all the same.
    until(|| keys.0.known(Algorithm::ES256, Some("a")).is_some()).await;
}

#[tokio::test]
async fn a_key_taken_out_of_the_set_is_refused_some_time() {
    let signer = Signer::start(json!([ec("a"), ec("b")])).await;
    let pace = Pace {
        regular: Duration::from_millis(10),
        ..AT_ONCE
    };
    let keys = KeySet::start(&signer.url, pace).await.unwrap();
    signer.serve(json!([ec("b")]));
    until(|| keys.0.known(Algorithm::ES256, Some("a")).is_none()).await;
    assert!(keys.has("b").await);
}

#[tokio::test]
async fn a_dropped_set_is_not_kept_fresh() {
    let signer = Signer::start(json!([])).await;
    let pace = Pace {
        regular: Duration::from_millis(1),
        ..AT_ONCE
    };
    let keys = KeySet::start(&signer.url, pace).await.unwrap();
    let source = Arc::downgrade(&keys.0);
    drop(keys);
    until(|| source.strong_count() == 0).await;
}

#[tokio::test]
async fn a_token_without_a_key_id_may_use_the_only_key_of_its_algorithm() {
    let signer = Signer::start(json!([ec("a")])).await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    assert!(keys.find(Algorithm::ES256, None).await.is_some());
    assert!(keys.find(Algorithm::RS256, None).await.is_none());
    signer.serve(json!([ec("a"), ec("b")]));
    assert!(keys.has("b").await);
    assert!(keys.find(Algorithm::ES256, None).await.is_none());
}

#[tokio::test]
async fn keys_that_cannot_verify_are_passed_over_and_the_others_used() {
    let secret = json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" });
    let signer = Signer::start(json!([
        with(ec("encryption"), "use", "enc".into()),
        with(ec("other algorithm"), "alg", "ES384".into()),
        with(ec("other curve"), "crv", "secp256k1".into()),
        with(ec("other kind"), "kty", "PQ".into()),
        with(ec("broken"), "x", "*".into()),
        with(ec("nothing"), "y", Value::Null),
        with(with(ec("good"), "use", "sig".into()), "alg", "ES256".into()),
        secret,
        {},
        "no key at all",
        null,
    ]))
    .await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    let ids: Vec<_> = keys
        .0
        .keys
        .read()
        .iter()
        .map(|key| key.id.clone())
        .collect();
    assert_eq!(ids, [Some("good".to_owned())]);
}

#[test]
fn what_is_no_key_set_is_an_error() {
    for body in [
        "",
        "no JSON",
        "[]",
        "{}",
        r#"{"keys": {}}"#,
        r#"{"keys": null}"#,
    ] {
        assert!(parse(body.as_bytes()).is_err(), "{body}");
    }
}

#[tokio::test]
async fn a_set_that_is_too_large_is_not_read() {
    let large = with(ec("a"), "padding", "x".repeat(MAX_BYTES).into());
    let signer = Signer::start(json!([large])).await;
    let keys = KeySet::start(&signer.url, AT_ONCE).await.unwrap();
    assert!(!keys.has("a").await);
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let patience = Duration::from_secs(10);
    assert!(tokio::time::timeout(patience, waiting).await.is_ok());
}
