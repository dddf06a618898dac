//! How refusals read in `session`: one `session-error`, whatever was sent.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::{PUBLIC_KEYS_UPDATED, SESSION_ERROR};
use crate::dialects::refuse::{Ids, Reply, Words, id};
use crate::dialects::row::Row;
use crate::model::{ErrorCode, Refusal, Why};
use crate::payload::{Payload, RawEvent};

#[derive(Debug)]
pub(super) struct SessionWords;

/// `session-error`
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionError<'a> {
    pub(super) error: ErrorCode,
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<&'a str>,
}

impl Words for SessionWords {
    fn reply(&self, row: &Row, refusal: &Refusal, _: Option<&Payload<'_>>) -> Reply {
        let (code, message) = (code(refusal), message(refusal));
        let body = SessionError {
            error: code,
            message: &message,
            field: refusal.field.as_deref(),
        };
        let reply = Reply::new(code, message.clone());
        let is_quiet = row.refused.quiet && refusal.why() == Why::RateLimited;
        match row.refused.event {
            // Ignored in other modes, so that clients stay.
            _ if refusal.why() == Why::NotGroup => reply.ignored(),
            Some(event) if event == SESSION_ERROR => reply.with_event(event, &body),
            Some(PUBLIC_KEYS_UPDATED) if !is_quiet => {
                reply.with_event(PUBLIC_KEYS_UPDATED, &NO_KEYS)
            }
            _ => reply,
        }
    }

    fn ids(&self, _: &RawEvent, sent: Option<&Payload<'_>>) -> Ids {
        Ids {
            recipient: id(sent, "to"),
            message: id(sent, "clientMessageId"),
            conversation: None,
        }
    }
}

/// The payload of `public-keys-updated` for those who may not see the keys.
const NO_KEYS: [(); 0] = [];

fn code(refusal: &Refusal) -> ErrorCode {
    match refusal.why() {
        Why::Missing | Why::Unusable => ErrorCode::InvalidRequest,
        _ => refusal.code,
    }
}

fn message(refusal: &Refusal) -> Cow<'static, str> {
    let text = match refusal.why() {
        Why::RateLimited => "Rate limit exceeded",
        Why::Busy => "Too many active sessions. Please try again later.",
        Why::NotMember => "You are not a member of this session.",
        Why::NotGroup => "Session keys are for group mode",
        Why::SessionNotFound => "Session not found. Please check the session link.",
        Why::NotCreator => "Session key mismatch. This should not happen.",
        Why::WrongPassword => "Incorrect password. Please check and try again.",
        Why::WrongKey => "Invalid authentication key. Please check your link and try again.",
        Why::SessionFull { max } => {
            return format!("This room is full. Only {max} members allowed.").into();
        }
        _ => match &refusal.field {
            Some(field) => return format!("Missing or invalid {field}").into(),
            None => "Missing or invalid payload",
        },
    };
    text.into()
}
