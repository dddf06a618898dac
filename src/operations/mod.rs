//! What users do in conversations: each operation once, whether it comes over a socket or over REST.
//! It is kept, recorded, and told to everybody it concerns, in this order. How an operation is asked
//! for and answered is for the dialects and `http`; here is no event and no route.

mod messages;
mod participants;
mod reactions;
mod receipts;
mod subscriptions;
mod typing;
mod users;

use std::sync::Arc;

pub use messages::{delete, edit, hide, send, sent_elsewhere, tell_here};
pub use participants::{By, NotManaged, add_participant, create, end_participation, put_in};
pub use reactions::{add_reaction, remove_reaction};
pub use receipts::mark_read;
pub use subscriptions::{disconnected, join, join_all, leave, online, takes_part};
pub use typing::{typing, typing_elsewhere};
pub use users::{change_user, disconnect_here, disconnect_user};

use uuid::Uuid;

use crate::audit::{Event, Record, Source};
use crate::connection::Member;
use crate::dialect::Dialect;
use crate::identity::Identity;
use crate::relay::Relay;

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
    pub fn record(&self, relay: &Relay, event: Event) {
        let record = Record::new(self.source, self.dialect, event);
        relay.audit.record(record);
    }

    /// Records it under an id that it has whenever it is recorded. What a client asks for again
    /// because the server ended before it answered may have been done and not recorded; else the
    /// second record is none.
    fn record_as(&self, relay: &Relay, id: Uuid, event: Event) {
        let record = Record::with_id(id, self.source, self.dialect, event);
        relay.audit.record(record);
    }
}
