//! What operators see of an endpoint and do with it: what is dead and told again, requests that try it, and metrics.

use serde_json::{Value, json};

use super::{UNDELIVERED, send, telling};
use crate::clients::ADMIN_TOKEN;
use crate::metrics::page::{INTERNAL, page};
use test_support::endpoint::{Answer, Endpoint};
use test_support::harness::Relay;
use test_support::raw::http;
use test_support::scene::stop;
use test_support::wait::until;

const PATH: &str = "/api/admin/webhooks";
const ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN_TOKEN);

/// The status and the body of an answer.
async fn ask(relay: &Relay, method: &str, path: &str, body: &str) -> (u16, Value) {
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = format!("{PATH}{path}");
    let answer = http::request(relay, method, &path, &headers, body.as_bytes()).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

async fn endpoint(relay: &Relay) -> Value {
    let (status, listed) = ask(relay, "GET", "", "").await;
    assert_eq!(status, 200, "{listed}");
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 1);
    listed["webhooks"][0].clone()
}

async fn dead(relay: &Relay, query: &str) -> Value {
    let (status, listed) = ask(relay, "GET", &format!("/default/dead{query}"), "").await;
    assert_eq!(status, 200, "{listed}");
    listed
}

async fn replay(relay: &Relay, body: &Value) -> Value {
    let (status, answer) = ask(relay, "POST", "/default/replay", &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer["replayed"].clone()
}

fn ids(listed: &Value) -> Vec<String> {
    let facts = listed["dead"].as_array().unwrap().iter();
    facts
        .map(|fact| fact["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dead_is_listed_and_told_again_also_after_a_kill() {
    let (data, hook) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let short = [UNDELIVERED, &[ADMIN, ("WEBHOOK_MAX_AGE", "1500ms")]].concat();
    let mut relay = telling(data.path(), &hook.url(), &short);
    let calm = endpoint(&relay).await;
    assert_eq!(
        calm,
        json!({"name": "default", "events": ["message.undelivered"], "state": "active", "pending": 0,
               "oldestPendingSeconds": 0, "dead": 0})
    );
    hook.answer(Answer::status(500));
    send(&relay, 0..4).await;
    until("all are dead", async || endpoint(&relay).await["dead"] == 4).await;
    let failing = endpoint(&relay).await;
    assert_eq!(
        (&failing["state"], &failing["lastFailure"]["outcome"]),
        (&json!("failing"), &json!("status"))
    );
    assert_eq!(failing["lastFailure"]["status"], 500);
    let first = dead(&relay, "?limit=3").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = dead(&relay, &format!("?cursor={cursor}")).await;
    let all = [ids(&first), ids(&rest)].concat();
    assert_eq!((all.len(), rest.get("nextCursor")), (4, None));
    let one = &first["dead"][0];
    assert_eq!(
        (&one["type"], &one["subject"], &one["outcome"]),
        (
            &json!("message.undelivered"),
            &json!("user:bob"),
            &json!("status")
        )
    );

    hook.answer(Answer::status(200));
    assert_eq!(replay(&relay, &json!({ "ids": [all[1]] })).await, 1);
    let told = hook.took("message.undelivered", 1).await;
    assert_eq!(told[0].id(), all[1]);
    until("it is taken", async || {
        endpoint(&relay).await["state"] == "active"
    })
    .await;
    let left = ids(&dead(&relay, "").await);
    assert_eq!(left, [&all[0], &all[2], &all[3]].map(Clone::clone));
    let early = json!({ "to": one["occurredAt"] });
    assert_eq!(replay(&relay, &early).await, 0);
    stop(&mut relay);

    hook.answer(Answer::status(500));
    let long = [UNDELIVERED, &[ADMIN]].concat();
    let mut relay = telling(data.path(), &hook.url(), &long);
    assert_eq!(endpoint(&relay).await["dead"], 3);
    assert_eq!(replay(&relay, &json!({})).await, 3);
    relay.kill();
    relay.wait();
    hook.answer(Answer::status(200));
    let mut relay = telling(data.path(), &hook.url(), &long);
    hook.took("message.undelivered", 4).await;
    assert_eq!(replay(&relay, &json!({})).await, 0);
    let calm = async || {
        let now = endpoint(&relay).await;
        (&now["pending"], &now["dead"], &now["state"]) == (&json!(0), &json!(0), &json!("active"))
    };
    until("nothing is left", calm).await;
    assert_eq!(hook.taken().len(), 4);
    stop(&mut relay);
    let records = crate::audit::records::rows(data.path());
    let asked = records.iter().filter(|row| row.event == "ADMIN").count();
    assert_eq!(asked, 7, "each list and each replay is audited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_tried_even_if_it_is_gone() {
    let (data, hook) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let settings = [UNDELIVERED, &[ADMIN, INTERNAL, ("ADMIN_PUBLIC", "true")]].concat();
    let mut relay = telling(data.path(), &hook.url(), &settings);
    hook.answer(Answer::status(410));
    send(&relay, 0..1).await;
    until("it is gone", async || {
        endpoint(&relay).await["state"] == "disabled"
    })
    .await;
    let tried = async |body: &str| ask(&relay, "POST", "/default/test", body).await;
    let (status, answer) = tried("").await;
    assert_eq!(
        (status, &answer["outcome"], &answer["status"]),
        (200, &json!("status"), &json!(410))
    );
    hook.answer(Answer::status(200));
    let (_, answer) = tried("{}").await;
    assert_eq!(
        (&answer["outcome"], answer.get("status")),
        (&json!("delivered"), None)
    );
    let told = hook.took("webhook.test", 1).await.remove(0);
    super::told::check_signature(&told);
    let body = told.json();
    assert_eq!(
        (&body["id"], &body["subject"], &body["data"]),
        (&answer["id"], &json!("endpoint:default"), &json!({}))
    );
    assert_eq!(tried(r#"{"x":1}"#).await.0, 422);
    for path in ["/other/test", "/other/replay"] {
        let (status, answer) = ask(&relay, "POST", path, "").await;
        assert_eq!(
            (status, &answer["error"]),
            (404, &json!("Webhook not found"))
        );
    }
    assert_eq!(ask(&relay, "GET", "/other/dead", "").await.0, 404);
    let page = page(&relay).await;
    let of = |name: &str, more: &str| {
        page.value(&format!(
            "relay_webhook_{name}{{endpoint=\"default\"{more}}}"
        ))
    };
    assert_eq!(of("attempts_total", ",outcome=\"status\""), 2.0);
    assert_eq!(of("attempts_total", ",outcome=\"delivered\""), 1.0);
    assert_eq!(of("attempt_duration_seconds_count", ""), 3.0);
    assert_eq!((of("pending", ""), of("dead", "")), (1.0, 0.0));
    assert!(of("oldest_pending_seconds", "") > 0.0);
    assert_eq!(of("lost_total", ""), 0.0);
    assert_eq!(page.value("relay_part_up{part=\"webhooks\"}"), 1.0);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_counted_beyond_what_is_held() {
    let (data, hook) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let settings = [UNDELIVERED, &[ADMIN, ("WEBHOOK_TIMEOUT", "10s")]].concat();
    let mut relay = telling(data.path(), &hook.url(), &settings);
    hook.answer(Answer::Nothing);
    send(&relay, 0..1_500).await;
    until("all are counted", async || {
        endpoint(&relay).await["pending"] == 1_500
    })
    .await;
    hook.answer(Answer::status(200));
    hook.took("message.undelivered", 1_500).await;
    until("none is left", async || {
        endpoint(&relay).await["pending"] == 0
    })
    .await;
    stop(&mut relay);
}
