//! What happens when an event is refused, once for all dialects: the answer, the record, the count
//! of what was over a limit, and the log of what failed.
//!
//! A dialect brings its [`Words`] only. Nothing here may log or record what a client wrote, but ids.

use std::borrow::Cow;
use std::fmt::Debug;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Request;
use super::row::Row;
use crate::audit::{AuditText, Event as Audited};
use crate::metrics::refusals;
use crate::model::{Dialect, ErrorCode, Refusal, Why};
use crate::payload::{Payload, RawEvent};

/// The texts and the shape of a dialect's refusals.
pub(crate) trait Words: Debug + Sync {
    /// How the sender of an event is answered. `sent` is what they sent, if it could be decoded.
    fn reply(&self, row: &Row, refusal: &Refusal, sent: Option<&Payload<'_>>) -> Reply;

    /// The ids that the record of a refusal names.
    fn ids(&self, event: &RawEvent, sent: Option<&Payload<'_>>) -> Ids;

    /// Whether the callback is answered before the error event is sent.
    fn callback_first(&self) -> bool {
        false
    }
}

/// The answer to a refused event.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(super) code: ErrorCode,
    pub(super) message: Cow<'static, str>,
    pub(super) event: Option<(&'static str, Box<RawValue>)>,
    pub(super) recorded: bool,
}

/// The ids that a record of a refusal names, of those that were sent.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    pub(crate) recipient: Option<AuditText>,
    pub(crate) message: Option<AuditText>,
    pub(crate) conversation: Option<AuditText>,
}

impl Reply {
    /// With this code and text for the callback.
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            event: None,
            recorded: true,
        }
    }

    /// With an error event.
    pub(crate) fn with_event(self, event: &'static str, body: &impl Serialize) -> Self {
        let body = to_raw_value(body).inspect_err(|error| {
            tracing::error!(event, %error, "an error event could not be encoded");
        });
        Self {
            event: body.ok().map(|body| (event, body)),
            ..self
        }
    }

    /// Neither recorded nor counted: the event is ignored.
    pub(crate) fn ignored(self) -> Self {
        Self {
            recorded: false,
            ..self
        }
    }
}

/// An id in the payload, as records have it.
pub(crate) fn id(sent: Option<&Payload<'_>>, name: &str) -> Option<AuditText> {
    Some(AuditText::new(&sent?.id(name)?))
}

/// Answers an event that is refused, and records it.
pub(super) fn refuse(
    request: &mut Request<'_>,
    row: &Row,
    words: &dyn Words,
    sent: Option<&Payload<'_>>,
    refusal: &Refusal,
) {
    if let Some(error) = refusal.source() {
        tracing::warn!(event = row.name, %error, "an event could not be handled");
    }
    request.connection.note_refusal();
    let reply = words.reply(row, refusal, sent);
    refusals::of_socket(reply.code);
    if words.callback_first() {
        request.fail(&reply.message, reply.code);
    }
    if let Some((event, body)) = &reply.event
        && row
            .refused
            .limit
            .is_none_or(|action| request.is_allowed(action))
    {
        request.connection.send(event, body);
    }
    // Does nothing when it was answered first.
    request.fail(&reply.message, reply.code);
    if reply.recorded {
        record(request, row.dialect, refusal.why(), reply.code, || {
            words.ids(request.event, sent)
        });
    }
}

fn record(
    request: &Request<'_>,
    dialect: Dialect,
    why: Why,
    code: ErrorCode,
    ids: impl FnOnce() -> Ids,
) {
    let event = match why {
        // One record for all of them, when the connection's count is taken.
        Why::RateLimited => return request.connection.count_over_limit(),
        Why::Failed => Audited::Error { code },
        _ => {
            let ids = ids();
            Audited::Refused {
                code,
                recipient: ids.recipient,
                message_id: ids.message,
                conversation_id: ids.conversation,
            }
        }
    };
    let audit = &request.app.audit;
    request.connection.record(audit, Some(dialect), event);
}
