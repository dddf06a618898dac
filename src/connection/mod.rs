//! A Socket.IO connection from its handshake to its end: the edge in front of the library, the
//! admission, the queue of what it sent, the way to send it something, deadlines and rooms.
//!
//! [`Connection`] is what others may hold of it; [`Life`] has its state, and is its only owner. What
//! events mean, and which user a connection belongs to, is for the [`Handler`]: nothing here may
//! know users, dialects or other nodes.

mod client;
mod close;
mod dialect_cell;
mod drain;
pub mod edge;
mod gate;
mod guest;
mod handshake;
mod id;
mod life;
mod node_sid;
mod open;
mod outbound;
pub mod rooms;
mod sending;

pub use client::Client;
pub use close::Close;
pub use drain::Drain;
pub use edge::{Fallback, SocketIoEdge};
pub use handshake::Handshake;
pub(crate) use handshake::user_agent;
pub use id::ConnectionId;
pub use life::{
    Admission, Admitted, Due, Handler, Life, Membership, Opening, Received, Registration, Services,
    deadlines, mount,
};
pub use open::OpenConnections;
pub use outbound::Connection;
pub use sending::SMALL_EVENT;
