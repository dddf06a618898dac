//! Stores of conversations and of sessions: their traits, and the implementations. A store must not
//! know connections, nor any event.

pub(crate) mod conversations;
pub(crate) mod drivers;
pub(crate) mod sessions;
