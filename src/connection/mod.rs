//! A Socket.IO connection from its handshake to its end: the edge in front of the library, the
//! admission, the queue of what it sent, the way to send it something, deadlines and rooms.
//!
//! [`Connection`] is what others may hold of it; [`Life`] has its state, and is its only owner. What
//! events mean, and which user a connection belongs to, is for the [`Handler`]: nothing here may
//! use the services of users, the events of dialects, or the cluster.

mod client;
mod close;
mod deferred;
mod dialect_cell;
mod drain;
pub(crate) mod edge;
mod ends;
mod gate;
mod guest;
mod handshake;
mod id;
mod in_turn;
mod library;
mod life;
mod open;
mod outbound;
mod patience;
mod places;
pub(crate) mod pressure;
pub(crate) mod rooms;
mod sending;
#[cfg(test)]
pub(crate) mod test_client;
mod unfinished;

pub(crate) use client::{Came, Client};
pub(crate) use close::Close;
pub(crate) use drain::Drain;
pub(crate) use edge::SocketIoEdge;
pub(crate) use ends::End;
pub(crate) use handshake::user_agent;
pub(crate) use handshake::{CookieToken, Handshake};
pub(crate) use id::ConnectionId;
pub(crate) use library::Library;
pub(crate) use life::{
    Admission, Admitted, Due, Handler, Life, Membership, Opening, Outcome, Place, Received,
    Registration, Services, deadlines, mount,
};
pub(crate) use open::{Congestion, OpenConnections};
pub(crate) use outbound::Connection;
pub(crate) use patience::Patience;
pub(crate) use places::Places;
pub(crate) use sending::SMALL_EVENT;
pub(crate) use unfinished::Subject;
