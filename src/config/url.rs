//! HTTP URLs, checked when they are read.

use std::fmt;

use http::Uri;

use super::raw::Raw;
use super::types::SettingType;

/// An absolute `http` or `https` URL without a user name or password in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(Box<str>);

impl HttpUrl {
    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be an http:// or https:// URL with a host".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
            return Err(wrong());
        }
        if authority.as_str().contains('@') {
            return Err("must not contain a user name or password".to_owned());
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SettingType for HttpUrl {
    // It may contain a password by mistake.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?.trim())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}
