//! The audit: what is recorded, that it stays recorded whatever fails, and that it can be exported.

mod export;
mod faults;
pub(crate) mod records;
mod repeats;
mod size;
