//! Stores of conversations and of sessions (their traits, and the implementations), and the drivers
//! by which databases are reached. A store must not know connections, nor any event.

mod application_users;
pub(crate) mod conversations;
pub(crate) mod drivers;
pub(crate) mod sessions;

pub(crate) use application_users::ApplicationUsers;
