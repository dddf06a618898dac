//! How the databases are reached: one connection each, its errors and its timeouts. It must not know
//! what is kept there.

pub mod mongo;
pub mod redis;
pub mod sqlite;
