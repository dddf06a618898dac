//! The data that all layers share: ids, identities, records of conversations and sessions, names of
//! dialects, error codes, and the clock. It must not do I/O.

pub mod clock;
mod codes;
pub mod conversation;
mod dialect;
mod identity;
mod node;
mod refusal;
pub mod session;

pub use codes::{DisconnectReason, ErrorCode};
pub use dialect::{Dialect, UnknownDialect};
pub use identity::{Identity, MAX_USER_ID_BYTES, TokenUser, UserId};
pub use node::NodeId;
pub use refusal::{Refusal, Why};
