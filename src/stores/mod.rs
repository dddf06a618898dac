//! Where conversations and sessions are kept: one contract for each, and what implements it. A store
//! must not know connections, and nothing here any event.

pub mod conversations;
pub mod drivers;
pub mod sessions;
