//! Who is admitted, and as whom.

mod explained;
mod forged_tokens;
mod public_keys;

pub(crate) use public_keys::SUITES;
