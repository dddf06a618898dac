//! Who does something in a conversation, and how audit records name them.

use std::sync::Arc;

use uuid::Uuid;

use crate::audit::{Audit, Event, Record, Source};
use crate::model::{Dialect, Identity};
use crate::users::Member;

/// A user who does something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor<'a> {
    /// The user.
    pub(crate) identity: &'a Identity,
    /// How records name them.
    pub(crate) source: &'a Arc<Source>,
    /// The dialect of the request.
    pub(crate) dialect: Option<Dialect>,
}

impl Member {
    /// The user, by an identity of theirs, as one who does something in this dialect.
    pub(crate) fn acts<'a>(
        &'a self,
        identity: &'a Identity,
        dialect: Option<Dialect>,
    ) -> Actor<'a> {
        Actor {
            identity,
            source: self.source(),
            dialect,
        }
    }
}

impl Actor<'_> {
    /// Records what they did.
    pub(super) fn record(&self, audit: &Audit, event: Event) {
        audit.record(Record::new(self.source, self.dialect, event));
    }

    /// Records it under a fixed id. A client that got no answer, because the server ended first, asks
    /// again for what may be done and not recorded: a second record with the same id is ignored.
    pub(super) fn record_as(&self, audit: &Audit, id: Uuid, event: Event) {
        audit.record(Record::with_id(id, self.source, self.dialect, event));
    }
}
