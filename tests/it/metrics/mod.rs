//! What operators read: `/metrics`, the files that ask it, and the internal listener.

mod cardinality;
mod exposure;
mod internal;
mod monitoring;
pub(crate) mod page;
mod parsers;
mod routes;
