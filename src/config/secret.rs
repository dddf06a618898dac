//! Values that must not be printed.

use std::fmt;

use super::raw::Raw;
use super::types::SettingType;

/// Text that prints as `<redacted>`; only [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// The text that is printed instead of a secret.
pub(super) const REDACTED: &str = "<redacted>";

impl Secret {
    /// Wraps a value that must not be printed.
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

impl SettingType for Secret {
    const ECHO: bool = false;
    const VERBATIM: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        // Not trimmed: other servers and signers use the bytes as they are.
        raw.text().map(Self::new)
    }

    fn to_text(&self) -> String {
        REDACTED.to_owned()
    }
}
