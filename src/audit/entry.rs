//! The encoding of a record in the spool and in MongoDB: a BSON document with the contract's fields.
//!
//! Owns the names of these fields in documents. Which values they may have is decided by
//! [`Event`](super::Event).

use std::fmt::Write as _;

use mongodb::bson::{
    DateTime, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, cstr, error::Error,
    serialize_to_raw_document_buf, spec::BinarySubtype,
};
use uuid::Uuid;

use super::event_type::{Apart, EventType, Removal};
use super::record::Record;
use crate::model::DisconnectReason;

/// The details by which some records of a type are told apart from its others.
pub(super) const FIRST_AT: &str = "firstAt";
pub(super) const REASON: &str = "reason";

/// Whether a document is of a record that is removed last.
pub(super) fn is_removed_last(document: &[u8]) -> bool {
    let document = RawDocument::from_bytes(document).ok();
    let fields = document.and_then(Fields::read);
    fields.is_some_and(|fields| fields.removal() == Removal::Last)
}

/// Encodes `record` as a document.
///
/// # Errors
/// When the details cannot be encoded, which their types rule out.
pub(super) fn document(record: &Record) -> Result<RawDocumentBuf, Error> {
    let source = record.source();
    let event_type = record.event().event_type();
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), binary(record.id().as_bytes()));
    document.append(cstr!("eventType"), event_type.as_str());
    document.append(cstr!("level"), event_type.level().as_str());
    if let Some(dialect) = record.dialect() {
        document.append(cstr!("dialect"), dialect.as_str());
    }
    if let Some(user) = &source.user {
        document.append(cstr!("user"), &**user);
    }
    if let Some(username) = &source.username {
        document.append(cstr!("username"), &**username);
    }
    if let Some(id) = source.session_id {
        document.append(cstr!("sessionId"), binary(id.as_bytes()));
    }
    if let Some(address) = source.ip {
        let mut text = String::with_capacity(40);
        // Writing to a string cannot fail.
        if write!(text, "{}", address.to_canonical()).is_ok() {
            document.append(cstr!("ipAddress"), text.as_str());
        }
    }
    if let Some(agent) = &source.user_agent {
        document.append(cstr!("userAgent"), agent.as_str());
    }
    document.append(cstr!("node"), &*source.node);
    let details = serialize_to_raw_document_buf(&record.event().details())?;
    document.append(cstr!("details"), &details);
    document.append(cstr!("success"), event_type.success());
    document.append(cstr!("message"), event_type.message());
    let created_at = DateTime::from_millis(record.created_at_ms());
    document.append(cstr!("createdAt"), created_at);
    Ok(document)
}

/// The form of a UUID in documents: sixteen bytes that sort like its text.
pub(super) fn binary(id: &[u8; 16]) -> RawBinaryRef<'_> {
    RawBinaryRef {
        subtype: BinarySubtype::Uuid,
        bytes: id,
    }
}

/// `None`: it is not a UUID.
fn uuid(value: RawBsonRef<'_>) -> Option<Uuid> {
    let binary = value.as_binary()?;
    Uuid::from_slice(binary.bytes).ok()
}

/// The fields of a document, borrowed from it. Absent ones are `None` or empty.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) id: Uuid,
    pub(super) event_type: &'a str,
    pub(super) level: &'a str,
    pub(super) dialect: Option<&'a str>,
    pub(super) user: Option<&'a str>,
    pub(super) username: Option<&'a str>,
    pub(super) session_id: Option<Uuid>,
    pub(super) ip_address: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) node: &'a str,
    pub(super) details: Option<&'a RawDocument>,
    pub(super) success: bool,
    pub(super) message: &'a str,
    pub(super) created_at_ms: i64,
}

impl<'a> Fields<'a> {
    /// Decodes a document. `None`: [`document`] does not write such a document.
    pub(super) fn read(document: &'a RawDocument) -> Option<Self> {
        let mut fields = Self::default();
        for element in document {
            let (name, value) = element.ok()?;
            match name.as_str() {
                "_id" => fields.id = uuid(value)?,
                "eventType" => fields.event_type = value.as_str()?,
                "level" => fields.level = value.as_str()?,
                "dialect" => fields.dialect = value.as_str(),
                "user" => fields.user = value.as_str(),
                "username" => fields.username = value.as_str(),
                "sessionId" => fields.session_id = uuid(value),
                "ipAddress" => fields.ip_address = value.as_str(),
                "userAgent" => fields.user_agent = value.as_str(),
                "node" => fields.node = value.as_str()?,
                "details" => fields.details = value.as_document(),
                "success" => fields.success = value.as_bool()?,
                "message" => fields.message = value.as_str()?,
                "createdAt" => fields.created_at_ms = value.as_datetime()?.timestamp_millis(),
                // A later version may write more fields.
                _ => {}
            }
        }
        (!fields.id.is_nil()).then_some(fields)
    }

    /// When the record is removed because there are too many.
    pub(super) fn removal(&self) -> Removal {
        // A type that only a later version has can only come from its spool.
        let Some(event_type) = EventType::parse(self.event_type) else {
            return Removal::First;
        };
        match event_type.apart() {
            Some((apart, when)) if self.is_apart(apart) => when,
            _ => event_type.removal(),
        }
    }

    fn is_apart(&self, apart: Apart) -> bool {
        let detail = |name| self.details.and_then(|details| details.get(name).ok()?);
        match apart {
            Apart::Repeated => detail(FIRST_AT).is_some(),
            Apart::ByUser => self.user.is_some(),
            Apart::Expulsion => detail(REASON)
                .and_then(RawBsonRef::as_str)
                .is_some_and(DisconnectReason::names_expulsion),
        }
    }

    /// The details as JSON.
    pub(super) fn details_json(&self) -> serde_json::Result<String> {
        self.details.map_or_else(
            || Ok("{}".to_owned()),
            |details| serde_json::to_string(&details),
        )
    }
}

/// Writes `records` to `store` as the writer thread does.
#[cfg(test)]
pub(super) fn write<S: super::Store>(store: &mut S, records: &[Record]) -> Result<(), S::Error> {
    let documents: Vec<_> = records
        .iter()
        .map(|record| document(record).unwrap())
        .collect();
    let documents: Vec<&RawDocument> = documents.iter().map(|document| &**document).collect();
    let rejected = store.write(&documents)?;
    assert!(rejected.positions.is_empty(), "{rejected:?}");
    Ok(())
}

#[cfg(test)]
mod tests;
