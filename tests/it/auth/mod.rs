//! Who is admitted, and as whom.

mod admin_tokens;
mod application_names;
mod cookies;
mod explained;
mod forged_tokens;
mod public_keys;
mod revoked;

/// The suites of `tests/js` that are run here.
pub(crate) const SUITES: [&str; 3] = [
    public_keys::BY_FILE,
    public_keys::BY_SET,
    application_names::SUITE,
];
