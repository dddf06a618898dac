//! An endpoint that takes everything: what it is told, in which order, and that nothing else is.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{SECRET, telling};
use test_support::canary::canary;
use test_support::endpoint::{Endpoint, Told};
use test_support::raw::token::now;
use test_support::raw::{Client, http};
use test_support::scene::{chunk, message, stop};

const ADMIN_TOKEN: &str = "an admin token for tests, longer than thirty-two bytes";

pub(super) fn check_signature(told: &Told) {
    let key = STANDARD.decode(&SECRET[6..]).unwrap();
    let timestamp = &told.headers["webhook-timestamp"];
    let signed = format!("{}.{timestamp}.{}", told.id(), told.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(tag));
    assert_eq!(told.headers["webhook-signature"], expected);
    assert!(
        now().abs_diff(timestamp.parse().unwrap()) < 60,
        "{timestamp}"
    );
    assert_eq!(told.headers["content-type"], "application/json");
    assert!(told.body.len() <= 8_192);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_what_happens_signed_and_without_content() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mark = canary();
    let mut relay = telling(
        data.path(),
        &endpoint.url(),
        &[("ADMIN_TOKEN", ADMIN_TOKEN)],
    );
    let mut alice = Client::connect(&relay, "alice").await;
    let marked = format!(r#"{{"messageId":"m-1","messageType":"image","x":"{mark}","#);
    let sent = message("bob", 7).replacen('{', &marked, 1);
    alice.emit("send_message", &sent).await;
    alice.event("message:sent").await;
    for number in [0, 1] {
        let part = chunk("bob", "m-2", number, 2, &format!("\"{mark}\""));
        alice.emit("send_file_chunk", &part).await;
        alice.event("file:chunk-sent").await;
    }
    let key = format!(r#"{{"recipientId":"bob","publicKey":"{mark}"}}"#);
    alice.emit("key-exchange:send", &key).await;
    alice.event("key-exchange:sent").await;

    let online = endpoint.took("user.online", 1).await;
    assert_eq!(online[0].what().1, "user:alice");
    assert_eq!(online[0].json()["data"], json!({"userId": "alice"}));
    let undelivered = endpoint.took("message.undelivered", 3).await;
    let data_of = |told: &Told| told.json()["data"].clone();
    let size = format!("[\"send_message\",{sent}]").len();
    assert_eq!(
        data_of(&undelivered[0]),
        json!({"userId": "bob", "senderId": "alice", "messageId": "m-1", "dialect": "direct", "messageType": "image",
               "bytes": size, "urgent": true, "count": 1})
    );
    let rest: Vec<_> = undelivered
        .iter()
        .skip(1)
        .map(|told| {
            let data = data_of(told);
            (data["messageId"].clone(), data["urgent"].clone())
        })
        .collect();
    assert_eq!(
        rest,
        [(json!("m-2"), json!(false)), (json!(null), json!(true))]
    );
    assert_eq!(
        endpoint.took("message.sent", 1).await[0].what().1,
        "user:alice"
    );

    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = "/api/admin/users/bob";
    let changed = http::request(&relay, "PUT", path, &headers, br#"{"name":"Bob"}"#).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = endpoint.took("user.changed", 1).await;
    assert_eq!(
        changed[0].json()["data"],
        json!({"userId": "bob", "by": "admin"})
    );

    alice.writer.text("41").await.unwrap();
    drop(alice);
    let offline = endpoint.took("user.offline", 1).await;
    assert!(offline[0].json()["data"]["lastSeen"].is_string());
    stop(&mut relay);
    for told in endpoint.told() {
        check_signature(&told);
        assert!(!told.body.contains(&mark), "{}", told.body);
        let json = told.json();
        assert_eq!(json["id"], told.id());
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            keys,
            ["data", "id", "node", "occurredAt", "subject", "type"]
        );
    }
    let ids: Vec<_> = endpoint
        .told()
        .iter()
        .map(|told| told.id().to_owned())
        .collect();
    assert_eq!(
        ids.len(),
        endpoint.taken().len(),
        "each is told once: {ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_endpoint_does_not_name_it_is_not_told() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let wanted = [("WEBHOOK_EVENTS", "message.undelivered")];
    let mut relay = telling(data.path(), &endpoint.url(), &wanted);
    let mut alice = Client::connect(&relay, "alice").await;
    alice.emit("send_message", &message("bob", 1)).await;
    alice.event("message:sent").await;
    endpoint.took("message.undelivered", 1).await;
    stop(&mut relay);
    let kinds: Vec<_> = endpoint.told().iter().map(|told| told.what().0).collect();
    assert_eq!(kinds, ["message.undelivered"]);
    // Nor is it recorded for nobody.
    let records = crate::audit::records::rows(data.path());
    assert!(records.iter().all(|row| row.event != "USER_ONLINE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_nothing_of_the_time_before_it_was_known() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let talk = async |relay: &test_support::harness::Relay, seq: u32| {
        let mut alice = Client::connect(relay, "alice").await;
        alice.emit("send_message", &message("bob", seq)).await;
        alice.event("message:sent").await;
    };
    let mut relay = crate::program::server_in(data.path(), &[]);
    talk(&relay, 1).await;
    stop(&mut relay);
    let mut relay = telling(data.path(), &endpoint.url(), &[]);
    talk(&relay, 2).await;
    let sent = endpoint.took("message.sent", 1).await;
    assert_eq!(sent[0].json()["data"]["seq"], 2);
    stop(&mut relay);
    assert_eq!(endpoint.took("message.sent", 1).await.len(), 1);
}
