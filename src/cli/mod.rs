//! The commands that need more than a line. Each returns its result; printing and exit codes belong
//! to `main`.

pub mod audit;
pub mod health;
pub mod token;
