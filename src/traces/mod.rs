//! Traces: which spans there are, and what may be said in one. Both are closed lists, so content, tokens, ids of users,
//! addresses and errors' texts cannot be in a span.
//!
//! Nothing is recorded before [`start`], and asking whether it is costs one load. It must not know where spans go.

mod list;
mod parent;
mod span;

pub(crate) use list::{Attribute, Name};
pub(crate) use opentelemetry::trace::SpanContext;
pub(crate) use parent::{given, sent};
pub(crate) use span::{Parent, Span};

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use opentelemetry::trace::FutureExt as _;
use opentelemetry::{Context, StringValue};
use opentelemetry_sdk::trace::SdkTracer;

use crate::model::ErrorCode;
use span::Notes;

/// What records spans, and the name of this node.
#[derive(Debug)]
struct Recording {
    tracer: SdkTracer,
    node: StringValue,
}

static RECORDING: OnceLock<Recording> = OnceLock::new();

/// Begins to record spans of the node with this name. Only the first call has an effect.
pub(crate) fn start(tracer: SdkTracer, node: &str) {
    let node = StringValue::from(Arc::<str>::from(node));
    RECORDING.get_or_init(|| Recording { tracer, node });
}

/// Whether spans are recorded.
pub(crate) fn is_on() -> bool {
    RECORDING.get().is_some()
}

/// Something was done that began then, as a part of what is being done. What it is comes from `about` if spans are recorded.
pub(crate) fn passed<'a, A>(name: Name<'_>, begun: Instant, about: impl FnOnce() -> A)
where
    A: IntoIterator<Item = Attribute<'a>>,
{
    if let Some(span) = Span::since(name, Parent::Current, begun) {
        about()
            .into_iter()
            .for_each(|attribute| span.note(attribute));
    }
}

/// What is being done is about this.
pub(crate) fn note(about: impl FnOnce() -> Attribute<'static>) {
    if is_on() {
        span::note_in_current(about());
    }
}

/// What is being done is called so.
pub(crate) fn rename(name: Name<'_>) {
    if is_on() {
        span::rename_current(name);
    }
}

/// What is being done was refused so, or failed.
pub(crate) fn refused(code: ErrorCode) {
    if is_on() {
        Notes::in_current(|notes| notes.refused(code));
    }
}

/// Something was handed to so many connections.
pub(crate) fn reached(connections: u64) {
    if is_on() {
        Notes::in_current(|notes| notes.reached(connections));
    }
}

/// The task goes on with what is being done, wherever it runs.
pub(crate) fn carried<T>(task: impl Future<Output = T>) -> impl Future<Output = T> {
    let context = match is_on() {
        true => Context::current(),
        false => Context::new(),
    };
    task.with_context(context)
}
