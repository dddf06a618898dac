//! Where MongoDB is, as the setting `mongodb_uri` names it.
//!
//! Owns which URIs are accepted: those of the driver. It must not connect.

use std::fmt;

use mongodb::options::ConnectionString;

use super::raw::Raw;
use super::secret::REDACTED;
use super::types::SettingType;

/// A checked URI of a MongoDB. It may hold a password, so `Debug` shows nothing of it.
#[derive(Clone)]
pub struct MongoUri(Box<ConnectionString>);

impl MongoUri {
    /// Reads a URI. `None`: it is not one of a MongoDB.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let parsed = ConnectionString::parse(uri).ok()?;
        Some(Self(Box::new(parsed)))
    }

    /// The URI as the driver reads it. It holds the password: never log it.
    pub(crate) fn connection_string(&self) -> &ConnectionString {
        &self.0
    }
}

impl SettingType for MongoUri {
    // What is wrong with it is not said either: it may hold a password.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?)
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
