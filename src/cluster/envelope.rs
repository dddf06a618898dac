//! How a message is written: 16 bytes with the id of the node that sent it, then MessagePack. The id
//! comes first so that a node skips its own messages without decoding them.

use opentelemetry::trace::SpanContext;
use serde::{Deserialize, Serialize};

use super::Message;
use crate::model::NodeId;
use crate::traces;

/// A message that was received.
#[derive(Debug)]
pub(super) struct Envelope<M> {
    pub(super) from: NodeId,
    /// Names a question, of which an answer is expected.
    pub(super) question: Option<u64>,
    /// When it was written, in microseconds since the epoch by the clock of that node. Older releases do not say.
    pub(super) said_at: Option<u64>,
    /// To which trace it belongs, if it is recorded here as there.
    pub(super) trace: Option<SpanContext>,
    pub(super) message: M,
}

/// What is written beside a message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head<'a> {
    /// Names a question, of which an answer is expected.
    pub(super) question: Option<u64>,
    /// When it is written, in microseconds since the epoch.
    pub(super) said_at: Option<u64>,
    /// To which trace it belongs.
    pub(super) trace: Option<&'a str>,
}

#[derive(Serialize)]
struct Outgoing<'a, M> {
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<u64>,
    #[serde(rename = "saidAt", skip_serializing_if = "Option::is_none")]
    said_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    body: &'a M,
}

#[derive(Deserialize)]
struct Incoming<M> {
    #[serde(default)]
    question: Option<u64>,
    #[serde(default, rename = "saidAt")]
    said_at: Option<u64>,
    #[serde(default)]
    trace: Option<String>,
    body: M,
}

/// Writes a message. `None`: it cannot be written.
pub(super) fn encode<M: Message>(from: NodeId, head: Head<'_>, message: &M) -> Option<Vec<u8>> {
    let mut bytes = from.as_bytes().to_vec();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    let outgoing = Outgoing {
        question: head.question,
        said_at: head.said_at,
        trace: head.trace,
        body: message,
    };
    outgoing.serialize(&mut serializer).ok()?;
    Some(bytes)
}

/// Who wrote a message.
pub(super) fn sender(bytes: &[u8]) -> Option<NodeId> {
    bytes.first_chunk().copied().map(NodeId::from_bytes)
}

impl<M: Message> Envelope<M> {
    /// Reads a message. `None`: this release does not know it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let from = sender(bytes)?;
        let Incoming {
            question,
            said_at,
            trace,
            body,
        } = rmp_serde::from_slice(bytes.get(16..)?).ok()?;
        let trace = trace.filter(|_| traces::is_on());
        Some(Self {
            from,
            question,
            said_at,
            trace: trace.and_then(|trace| traces::given(&trace)),
            message: body,
        })
    }
}
