//! Who does something in a conversation, and how records name them.

use std::sync::Arc;

use uuid::Uuid;

use crate::app::App;
use crate::audit::{Event, Record, Source};
use crate::connection::Member;
use crate::model::{Dialect, Identity};

/// Who does something.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The user.
    pub identity: &'a Identity,
    /// How records name them.
    pub source: &'a Arc<Source>,
    /// The dialect in which they ask.
    pub dialect: Option<Dialect>,
}

impl Member {
    /// The user, as one who does something in this dialect.
    pub fn acts(&self, dialect: Option<Dialect>) -> Actor<'_> {
        Actor {
            identity: &self.identity,
            source: self.source(),
            dialect,
        }
    }
}

impl Actor<'_> {
    /// Records what they did.
    pub fn record(&self, app: &App, event: Event) {
        let record = Record::new(self.source, self.dialect, event);
        app.audit.record(record);
    }

    /// Records it under an id that it has whenever it is recorded. What a client asks for again
    /// because the server ended before it answered may have been done and not recorded; else the
    /// second record is none.
    pub(super) fn record_as(&self, app: &App, id: Uuid, event: Event) {
        let record = Record::with_id(id, self.source, self.dialect, event);
        app.audit.record(record);
    }
}
