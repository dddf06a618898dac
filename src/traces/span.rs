//! A span that has begun, and what is noted for it by whatever runs within it. It must not decide which there are.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::WithContext;
use opentelemetry::trace::{
    FutureExt as _, SpanBuilder, SpanContext, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue};

use super::list::{Attribute, NODE, Name};
use super::parent::written;
use super::{RECORDING, is_on};
use crate::model::ErrorCode;

/// What a span belongs to.
#[derive(Debug)]
pub(crate) enum Parent {
    /// What is being done, if it is something.
    Current,
    /// Nothing: it begins a trace.
    Nothing,
    /// Something elsewhere, which was believed.
    Remote(SpanContext),
}

/// A span that has begun. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Span(Context);

/// What is found out within a span, and said when it ends.
#[derive(Debug, Default)]
pub(super) struct Notes {
    receivers: AtomicU64,
    refused: OnceLock<ErrorCode>,
}

impl Span {
    /// Begins one now. `None`: none are recorded.
    pub(crate) fn begin(name: Name<'_>, parent: Parent) -> Option<Self> {
        Self::begin_at(name, parent, None)
    }

    /// The same for what began then.
    pub(crate) fn since(name: Name<'_>, parent: Parent, begun: Instant) -> Option<Self> {
        // Not asked for the time where nothing is recorded.
        let at = is_on().then(|| SystemTime::now().checked_sub(begun.elapsed()));
        Self::begin_at(name, parent, at.flatten())
    }

    /// Begins one as a part of what is being done. `None`: that is not recorded.
    pub(crate) fn within(name: Name<'_>) -> Option<Self> {
        let is_recorded = is_on() && Context::map_current(|context| context.span().is_recording());
        is_recorded
            .then(|| Self::begin(name, Parent::Current))
            .flatten()
    }

    /// Its context, for another node; `None`: it is not recorded.
    pub(crate) fn written(&self) -> Option<String> {
        written(self.0.span().span_context())
    }

    fn begin_at(name: Name<'_>, parent: Parent, at: Option<SystemTime>) -> Option<Self> {
        let recording = RECORDING.get()?;
        let parent = match parent {
            Parent::Current => Context::current(),
            Parent::Nothing => Context::new(),
            Parent::Remote(context) => Context::new().with_remote_span_context(context),
        };
        let mut builder = SpanBuilder::from_name("").with_kind(name.kind());
        builder.start_time = at;
        let span = recording.tracer.build_with_context(builder, &parent);
        let context = Context::new().with_value(Notes::default()).with_span(span);
        let span = Self(context);
        if span.is_recorded() {
            span.rename(name);
            let node = recording.node.clone();
            span.0.span().set_attribute(KeyValue::new(NODE, node));
        }
        Some(span)
    }

    fn is_recorded(&self) -> bool {
        self.0.span().is_recording()
    }

    /// It is called so, now that this is known.
    pub(crate) fn rename(&self, name: Name<'_>) {
        rename(&self.0, name);
    }

    /// It is about this.
    pub(crate) fn note(&self, attribute: Attribute<'_>) {
        note(&self.0, attribute);
    }

    /// Runs something within it. It is pinned elsewhere, so that nobody has to have room for it twice where nothing is
    /// recorded.
    pub(crate) fn around<F: Future + Unpin>(&self, doing: F) -> WithContext<F> {
        doing.with_context(self.0.clone())
    }

    /// Says what is known at the end of something that was answered.
    pub(crate) fn answered(&self) {
        let Some(notes) = self.0.get::<Notes>().filter(|_| self.is_recorded()) else {
            return;
        };
        let code = notes.refused.get().copied();
        self.note(Attribute::Outcome(code.map_or("ok", ErrorCode::as_str)));
        if let Some(code @ (ErrorCode::OperationFailed | ErrorCode::ServerBusy)) = code {
            self.failed(code.as_str());
        }
    }

    /// Says to how many connections something was handed within it.
    pub(crate) fn received(&self) {
        if let Some(notes) = self.0.get::<Notes>() {
            let receivers = notes.receivers.load(Ordering::Relaxed);
            self.note(Attribute::Receivers(receivers));
        }
    }

    /// It failed, for which there is a fixed word.
    pub(crate) fn failed(&self, what: &'static str) {
        self.note(Attribute::Error(what));
        self.0.span().set_status(Status::error(""));
    }
}

impl Notes {
    /// Hands over what is noted for what is being done.
    pub(super) fn in_current(noting: impl FnOnce(&Self)) {
        Context::map_current(|context| {
            if let Some(notes) = context.get::<Self>() {
                noting(notes);
            }
        });
    }

    pub(super) fn refused(&self, code: ErrorCode) {
        // What was refused first is what it was refused for.
        let _ = self.refused.set(code);
    }

    pub(super) fn reached(&self, connections: u64) {
        self.receivers.fetch_add(connections, Ordering::Relaxed);
    }
}

pub(super) fn note_in_current(attribute: Attribute<'_>) {
    Context::map_current(|context| note(context, attribute));
}

pub(super) fn rename_current(name: Name<'_>) {
    Context::map_current(|context| rename(context, name));
}

fn note(context: &Context, attribute: Attribute<'_>) {
    let span = context.span();
    if span.is_recording() {
        span.set_attribute(attribute.into());
    }
}

fn rename(context: &Context, name: Name<'_>) {
    let span = context.span();
    if span.is_recording() {
        span.update_name(name.to_string());
    }
}
