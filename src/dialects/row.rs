//! The columns of a table of events: all that is fixed about an event, but its handler.
//!
//! A row is the only place for how often an event may be sent and how it is refused, and it names what
//! is audited of it. This module must not know an event.

use crate::audit::EventType;
use crate::limits::Action;
use crate::metrics::Counter;
use crate::model::{Dialect, ErrorCode};

/// What is fixed about an event.
#[derive(Debug)]
pub(crate) struct Row {
    /// The dialect that has it.
    pub(crate) dialect: Dialect,
    /// Its name.
    pub(crate) name: &'static str,
    /// The field that an argument stands for which is only an id, and no object.
    pub(crate) bare: Option<&'static str>,
    /// What it counts as for rate limits: when its payload is decoded, and before any field of it is
    /// looked at. Bytes of files are waited for instead, by the handler, once the payload is checked.
    pub(crate) limits: &'static [Action],
    /// How it is refused.
    pub(crate) refused: Refused,
    /// How often it came.
    pub(crate) received: &'static Counter,
    /// What is audited when it is done; `None` for what is never recorded. The record is written where
    /// the event is done: by its handler, or by the operation of `conversations` that REST shares.
    pub(crate) audit: Option<EventType>,
}

/// How a refused event is answered, beside its callback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// The error event. `None`: the sender learns of it by the callback only.
    pub(crate) event: Option<&'static str>,
    /// The text for fields that are missing or malformed, where a dialect has one for each event.
    pub(crate) invalid: &'static str,
    /// The code for a failure of the server.
    pub(crate) failed: ErrorCode,
    /// No error event for what is over its rate, or would have had no receiver.
    pub(crate) quiet: bool,
    /// What the error event itself counts as, where it is not always sent.
    pub(crate) limit: Option<Action>,
}

impl Refused {
    /// By the callback only.
    pub(crate) const BY_CALLBACK: Self = Self {
        event: None,
        invalid: "",
        failed: ErrorCode::OperationFailed,
        quiet: false,
        limit: None,
    };

    /// By this error event, too.
    pub(crate) const fn by(event: &'static str) -> Self {
        Self {
            event: Some(event),
            ..Self::BY_CALLBACK
        }
    }

    /// With this text for fields that are missing or malformed.
    pub(crate) const fn invalid(self, text: &'static str) -> Self {
        Self {
            invalid: text,
            ..self
        }
    }

    /// With this code for a failure of the server.
    pub(crate) const fn failed(self, code: ErrorCode) -> Self {
        Self {
            failed: code,
            ..self
        }
    }

    /// Without an error event for what is over its rate.
    pub(crate) const fn quiet(self) -> Self {
        Self {
            quiet: true,
            ..self
        }
    }

    /// With an error event that is sent no more often than this may be done.
    pub(crate) const fn limited(self, action: Action) -> Self {
        Self {
            limit: Some(action),
            ..self
        }
    }
}
