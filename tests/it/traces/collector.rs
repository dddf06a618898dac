//! A stand-in for a collector, over HTTP or gRPC: it keeps the spans that it is sent.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use test_support::wait::until;

/// What was sent, in its order.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

/// The collector. It ends with the test.
pub(super) struct Collector {
    url: String,
    kept: Kept,
}

/// Attributes by their names, as text.
pub(super) fn attributes(given: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let pairs = given.iter().map(|one| (one.key.clone(), text(&one.value)));
    let all: BTreeMap<_, _> = pairs.collect();
    assert_eq!(all.len(), given.len(), "one is there twice: {given:?}");
    all
}

impl Collector {
    /// One that is spoken to over HTTP.
    pub(super) async fn http() -> Self {
        let (kept, tcp) = (Kept::default(), listener().await);
        let url = format!("http://{}", tcp.local_addr().unwrap());
        let routes = Router::new().route("/v1/traces", post(take));
        let routes = routes.with_state(kept.clone());
        tokio::spawn(async move { axum::serve(tcp, routes).await.unwrap() });
        Self { url, kept }
    }

    /// One that is spoken to by gRPC.
    pub(super) async fn grpc() -> Self {
        let (kept, tcp) = (Kept::default(), listener().await);
        let url = format!("http://{}", tcp.local_addr().unwrap());
        let service = TraceServiceServer::new(kept.clone());
        let serving = Server::builder().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpIncoming::from(tcp)));
        Self { url, kept }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// All spans.
    pub(super) fn spans(&self) -> Vec<Span> {
        let kept = self.kept.0.lock().unwrap();
        let resources = kept.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The first span of this name, once it is there.
    pub(super) async fn span(&self, name: &str) -> Span {
        self.span_with(name, |_| true).await
    }

    /// The same, of those that are as wanted.
    pub(super) async fn span_with(&self, name: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        let find = || {
            let mut spans = self.spans().into_iter();
            spans.find(|span| span.name == name && wanted(span))
        };
        let mut found = None;
        until(name, async || {
            found = find();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// What is said of who sent the first ones.
    pub(super) fn resource(&self) -> BTreeMap<String, String> {
        let kept = self.kept.0.lock().unwrap();
        let resource = kept[0].resource_spans[0].resource.as_ref().unwrap();
        attributes(&resource.attributes)
    }

    /// Everything that was sent, as text in which bytes of it can be looked for.
    pub(super) fn text(&self) -> String {
        let kept = self.kept.0.lock().unwrap();
        let bytes = kept.iter().flat_map(|request| request.encode_to_vec());
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

async fn take(State(kept): State<Kept>, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    kept.0.lock().unwrap().push(request);
    StatusCode::OK
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
