//! How the databases are reached: one connection each, with its errors and timeouts. It must not know
//! what is stored there.

pub(crate) mod mongo;
pub(crate) mod redis;
pub(crate) mod sqlite;
