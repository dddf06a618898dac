//! What was done to revocations of tokens.

use serde::{Deserialize, Serialize};

use crate::model::Revocation;

/// What each node does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum RevocationMessage {
    /// It holds from now on, as it is here, and connections with such tokens are closed.
    Made(Revocation),
    /// It holds no longer.
    TakenBack(Revocation),
}
