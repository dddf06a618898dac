//! Whose context is followed: that of an administrator or of a proxy of the operator, and nobody else's.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::ALL;
use super::collector::{Collector, attributes};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::raw::{http, token};
use test_support::scene::stop;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The trace and the parent of the request with this id.
async fn place(collector: &Collector, id: &str) -> (String, String) {
    let is_it = |span: &Span| {
        let attributes = attributes(&span.attributes);
        attributes
            .get("relay.request_id")
            .is_some_and(|it| it == id)
    };
    let span = collector.span_with("http GET /health", is_it).await;
    (hex(&span.trace_id), hex(&span.parent_span_id))
}

async fn ask(trusted: &str, cases: &[(&str, Option<&str>, bool)]) {
    let collector = Collector::http().await;
    let settings = [
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            &*format!("{}/v1/traces", collector.url()),
        ),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("TRUSTED_PROXIES", trusted),
    ];
    let mut relay = program::server(&[&settings[..], &ALL].concat());
    let given = format!("00-{TRACE}-{PARENT}-01");
    for (id, token, is_followed) in cases {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![
            ("traceparent", &*given),
            ("tracestate", "vendor=canary"),
            ("x-request-id", id),
        ];
        headers.extend(
            bearer
                .iter()
                .map(|bearer| ("Authorization", bearer.as_str())),
        );
        http::request(&relay, "GET", "/health", &headers, b"").await;
        let (trace, parent) = place(&collector, id).await;
        let is_same = (trace == TRACE, parent == PARENT);
        assert_eq!(is_same, (*is_followed, *is_followed), "{id}");
    }
    stop(&mut relay);
    assert!(!collector.text().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_context_of_a_request_is_followed_with_the_token_of_an_administrator_only() {
    let user = token::for_user("ann");
    ask(
        "",
        &[
            ("none", None, false),
            ("user", Some(&user), false),
            (
                "wrong",
                Some("an admin token for tests, longer than thirty-two byteS"),
                false,
            ),
            ("admin", Some(ADMIN_TOKEN), true),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_context_that_a_trusted_proxy_sends_is_followed() {
    ask("127.0.0.1", &[("proxy", None, true)]).await;
}

/// The trace of a handshake by polling, whose first request says that it belongs to one.
async fn trace_of_handshake(trusted: &str) -> String {
    let collector = Collector::http().await;
    let endpoint = format!("{}/v1/traces", collector.url());
    let settings = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*endpoint),
        ("TRUSTED_PROXIES", trusted),
    ];
    let mut relay = program::server(&[&settings[..], &ALL].concat());
    let path = "/socket.io/?EIO=4&transport=polling";
    let given = format!("00-{TRACE}-{PARENT}-01");
    let opened = http::request(&relay, "GET", path, &[("traceparent", &given)], b"").await;
    let (_, sid) = opened.body.split_once(r#""sid":""#).unwrap();
    let path = format!("{path}&sid={}", sid.split_once('"').unwrap().0);
    let connect = format!(r#"40{{"token":"{}"}}"#, token::for_user("ann"));
    http::request(&relay, "POST", &path, &[], connect.as_bytes()).await;
    let span = collector.span_with("handshake", |_| true).await;
    stop(&mut relay);
    hex(&span.trace_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_context_of_a_handshake_is_followed_where_a_trusted_proxy_sends_it() {
    assert_eq!(trace_of_handshake("127.0.0.1").await, TRACE);
    assert_ne!(trace_of_handshake("").await, TRACE);
}
