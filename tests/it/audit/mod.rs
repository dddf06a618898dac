//! The audit: what is recorded, that it stays recorded whatever fails, and that it can be exported.

mod export;
mod faults;
mod records;
mod repeats;
mod size;
