//! What is answered of an event that was published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of a request to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    /// The id of its record.
    pub(crate) id: Uuid,
    /// How many connections were handed it, each counted once.
    pub(crate) connections: u64,
    /// The same for each target, in the order in which they were named.
    pub(crate) targets: Vec<TargetReached>,
    /// Whether all nodes have said so.
    pub(crate) complete: bool,
}

/// How many connections of a target were handed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetReached {
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its id.
    pub(crate) id: String,
    /// How many.
    pub(crate) connections: u64,
}
