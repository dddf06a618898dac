//! How a message is written: 16 bytes with the id of the node that sent it, then MessagePack. The id
//! comes first so that a node skips its own messages without decoding them.

use serde::{Deserialize, Serialize};

use super::Message;
use crate::model::NodeId;

/// A message that was received.
#[derive(Debug)]
pub(super) struct Envelope<M> {
    pub(super) from: NodeId,
    /// Names a question, of which an answer is expected.
    pub(super) question: Option<u64>,
    /// When it was written, in microseconds since the epoch by the clock of that node. Older releases do not say.
    pub(super) said_at: Option<u64>,
    pub(super) message: M,
}

#[derive(Serialize)]
struct Outgoing<'a, M> {
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<u64>,
    #[serde(rename = "saidAt", skip_serializing_if = "Option::is_none")]
    said_at: Option<u64>,
    body: &'a M,
}

#[derive(Deserialize)]
struct Incoming<M> {
    #[serde(default)]
    question: Option<u64>,
    #[serde(default, rename = "saidAt")]
    said_at: Option<u64>,
    body: M,
}

/// Writes a message, with the question that it asks and when that was, in microseconds. `None`: it cannot be written.
pub(super) fn encode<M: Message>(
    from: NodeId,
    (question, said_at): (Option<u64>, Option<u64>),
    message: &M,
) -> Option<Vec<u8>> {
    let mut bytes = from.as_bytes().to_vec();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    let outgoing = Outgoing {
        question,
        said_at,
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
            body,
        } = rmp_serde::from_slice(bytes.get(16..)?).ok()?;
        Some(Self {
            from,
            question,
            said_at,
            message: body,
        })
    }
}
