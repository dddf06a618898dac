//! What an event is about, as far as its order counts among what its user hands over on several connections: another
//! user, a conversation, or a session.

use super::{Event, accepts};
use crate::config::Config;
use crate::connection::{Connection, Subject};
use crate::model::Dialect;
use crate::model::session::SessionId;
use crate::payload::{Payload, RawEvent};

/// Of how many subjects of one connection other nodes know.
pub(super) const MAX_MARKED: usize = 256;

/// What an event is about that has yet to be handled.
pub(super) fn of_event(
    config: &Config,
    connection: &Connection,
    event: &RawEvent,
) -> Option<Subject> {
    let accepts = |dialect| accepts(config, connection, dialect);
    let (first, other) = Event::named(accepts, event.name());
    let payload = event.payload();
    let other = other.filter(|other| other.is_meant(event, &payload));
    let row = other.or(first)?.row();
    let payload = match row.bare {
        Some(field) => payload.or_else(|_| event.bare(field)),
        None => payload,
    };
    of(connection, row.dialect, &payload.ok()?)
}

/// What an event with this payload is about.
pub(super) fn of(
    connection: &Connection,
    dialect: Dialect,
    payload: &Payload<'_>,
) -> Option<Subject> {
    let first = |names: &[&str]| names.iter().find_map(|name| payload.id(name));
    let (kind, names): (_, &[_]) = match dialect {
        Dialect::Session => {
            let session = payload.id("sessionId")?;
            let (session, _) = SessionId::parse(&session)?;
            let member = first(&["from", "userId"]).unwrap_or_default();
            return Some(Subject::of(&["session", session.as_str(), &member]));
        }
        Dialect::Direct => ("user", &["recipientId", "senderId"]),
        Dialect::Feed | Dialect::Chat | Dialect::Conversation => (
            "conversation",
            &["conversationId", "conversation_id", "chatId"],
        ),
    };
    let source = connection.source();
    let user = source.user.as_deref()?;
    Some(Subject::of(&[kind, user, &first(names)?]))
}

/// Of whom other nodes know that something about this is not handled yet: of a user, or of the member of a session that
/// has no account. In no id of a user is a control character.
pub(super) fn whose(connection: &Connection, subject: Subject) -> String {
    let user = connection.source().user.as_deref().map(str::to_owned);
    user.unwrap_or_else(|| format!("\n{subject}"))
}
