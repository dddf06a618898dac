//! Stores of conversations and of sessions: their traits, and the implementations. A store must not
//! know connections, nor any event.

pub mod conversations;
pub mod drivers;
pub mod sessions;
