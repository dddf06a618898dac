//! A message to another node belongs to the trace of the event that it comes from, and an attempt to tell an endpoint
//! something has a span that names the endpoint.

use super::ALL;
use super::collector::{Collector, attributes};
use crate::cluster::deployment::Deployment;
use crate::program;
use test_support::endpoint::Endpoint;
use test_support::raw::Client;
use test_support::scene::{message, stop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_says_and_another_hears_is_one_trace() {
    let collector = Collector::http().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("DIALECTS", "direct"),
        ("RATE_LIMITS", "off"),
    ];
    let Some(deployment) = Deployment::start(2, &[&settings[..], &ALL].concat()) else {
        return;
    };
    let mut alice = Client::connect(deployment.relay(0), "alice").await;
    let mut bob = Client::connect(deployment.relay(1), "bob").await;
    alice.emit("send_message", &message("bob", 1)).await;
    alice.event("message:sent").await;
    bob.event("receive_message").await;
    let event = collector.span("event direct send_message").await;
    let is_of_it =
        |span: &opentelemetry_proto::tonic::trace::v1::Span| span.trace_id == event.trace_id;
    let sent = collector.span_with("node.send", is_of_it).await;
    assert_eq!(sent.parent_span_id, event.span_id);
    let received = collector
        .span_with("node.receive", |span| span.parent_span_id == sent.span_id)
        .await;
    assert_eq!(received.trace_id, event.trace_id);
    let node = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        attributes(&span.attributes)["relay.node"].clone()
    };
    assert_eq!(
        (node(&sent), node(&received)),
        ("relay-1".into(), "relay-2".into())
    );
    assert_eq!(attributes(&received.attributes)["relay.receivers"], "1");
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_to_tell_an_endpoint_something_has_a_span() {
    let (collector, endpoint) = (Collector::http().await, Endpoint::start().await);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("WEBHOOK_URL", &*endpoint.url()),
        ("WEBHOOK_SECRETS", crate::webhooks::SECRET),
        ("WEBHOOK_EVENTS", "user.online"),
        ("WEBHOOK_PRIVATE_NETWORKS", "true"),
    ];
    let mut relay = program::server(&[&settings[..], &ALL].concat());
    let _alice = Client::connect(&relay, "alice").await;
    endpoint.took("user.online", 1).await;
    let span = collector.span("webhook default").await;
    assert_eq!(attributes(&span.attributes)["relay.outcome"], "delivered");
    stop(&mut relay);
    assert!(!collector.text().contains("alice"));
}
