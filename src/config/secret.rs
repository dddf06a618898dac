//! A value that must not be shown.

use std::fmt;

/// Text that prints as `<redacted>` everywhere; only [`Secret::expose`] gives it out.
#[derive(Clone)]
pub struct Secret(Box<str>);

/// What is shown instead of a secret.
pub(super) const REDACTED: &str = "<redacted>";

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself. Never log it, and never put it in an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
