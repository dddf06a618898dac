//! The two closed lists: names of spans, and attributes. An attribute holds a code, a number, a name of the
//! configuration, or an id that says nothing of a user.

use std::fmt;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue, Value};
use uuid::Uuid;

/// A span, with what its name says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'a> {
    /// A request over REST, with the template of its route.
    Http {
        method: &'static str,
        route: &'static str,
    },
    /// From the request of a client until it is admitted or refused.
    Handshake,
    /// An event of a client.
    Event {
        dialect: &'static str,
        event: &'static str,
    },
    /// An operation of a store.
    Store {
        store: &'static str,
        operation: &'static str,
    },
    /// What a backend publishes.
    Publish,
    /// An attempt to tell an endpoint something, by its name in the configuration.
    Webhook { endpoint: &'a str },
    /// A message to other nodes.
    NodeSend,
    /// The same, where it arrives.
    NodeReceive,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { method, route } => write!(f, "http {method} {route}"),
            Self::Handshake => f.write_str("handshake"),
            Self::Event { dialect, event } => write!(f, "event {dialect} {event}"),
            Self::Store { store, operation } => write!(f, "store {store} {operation}"),
            Self::Publish => f.write_str("publish"),
            Self::Webhook { endpoint } => write!(f, "webhook {endpoint}"),
            Self::NodeSend => f.write_str("node.send"),
            Self::NodeReceive => f.write_str("node.receive"),
        }
    }
}

impl Name<'_> {
    pub(super) const fn kind(self) -> SpanKind {
        match self {
            Self::Http { .. } | Self::Handshake => SpanKind::Server,
            Self::Event { .. } | Self::NodeReceive => SpanKind::Consumer,
            Self::NodeSend => SpanKind::Producer,
            Self::Store { .. } | Self::Webhook { .. } => SpanKind::Client,
            Self::Publish => SpanKind::Internal,
        }
    }
}

/// What is said in a span, beside `relay.node`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attribute<'a> {
    /// The id of a connection, as in the audit.
    Session(Uuid),
    Dialect(&'static str),
    Event(&'static str),
    /// `ok`, or the code of a refusal.
    Outcome(&'static str),
    Bytes(usize),
    /// Connections.
    Receivers(u64),
    RequestId(&'a str),
    Method(&'static str),
    Route(&'static str),
    Status(u16),
    /// Why something failed, in a fixed word.
    Error(&'static str),
}

/// The name of the node that recorded a span, which all have.
pub(super) const NODE: Key = Key::from_static_str("relay.node");

impl From<Attribute<'_>> for KeyValue {
    fn from(attribute: Attribute<'_>) -> Self {
        let (key, value): (&'static str, Value) = match attribute {
            Attribute::Session(id) => ("relay.session", id.to_string().into()),
            Attribute::Dialect(name) => ("relay.dialect", name.into()),
            Attribute::Event(name) => ("relay.event", name.into()),
            Attribute::Outcome(code) => ("relay.outcome", code.into()),
            Attribute::Bytes(bytes) => ("relay.bytes", number(bytes)),
            Attribute::Receivers(count) => ("relay.receivers", number(count)),
            Attribute::RequestId(id) => ("relay.request_id", id.to_owned().into()),
            Attribute::Method(method) => ("http.request.method", method.into()),
            Attribute::Route(route) => ("http.route", route.into()),
            Attribute::Status(status) => ("http.response.status_code", i64::from(status).into()),
            Attribute::Error(what) => ("error.type", what.into()),
        };
        Self::new(key, value)
    }
}

fn number(count: impl TryInto<i64>) -> Value {
    count.try_into().unwrap_or(i64::MAX).into()
}
