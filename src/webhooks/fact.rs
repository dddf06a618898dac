//! What an endpoint is told: one fact, as the body that is sent. Its data is a closed list of fields, each of which the
//! audit has too, so content cannot be in it.

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::model::{FactType, clock};

/// Which fact it is: the record that it follows from, and which of the facts of that record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FactId {
    /// The record's id, which begins with its time.
    pub(super) record: Uuid,
    /// 0 for the only one, else from 1 on.
    pub(super) part: u16,
}

impl std::fmt::Display for FactId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.part {
            0 => write!(f, "{}", self.record),
            part => write!(f, "{}-{part}", self.record),
        }
    }
}

/// How long the text of a record's id is.
const RECORD_TEXT: usize = 36;

impl FactId {
    /// Reads it as it is written. `None`: it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (record, part) = text.split_at_checked(RECORD_TEXT)?;
        let record = Uuid::parse_str(record).ok()?;
        let part = match part {
            "" => 0,
            part => part.strip_prefix('-')?.parse().ok()?,
        };
        let id = Self { record, part };
        (id.to_string() == text).then_some(id)
    }

    /// When it happened, in milliseconds since 1970.
    pub(crate) fn at_ms(self) -> u64 {
        (self.record.as_u128() >> 80) as u64
    }
}

/// The fields that facts may have beside their head.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipient_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dialect: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) urgent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_seen: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip_address: Option<&'a str>,
}

/// A fact, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Which it is.
    pub(super) id: FactId,
    /// Its type.
    pub(super) kind: FactType,
    /// What it is about, such as `user:bob`: facts of one subject are told in their order.
    pub(super) subject: Box<str>,
    /// JSON.
    pub(super) body: Bytes,
    /// Since when it is to be told, in milliseconds since 1970: when it happened, or was made to be told again.
    pub(super) since_ms: u64,
    /// How many facts it stands for, with itself.
    pub(super) count: u64,
}

impl Fact {
    /// The body, with the number of facts that it stands for.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn counted(&self) -> serde_json::Result<Bytes> {
        if self.count == 1 {
            return Ok(self.body.clone());
        }
        let mut body: serde_json::Value = serde_json::from_slice(&self.body)?;
        body["data"]["count"] = self.count.into();
        Ok(serde_json::to_vec(&body)?.into())
    }
}

/// The same before its body is written.
pub(super) struct Draft<'a> {
    pub(super) id: FactId,
    pub(super) kind: FactType,
    pub(super) subject: String,
    pub(super) data: Data<'a>,
}

impl Draft<'_> {
    /// Writes the body.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn finish(self, occurred_at: &str, node: &str) -> serde_json::Result<Fact> {
        let body = serde_json::to_vec(&Body {
            id: self.id.to_string(),
            r#type: self.kind.as_str(),
            occurred_at,
            node,
            subject: &self.subject,
            data: &self.data,
        })?;
        Ok(Fact {
            id: self.id,
            kind: self.kind,
            subject: self.subject.into(),
            body: body.into(),
            since_ms: self.id.at_ms(),
            count: 1,
        })
    }
}

/// What is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: String,
    r#type: &'static str,
    occurred_at: &'a str,
    node: &'a str,
    subject: &'a str,
    data: &'a Data<'a>,
}

/// The type of what is told to try an endpoint.
pub(crate) const TEST: &str = "webhook.test";

/// What is told to try the endpoint of this name.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn test(id: FactId, endpoint: &str, node: &str) -> serde_json::Result<Bytes> {
    let body = serde_json::to_vec(&Body {
        id: id.to_string(),
        r#type: TEST,
        occurred_at: &clock::iso_ms(id.at_ms()),
        node,
        subject: &format!("endpoint:{endpoint}"),
        data: &Data::default(),
    })?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written_and_in_no_other_form() {
        let record = Uuid::now_v7();
        for part in [0, 1, 256, u16::MAX] {
            let id = FactId { record, part };
            assert_eq!(FactId::parse(&id.to_string()), Some(id));
        }
        let wrong = [
            "",
            "x",
            &format!("{record}-"),
            &format!("{record}-01"),
            &format!("{record}-0"),
        ];
        for wrong in wrong {
            assert_eq!(FactId::parse(wrong), None, "{wrong}");
        }
    }
}
