//! Each kind of span, over each protocol: its name and attributes are of the closed lists, and nothing that a client or a
//! backend wrote is in it.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::Span;
use tempfile::TempDir;

use super::ALL;
use super::collector::{Collector, attributes};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::canary::{canary, found_nowhere};
use test_support::harness::Relay;
use test_support::raw::{Client, http, token};
use test_support::scene::{message, stop};

/// What a span may have.
const ATTRIBUTES: [&str; 12] = [
    "relay.node",
    "relay.session",
    "relay.dialect",
    "relay.event",
    "relay.outcome",
    "relay.bytes",
    "relay.receivers",
    "relay.request_id",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.type",
];

fn has(span: &Span, expected: &[(&str, &str)]) {
    let all = attributes(&span.attributes);
    for (name, value) in expected {
        assert_eq!(all.get(*name).map(String::as_str), Some(*value), "{span:?}");
    }
}

/// Whether one of two spans is directly within the other.
fn is_within(inner: &Span, outer: &Span) {
    assert_eq!(inner.trace_id, outer.trace_id, "{inner:?}");
    assert_eq!(inner.parent_span_id, outer.span_id, "{inner:?}");
}

/// Users and a backend say the mark in all ways that are relayed or refused.
async fn use_it(relay: &Relay, mark: &str) {
    let bob = Client::connect(relay, &format!("bob-{mark}")).await;
    let mut alice = Client::connect(relay, &format!("alice-{mark}")).await;
    let marked = format!("{{\"messageId\":\"m-{mark}\",\"x\":\"{mark}\",");
    let sent = message(&bob.user, 7).replacen('{', &marked, 1);
    alice.emit("send_message", &sent).await;
    alice.event("message:sent").await;
    alice
        .emit("send_message", &format!("{{\"x\":\"{mark}\"}}"))
        .await;
    alice.event("message:error").await;
    alice.emit(&format!("unknown-{mark}"), "{}").await;
    alice.event("error").await;
    let user = format!("Bearer {}", token::for_user(&alice.user));
    let admin = format!("Bearer {ADMIN_TOKEN}");
    let refused = format!("Bearer {mark}");
    let path = |path: &str| format!("{path}?x={mark}");
    let json = ("Content-Type", "application/json");
    let agent = ("User-Agent", mark);
    let event = format!(
        r#"{{"targets":{{"users":["{}"]}},"event":"app:{mark}","data":"{mark}"}}"#,
        alice.user
    );
    for (method, path, token, body) in [
        ("GET", path("/api/users/me/blocked"), &user, ""),
        (
            "GET",
            path(&format!("/api/users/me/blocked/{mark}")),
            &user,
            "",
        ),
        ("GET", path(&format!("/nowhere/{mark}")), &user, ""),
        ("GET", path("/api/users/me/blocked"), &refused, ""),
        ("POST", path("/api/admin/publish"), &admin, &*event),
    ] {
        let headers = [("Authorization", token.as_str()), json, agent];
        http::request(relay, method, &path, &headers, body.as_bytes()).await;
    }
    alice.event(&format!("app:{mark}")).await;
}

async fn each_span_is_there(collector: &Collector) {
    let sent = collector.span("event direct send_message").await;
    has(
        &sent,
        &[
            ("relay.node", "node-1"),
            ("relay.dialect", "direct"),
            ("relay.event", "send_message"),
            ("relay.outcome", "ok"),
            // Whom it was for, and who sent it.
            ("relay.receivers", "2"),
        ],
    );
    let is_refused = |span: &Span| attributes(&span.attributes)["relay.outcome"] == "INVALID_INPUT";
    let refused = collector.span_with("event direct send_message", is_refused);
    let handshake = collector.span("handshake").await;
    let session = |span: &Span| attributes(&span.attributes)["relay.session"].clone();
    let of_alice = session(&refused.await);
    assert_eq!(session(&sent), of_alice);
    has(
        &handshake,
        &[("relay.outcome", "ok"), ("relay.dialect", "direct")],
    );
    let unknown = collector.span("event direct unknown").await;
    has(&unknown, &[("relay.outcome", "UNKNOWN_EVENT")]);

    let listed = collector.span("http GET /api/users/me/blocked").await;
    has(
        &listed,
        &[
            ("http.request.method", "GET"),
            ("http.route", "/api/users/me/blocked"),
            ("http.response.status_code", "200"),
            ("relay.outcome", "ok"),
        ],
    );
    assert!(attributes(&listed.attributes).contains_key("relay.request_id"));
    let read = collector.span_with("store conversations read", |span| {
        span.parent_span_id == listed.span_id
    });
    is_within(&read.await, &listed);
    collector.span("store audit write").await;
    let nowhere = collector.span("http GET unmatched").await;
    has(&nowhere, &[("http.response.status_code", "404")]);

    let asked = collector.span("http POST /api/admin/publish").await;
    let published = collector.span("publish").await;
    is_within(&published, &asked);
    has(
        &published,
        &[("relay.outcome", "reached"), ("relay.receivers", "1")],
    );
}

async fn everything_is_traced(collector: Collector, protocol: &str) {
    let (data, mark) = (TempDir::new().unwrap(), canary());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
        ("NODE_NAME", "node-1"),
        ("DIALECTS", "direct"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("LOG_LEVEL", "trace"),
    ];
    let mut relay = program::start_in(data.path(), &[&settings[..], &ALL].concat());
    use_it(&relay, &mark).await;
    each_span_is_there(&collector).await;
    stop(&mut relay);

    let resource = collector.resource();
    assert_eq!(resource["service.name"], "sealed-relay");
    assert_eq!(resource["deployment.environment.name"], "test");
    let spans = collector.spans();
    let names = spans
        .iter()
        .flat_map(|span| attributes(&span.attributes).into_keys());
    let names: BTreeSet<_> = names.collect();
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| !ATTRIBUTES.contains(&name.as_str()))
        .collect();
    assert_eq!(unknown, [""; 0]);
    assert!(
        spans
            .iter()
            .all(|span| span.events.is_empty() && span.trace_state.is_empty())
    );
    let text = collector.text();
    for secret in [&mark, ADMIN_TOKEN, "127.0.0.1", "alice", "bob"] {
        assert!(!text.contains(secret), "{secret}");
    }
    found_nowhere(&relay.log(), data.path(), ADMIN_TOKEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_happens_is_traced_over_http_without_what_anybody_wrote() {
    everything_is_traced(Collector::http().await, "http/protobuf").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_happens_is_traced_by_grpc_without_what_anybody_wrote() {
    everything_is_traced(Collector::grpc().await, "grpc").await;
}
