//! How the databases are reached: one connection each, with its errors and timeouts. It must not know
//! what is stored there.

pub mod mongo;
pub mod redis;
pub mod sqlite;
