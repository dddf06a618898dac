//! The lines of the answer to an import.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::http::refuse::said;
use crate::metrics::refusals;
use crate::model::{ErrorCode, Refusal, Why};

/// What was done so far.
#[derive(Debug, Default, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "ImportCounts")]
pub(in crate::http) struct Counts {
    /// Lines that were read, whatever they say.
    pub(super) lines: u64,
    /// Users that are stored.
    pub(super) users: u64,
    /// Conversations that are stored.
    pub(super) conversations: u64,
    /// Participants that are stored.
    pub(super) participants: u64,
    /// Lines that are not.
    pub(super) errors: u64,
}

/// How far an import is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportProgress")]
pub(in crate::http) struct Progress {
    pub(super) progress: Counts,
}

/// A line that is not stored.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportError")]
pub(in crate::http) struct NotStored<'a> {
    line: u64,
    error: Cow<'static, str>,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl<'a> NotStored<'a> {
    pub(super) fn new(line: u64, refusal: &'a Refusal) -> Self {
        let (error, code) = said(refusal);
        refusals::of_rest(code);
        let field = match refusal.why() {
            Why::ConversationNotFound => Some("conversationId"),
            Why::ConversationExists => Some("id"),
            Why::LastAdmin => Some("role"),
            _ => refusal.field.as_deref(),
        };
        Self {
            line,
            error,
            code,
            field,
        }
    }
}

/// The last line.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportEnd")]
pub(in crate::http) struct Ended {
    /// All lines were read.
    done: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ErrorCode>,
    #[serde(flatten)]
    counts: Counts,
}

impl Ended {
    /// Why an import has ended before its last line, if so.
    pub(super) fn new(early: Option<&Refusal>, counts: Counts) -> Self {
        let said = early.map(said);
        let code = said.as_ref().map(|(_, code)| *code);
        if let Some(code) = code {
            refusals::of_rest(code);
        }
        Self {
            done: early.is_none(),
            error: said.map(|(error, _)| error),
            code,
            counts,
        }
    }
}

/// Appends a line.
pub(super) fn push(text: &mut Vec<u8>, line: &impl Serialize) {
    match serde_json::to_writer(&mut *text, line) {
        Ok(()) => text.push(b'\n'),
        // Only a type that cannot be JSON fails.
        Err(error) => tracing::error!(%error, "a line of an answer could not be written"),
    }
}
