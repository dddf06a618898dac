//! Engine.IO as clients speak it: sessions that poll, the upgrade of one to a WebSocket, and the answers and payloads of
//! both revisions. The library behind it has WebSockets only: a client that polls is shown to it as one.
//!
//! It owns what is on the way between a client's requests and the library. It must not look into an event, nor know
//! who a client is.

mod answers;
mod beginning;
mod node_name;
mod open;
mod packet;
mod payload;
mod pipe;
mod poll;
mod polls;
mod post;
mod refusal;
mod revision;
mod session;
mod sessions;
mod settings;
mod stream;
mod upgrade;
mod websocket;

pub(crate) use answers::EngineError;
pub(crate) use beginning::begun;
pub(crate) use node_name::written as node_in_sid;
pub(crate) use revision::Revision;
#[cfg(test)]
pub(crate) use session::Session;
pub(crate) use sessions::Sessions;
pub(crate) use settings::FRAMING;
pub(crate) use websocket::accept;
