//! What a backend publishes goes to those whom it means, and nowhere else: marks in all of it are found in no log at the
//! finest level, not in the audit, in no metric and in no answer; nor is the token, or the key of a request.

use tempfile::TempDir;

use crate::clients::ADMIN_TOKEN;
use crate::metrics::page::{INTERNAL, page};
use crate::program;
use test_support::canary::{canary, found_nowhere};
use test_support::raw::Client;
use test_support::raw::http;
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_is_found_nowhere_else_and_counted() {
    let (data, mark) = (TempDir::new().unwrap(), canary());
    let settings = [
        INTERNAL,
        ("ADMIN_PUBLIC", "true"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("LOG_LEVEL", "trace"),
        ("ACCESS_LOG", "json"),
        ("DIALECTS", "direct"),
    ];
    let mut relay = program::start_in(data.path(), &settings);
    let mut ann = Client::connect(&relay, "ann").await;
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let key = format!("key-{mark}");
    let good = format!(
        r#"{{"targets":{{"users":["ann"]}},"event":"app:x","data":{{"{mark}":["{mark}"]}}}}"#
    );
    let nobody = good.replace("\"ann\"", "\"nobody\"");
    let wrong = [
        format!(r#"{{"targets":{{"users":["ann"]}},"event":"other","data":"{mark}"}}"#),
        format!(r#"{{"targets":{{"users":["ann"]}},"event":"app:x","data":"{mark}"#),
        format!(r#"{{"targets":{{"users":[7]}},"event":"app:x","data":"{mark}"}}"#),
        format!(r#"{{"targets":{{"users":["ann"]}},"event":"app:x","data":["{mark}","\ud800"]}}"#),
        format!(
            r#"{{"targets":{{"users":["ann"]}},"event":"app:x","store":true,"data":"{mark}"}}"#
        ),
        format!(
            r#"{{"targets":{{"users":["ann"]}},"event":"app:x","data":"{mark}{}"}}"#,
            "x".repeat(70_000)
        ),
    ];
    let publish = async |body: &str, key: Option<&str>| {
        let mut headers = vec![
            ("Authorization", &*bearer),
            ("Content-Type", "application/json"),
        ];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        let path = "/api/admin/publish";
        let answer = http::request(&relay, "POST", path, &headers, body.as_bytes()).await;
        assert!(!answer.body.contains(&mark), "{answer:?}");
        answer.status
    };
    assert_eq!(publish(&good, Some(&key)).await, 200);
    assert_eq!(publish(&good, Some(&key)).await, 200);
    assert_eq!(publish(&nobody, None).await, 200);
    assert_eq!(publish(&nobody, Some(&key)).await, 409);
    for body in &wrong {
        let status = publish(body, None).await;
        assert!([400, 413, 422].contains(&status), "{status} {body:.100}");
    }
    let event = ann.event("app:x").await;
    assert!(format!("{event:?}").contains(&mark), "{event:?}");
    let page = page(&relay).await;
    for (series, count) in [
        ("relay_publish_total{outcome=\"reached\"}", 1.0),
        ("relay_publish_total{outcome=\"nobody\"}", 1.0),
        ("relay_publish_total{outcome=\"duplicate\"}", 1.0),
        ("relay_publish_total{outcome=\"refused\"}", 7.0),
        ("relay_publish_connections_total", 1.0),
        (
            "relay_events_sent_total{dialect=\"undeclared\",event=\"backend\"}",
            1.0,
        ),
        ("relay_rate_limited_total{limit=\"publish\"}", 0.0),
        (
            "relay_refusals_total{surface=\"rest\",code=\"IDEMPOTENCY_CONFLICT\"}",
            1.0,
        ),
    ] {
        assert_eq!(page.value(series), count, "{series}");
    }
    assert!(!page.0.contains(&mark));
    stop(&mut relay);
    found_nowhere(&relay.log(), data.path(), &mark);
    found_nowhere(&relay.log(), data.path(), ADMIN_TOKEN);
}
