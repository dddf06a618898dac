//! How refusals read in `direct`: an error event of its own for each kind of event, and nothing for
//! typing and receipts.

use schemars::JsonSchema;
use serde::Serialize;

use super::{MESSAGE_ID, RECIPIENT_ID};
use crate::dialects::fields::short;
use crate::dialects::refuse::{Ids, Reply, Words, id};
use crate::dialects::row::Row;
use crate::model::{ErrorCode, Refusal, Why};
use crate::payload::{Opaque, Payload, RawEvent};

#[derive(Debug)]
pub(super) struct DirectWords;

/// An error event. It repeats what lets the sender match it with what they sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DirectErrorEvent")]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorEvent<'p, 'a> {
    error: &'static str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_number: Option<&'p Opaque<'a>>,
}

impl Words for DirectWords {
    fn reply(&self, row: &Row, refusal: &Refusal, sent: Option<&Payload<'_>>) -> Reply {
        let code = refusal.code;
        let Some(event) = row.refused.event else {
            return Reply::new(code, "Ignored").ignored();
        };
        let error = match refusal.why() {
            Why::RateLimited => "Rate limit exceeded",
            _ => row.refused.invalid,
        };
        let repeated = |name| sent.and_then(|sent| short(sent, name));
        let body = ErrorEvent {
            error,
            code,
            field: refusal.field.as_deref(),
            recipient_id: repeated(RECIPIENT_ID),
            seq: repeated("seq"),
            message_id: repeated(MESSAGE_ID),
            chunk_number: repeated("chunkNumber"),
        };
        Reply::new(code, error).with_event(event, &body)
    }

    fn ids(&self, _: &RawEvent, sent: Option<&Payload<'_>>) -> Ids {
        Ids {
            recipient: id(sent, RECIPIENT_ID),
            message: id(sent, MESSAGE_ID),
            conversation: None,
        }
    }
}
