//! Where ad-hoc sessions are kept: the contract, and the stores that keep it. What all servers share
//! is here; which connections are members is not.

#[cfg(test)]
mod contract;
mod history;
mod key;
mod limits;
mod memory;
mod redis;
mod state;
mod store;

pub use history::HistoryLimits;
pub use key::KeyHash;
pub use limits::SessionLimits;
pub use memory::MemoryStore;
pub use redis::RedisStore;
pub use store::SessionStore;
