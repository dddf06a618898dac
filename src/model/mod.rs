//! What everything is about: ids, who somebody is, the records of conversations and sessions, the
//! names of dialects, the codes of errors, and the clock. It is data; it must not do I/O.

pub mod clock;
mod codes;
pub mod conversation;
mod dialect;
mod identity;
mod node;
pub mod session;

pub use codes::{DisconnectReason, ErrorCode};
pub use dialect::{Dialect, UnknownDialect};
pub use identity::{Identity, MAX_USER_ID_BYTES, TokenUser, UserId};
pub use node::NodeId;
