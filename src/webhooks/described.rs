//! What is said of the types of facts in `/openapi.json`. A test compares it with what is sent.

use crate::model::FactType;
use crate::schema::{Field, Form, needed, optional};

/// What is said of a type.
pub(crate) struct Described {
    /// When it is told.
    pub(crate) about: &'static str,
    /// What its data has.
    pub(crate) data: &'static [Field],
}

const USER: Field = needed("userId", Form::Text);
const MAYBE_USER: Field = optional("userId", Form::Text);
const MESSAGE: Field = optional("messageId", Form::Text);
const MESSAGE_TYPE: Field = optional("messageType", Form::Text);
const CONVERSATION: Field = needed("conversationId", Form::Text);
const MAYBE_CONVERSATION: Field = optional("conversationId", Form::Text);
const BY: Field = optional("by", Form::Text).about("Who did it");
const DIALECT: Field = optional("dialect", Form::Text);
const REASON: Field = optional("reason", Form::Text);
const COUNT: Field = optional("count", Form::Whole);

const SENT: &[Field] = &[
    optional("senderId", Form::Text),
    optional("recipientId", Form::Text),
    MAYBE_CONVERSATION,
    MESSAGE,
    MESSAGE_TYPE,
    optional("seq", Form::Any).about("As the sender wrote it"),
    needed("bytes", Form::Whole),
];
const UNDELIVERED: &[Field] = &[
    USER,
    optional("senderId", Form::Text),
    MESSAGE,
    MAYBE_CONVERSATION,
    DIALECT,
    MESSAGE_TYPE,
    needed("bytes", Form::Whole),
    needed("urgent", Form::Flag).about("Of a message or a key, not of a file"),
    needed("count", Form::Whole).about("How many this stands for"),
];
const CHANGED: &[Field] = &[MAYBE_USER, CONVERSATION, MESSAGE, COUNT];
const CONNECTION: &[Field] = &[
    MAYBE_USER,
    needed("connectionId", Form::Text),
    DIALECT,
    REASON,
];
const FAILED: &[Field] = &[
    needed("reason", Form::Text),
    optional("ipAddress", Form::Text),
    MAYBE_USER,
];
const SESSION: &[Field] = &[needed("sessionId", Form::Text), MAYBE_USER];
const OF_USER: &[Field] = &[USER, BY];
const GONE: &[Field] = &[USER, optional("lastSeen", Form::Text)];
const MADE: &[Field] = &[CONVERSATION, BY];
const PARTICIPANT: &[Field] = &[CONVERSATION, USER, BY];
const ONE_USER: &[Field] = &[USER];

/// What is said of a type.
pub(crate) const fn of(kind: FactType) -> Described {
    use FactType as F;
    let (about, data): (_, &'static [Field]) = match kind {
        F::UserOnline => ("A user has a connection, and had none", ONE_USER),
        F::UserOffline => ("A user has no connection any more", GONE),
        F::MessageUndelivered => ("A recipient was not there", UNDELIVERED),
        F::MessageSent => ("A message was sent", SENT),
        F::MessageUpdated => ("A message was edited", CHANGED),
        F::MessageDeleted => ("A message was deleted", CHANGED),
        F::MessageRead => ("Messages were read", CHANGED),
        F::ConversationCreated => ("A conversation was made", MADE),
        F::ParticipantAdded => ("A participant was added", PARTICIPANT),
        F::ParticipantRemoved => ("A participant was removed, or left", PARTICIPANT),
        F::SessionReserved => ("A session was reserved", SESSION),
        F::SessionJoined => ("Somebody joined a session", SESSION),
        F::SessionLeft => ("Somebody left a session", SESSION),
        F::UserChanged => ("An administrator changed a user", OF_USER),
        F::UserSuspended => ("An administrator suspended a user", OF_USER),
        F::TokenRevoked => ("The tokens of a user were taken back", OF_USER),
        F::ConnectionOpened => ("A connection was opened", CONNECTION),
        F::ConnectionClosed => ("A connection was closed", CONNECTION),
        F::ConnectionSlow => ("A connection was closed as too slow", CONNECTION),
        F::AuthFailed => ("Somebody was not authenticated", FAILED),
    };
    Described { about, data }
}
