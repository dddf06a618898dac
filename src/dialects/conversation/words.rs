//! How refusals read in `conversation`: by the callback, and beside it by `error` or, for a join, by
//! `conversation:join:error`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::messages::TEMP_ID;
use super::{CONVERSATION_ID, MESSAGE_ID};
use crate::dialects::fields::short;
use crate::dialects::refuse::{Ids, Reply, Words, id};
use crate::dialects::row::Row;
use crate::model::{ErrorCode, Refusal, Why};
use crate::payload::{Opaque, Payload, RawEvent};

pub(super) const JOIN_ERROR: &str = "conversation:join:error";
pub(super) const ERROR: &str = "error";

#[derive(Debug)]
pub(super) struct ConversationWords;

/// `conversation:join:error`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinError<'p, 'a> {
    conversation_id: Option<&'p Opaque<'a>>,
    message: &'p str,
    code: ErrorCode,
}

/// `error`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationErrorEvent")]
pub(super) struct ErrorEvent<'p, 'a> {
    message: &'p str,
    code: ErrorCode,
    context: Context<'p, 'a>,
}

/// What lets the sender match an error with what they sent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context<'p, 'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'p Opaque<'a>>,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'p str>,
}

impl Words for ConversationWords {
    fn reply(&self, row: &Row, refusal: &Refusal, sent: Option<&Payload<'_>>) -> Reply {
        let code = match refusal.why() {
            Why::Failed => row.refused.failed,
            _ => refusal.code,
        };
        let message = message(refusal, code);
        let reply = Reply::new(code, message.clone());
        let is_silent = matches!(refusal.why(), Why::RateLimited | Why::NotSubscribed);
        let repeated = |name| sent.and_then(|sent| short(sent, name));
        match row.refused.event {
            Some(JOIN_ERROR) => {
                let error = JoinError {
                    conversation_id: repeated(CONVERSATION_ID),
                    message: &message,
                    code,
                };
                reply.with_event(JOIN_ERROR, &error)
            }
            Some(event) if !(row.refused.quiet && is_silent) => {
                let context = Context {
                    conversation_id: repeated(CONVERSATION_ID),
                    message_id: repeated(MESSAGE_ID),
                    temp_id: repeated(TEMP_ID),
                    event: row.name,
                    field: refusal.field.as_deref(),
                };
                let error = ErrorEvent {
                    message: &message,
                    code,
                    context,
                };
                reply.with_event(event, &error)
            }
            _ => reply,
        }
    }

    fn ids(&self, _: &RawEvent, sent: Option<&Payload<'_>>) -> Ids {
        Ids {
            recipient: None,
            message: id(sent, MESSAGE_ID),
            conversation: id(sent, CONVERSATION_ID),
        }
    }

    fn callback_first(&self) -> bool {
        true
    }
}

fn message(refusal: &Refusal, code: ErrorCode) -> Cow<'static, str> {
    let text = match refusal.why() {
        Why::RateLimited => "Rate limit exceeded",
        Why::NotParticipant | Why::NotSubscribed | Why::ConversationNotFound => {
            "Not authorized to join conversation"
        }
        Why::MessageNotFound => "Message not found or not authorized",
        Why::Missing | Why::Unusable => match &refusal.field {
            Some(field) => return format!("Missing or invalid {field}").into(),
            None => "Missing or invalid payload",
        },
        _ => match code {
            ErrorCode::JoinFailed => "Failed to join conversation",
            ErrorCode::MessageSendFailed => "Failed to send message",
            _ => "Operation failed",
        },
    };
    text.into()
}
