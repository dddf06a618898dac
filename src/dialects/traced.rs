//! The spans of handshakes and events. It must not put anything into one that a client wrote: an event is named by its
//! row.

use std::pin::Pin;
use std::time::Instant;

use super::row::Row;
use crate::connection::{Admission, Admitted, Connection, Handler, Opening, Outcome};
use crate::model::Dialect;
use crate::payload::RawEvent;
use crate::traces::{self, Attribute, Name, Parent, Span};

/// Of a client that declared no dialect.
const UNDECLARED: &str = "undeclared";
/// An event that no dialect has.
const UNKNOWN: &str = "unknown";

fn name_of(dialect: Option<Dialect>) -> &'static str {
    dialect.map_or(UNDECLARED, Dialect::as_str)
}

/// The span of an event, which is called by its name when that is found.
pub(super) fn event(connection: &Connection, event: &RawEvent) -> Option<Span> {
    if !traces::is_on() {
        return None;
    }
    let name = Name::Event {
        dialect: name_of(connection.client.declared),
        event: UNKNOWN,
    };
    let span = Span::begin(name, Parent::Nothing)?;
    span.note(Attribute::Session(connection.id.uuid()));
    span.note(Attribute::Bytes(event.size()));
    Some(span)
}

/// Handles an event within its span.
pub(super) async fn within(
    span: Span,
    handling: Pin<Box<impl Future<Output = Outcome>>>,
) -> Outcome {
    let outcome = span.around(handling).await;
    span.answered();
    span.received();
    outcome
}

/// The event that is being handled has this row.
pub(super) fn resolved(row: &'static Row) {
    let (dialect, event) = (row.dialect.as_str(), row.name);
    traces::rename(Name::Event { dialect, event });
    traces::note(|| Attribute::Dialect(dialect));
    traces::note(|| Attribute::Event(event));
}

/// The event that is being handled is one of any dialect.
pub(super) fn is_of_all(connection: &Connection, event: &'static str) {
    let dialect = name_of(connection.client.declared);
    traces::rename(Name::Event { dialect, event });
    traces::note(|| Attribute::Dialect(dialect));
    traces::note(|| Attribute::Event(event));
}

/// The span of a handshake, since its first request.
pub(super) fn handshake(opening: &Opening<'_>) -> Option<Span> {
    if !traces::is_on() {
        return None;
    }
    let handshake = opening.handshake();
    let place = handshake.place.upgrade();
    let begun = place.and_then(|place| place.handshake_begun());
    let parent = match &handshake.trace {
        Some(trace) => Parent::Remote((**trace).clone()),
        None => Parent::Nothing,
    };
    Span::since(Name::Handshake, parent, begun.unwrap_or_else(Instant::now))
}

/// What became of a handshake.
pub(super) fn admitted<H: Handler, R>(span: &Span, admitted: &Result<Admitted<H>, R>) {
    let Ok(Admitted {
        connection,
        admission,
    }) = admitted
    else {
        return span.answered();
    };
    match admission {
        // It is told why by an event, after it has entered.
        Admission::Rejected(_) => span.note(Attribute::Outcome("rejected")),
        Admission::Guest | Admission::Member(_) => span.answered(),
    }
    span.note(Attribute::Session(connection.id.uuid()));
    span.note(Attribute::Dialect(name_of(connection.client.declared)));
}
