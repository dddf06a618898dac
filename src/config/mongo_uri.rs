//! Where MongoDB is, as the setting `mongodb_uri` names it, and what stands before the names of collections there.
//!
//! Owns which URIs are accepted: those of the driver; and which prefixes. It must not connect.

use std::fmt;

use mongodb::options::{ConnectionString, Tls};

use super::path::expanded;
use super::raw::Raw;
use super::secret::{REDACTED, Secret};
use super::types::SettingType;

/// A checked URI of a MongoDB. It may hold a password, so `Debug` shows nothing of it.
#[derive(Clone)]
pub struct MongoUri {
    parsed: Box<ConnectionString>,
    /// As it is written.
    text: Secret,
}

impl MongoUri {
    /// Reads a URI. `None`: it is not one of a MongoDB.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let mut parsed = ConnectionString::parse(uri).ok()?;
        if let Some(Tls::Enabled(options)) = &mut parsed.tls {
            let paths = [&mut options.ca_file_path, &mut options.cert_key_file_path];
            for path in paths.into_iter().flatten() {
                *path = expanded(path).ok()?;
            }
        }
        Some(Self {
            parsed: Box::new(parsed),
            text: Secret::new(uri),
        })
    }

    /// The URI as the driver reads it. It holds the password: never log it.
    pub(crate) fn connection_string(&self) -> &ConnectionString {
        &self.parsed
    }
}

impl PartialEq for MongoUri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl SettingType for MongoUri {
    // What is wrong with it is not said either: it may hold a password.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?.trim())
            .ok_or_else(|| "must be a valid mongodb:// or mongodb+srv:// URI".to_owned())
    }

    fn to_text(&self) -> String {
        REDACTED.to_owned()
    }
}

impl fmt::Debug for MongoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// What the name of each collection begins with; empty for those who share them on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MongoPrefix(String);

impl MongoPrefix {
    /// Longer ones leave no room for the database and the rest of the name.
    const MAX_BYTES: usize = 32;

    /// The prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a collection with the prefix.
    pub(crate) fn before(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// Reads a prefix. `None`: MongoDB has no such names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        // What MongoDB itself uses, and what it refuses.
        let is_taken = text.starts_with("system.") || text.starts_with('.');
        let is_one = text.len() <= Self::MAX_BYTES && text.bytes().all(fits) && !is_taken;
        is_one.then(|| Self(text.to_owned()))
    }
}

impl Default for MongoPrefix {
    fn default() -> Self {
        Self("relay_".to_owned())
    }
}

impl SettingType for MongoPrefix {
    const EMPTY: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?.trim()).ok_or_else(|| {
            format!(
                "must have at most {} letters, digits, `_`, `-` and `.`, and not begin with `.` or `system.`",
                Self::MAX_BYTES
            )
        })
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_the_home_folder_are_found() {
        let uri = "mongodb://a/?tls=true&tlsCAFile=~/ca.pem&tlsCertificateKeyFile=/key.pem";
        let uri = MongoUri::parse(uri).expect("a uri");
        let Some(Tls::Enabled(options)) = &uri.connection_string().tls else {
            panic!("no TLS");
        };
        let home = std::env::home_dir().expect("a home folder");
        assert_eq!(options.ca_file_path, Some(home.join("ca.pem")));
        assert_eq!(options.cert_key_file_path, Some("/key.pem".into()));
        assert!(MongoUri::parse("mongodb://a/?tls=true&tlsCAFile=~ann/ca.pem").is_none());
    }
}
