//! Who is admitted, and as whom.

mod forged_tokens;
mod public_keys;

pub use public_keys::SUITES;
