//! The envelope in which events of this dialect come.

use schemars::JsonSchema;
use serde::Serialize;

/// An event's payload: what it is and what it says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Envelope{T}")]
pub(super) struct Envelope<T> {
    #[serde(rename = "type")]
    pub(super) event: &'static str,
    pub(super) data: T,
}

/// The same once more beside the envelope, where deployed clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Both{T}")]
pub(super) struct Both<T> {
    #[serde(flatten)]
    envelope: Envelope<T>,
    #[serde(flatten)]
    flat: T,
}

impl<T: Copy> Both<T> {
    pub(super) fn new(event: &'static str, data: T) -> Self {
        Self {
            envelope: Envelope { event, data },
            flat: data,
        }
    }
}
