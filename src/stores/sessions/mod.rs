//! The stores of ad-hoc sessions: their contract, and one in memory and one in Redis. They store what
//! all servers share; which connections are members is not their concern.

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
