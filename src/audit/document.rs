//! The form of a record in MongoDB, and in spools of earlier versions: a BSON document with the
//! contract's fields.
//!
//! Owns the names of these fields in documents. Which values they may have is decided by
//! [`Event`](super::Event).

mod details;

use std::borrow::Cow;

use mongodb::bson::{
    DateTime, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, cstr,
    serialize_to_raw_document_buf, spec::BinarySubtype,
};
use uuid::Uuid;

use super::line::{self, Fields, Texts};
use super::record::time_of;
use details::Details;

/// The document of a record. `None`: its details cannot be in one.
pub(super) fn document(fields: &Fields<'_>) -> Option<RawDocumentBuf> {
    let texts = Texts::of(&fields.event_type);
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), binary(fields.id.as_bytes()));
    document.append(cstr!("eventType"), &*fields.event_type);
    document.append(cstr!("level"), texts.level);
    if let Some(dialect) = &fields.dialect {
        document.append(cstr!("dialect"), &**dialect);
    }
    if let Some(user) = &fields.user {
        document.append(cstr!("user"), &**user);
    }
    if let Some(username) = &fields.username {
        document.append(cstr!("username"), &**username);
    }
    if let Some(id) = fields.session_id {
        document.append(cstr!("sessionId"), binary(id.as_bytes()));
    }
    if let Some(address) = &fields.ip_address {
        document.append(cstr!("ipAddress"), &**address);
    }
    if let Some(agent) = &fields.user_agent {
        document.append(cstr!("userAgent"), &**agent);
    }
    document.append(cstr!("node"), &*fields.node);
    let details: Details<'_> = serde_json::from_str(&fields.details).ok()?;
    let details = serialize_to_raw_document_buf(&details).ok()?;
    document.append(cstr!("details"), &details);
    document.append(cstr!("success"), texts.success);
    document.append(cstr!("message"), texts.message);
    let created_at = DateTime::from_millis(time_of(fields.id));
    document.append(cstr!("createdAt"), created_at);
    Some(document)
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

fn text<'a>(value: RawBsonRef<'a>) -> Option<Cow<'a, str>> {
    value.as_str().map(Cow::Borrowed)
}

/// The values of a document, and what follows from its type as it says it. `None`: [`document`] does not
/// make such a document.
pub(super) fn read(document: &RawDocument) -> Option<(Fields<'_>, Texts<'_>)> {
    let mut fields = Fields {
        details: Cow::Borrowed("{}"),
        ..Fields::default()
    };
    let mut texts = Texts::default();
    for element in document {
        let (name, value) = element.ok()?;
        match name.as_str() {
            "_id" => fields.id = uuid(value)?,
            "eventType" => fields.event_type = text(value)?,
            "level" => texts.level = value.as_str()?,
            "dialect" => fields.dialect = text(value),
            "user" => fields.user = text(value),
            "username" => fields.username = text(value),
            "sessionId" => fields.session_id = uuid(value),
            "ipAddress" => fields.ip_address = text(value),
            "userAgent" => fields.user_agent = text(value),
            "node" => fields.node = text(value)?,
            "details" => {
                let details = serde_json::to_string(&value.as_document()?).ok()?;
                fields.details = Cow::Owned(details);
            }
            "success" => texts.success = value.as_bool()?,
            "message" => texts.message = value.as_str()?,
            // The time is in the id. A later version may write more fields.
            _ => {}
        }
    }
    (!fields.id.is_nil()).then_some((fields, texts))
}

/// The line of a record that an earlier version left in the spool as a document. `None`: it is none.
pub(super) fn to_line(document: &[u8]) -> Option<Vec<u8>> {
    let (fields, _) = read(RawDocument::from_bytes(document).ok()?)?;
    let mut line = Vec::with_capacity(512);
    line::push_fields(&mut line, &fields);
    Some(line)
}

#[cfg(test)]
mod tests;
