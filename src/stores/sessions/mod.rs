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

pub(crate) use history::HistoryLimits;
pub(crate) use key::KeyHash;
pub(crate) use limits::SessionLimits;
pub(crate) use memory::MemoryStore;
pub(crate) use redis::RedisStore;
pub(crate) use store::SessionStore;
