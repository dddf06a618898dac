//! The data that all layers share: ids, identities, records of conversations and sessions, names of people and
//! of dialects, error codes, refusals, and the clock. It must not do I/O.

mod auth_failure;
mod block;
pub(crate) mod clock;
mod codes;
pub(crate) mod conversation;
mod dialect;
pub(crate) mod event_names;
mod fact_type;
mod id_type;
mod identity;
pub(crate) mod js_number;
pub(crate) mod name;
mod node;
mod refusal;
mod revocation;
mod scope;
pub(crate) mod session;
mod user_numbers;
mod written_time;

pub(crate) use auth_failure::{AuthFailure, FailedAuth};
pub(crate) use block::{Block, MAX_BLOCKED};
pub(crate) use codes::{DisconnectReason, ErrorCode};
pub use dialect::Dialect;
pub use fact_type::{FactType, FactTypes};
pub(crate) use id_type::IdType;
pub(crate) use identity::{Identity, TokenUser, UserId};
pub(crate) use node::NodeId;
pub(crate) use refusal::{Refusal, Why};
pub(crate) use revocation::{MAX_REVOKED_ID_BYTES, Revocation, RevocationKind, TokenFacts};
pub use scope::{Scope, Scopes};
pub(crate) use user_numbers::ClientUserId;
pub use written_time::parse_time;
