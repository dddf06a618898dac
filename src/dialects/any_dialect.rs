//! What is said in `/asyncapi.json` of the events that clients of every dialect share.

use super::auth_events::{AUTHENTICATE, AuthExpiring, AuthFailed, AuthSuccess, AuthenticatedReply};
use super::conversation;
use super::described::{Sent, Taken, sends, takes};
use crate::schema::{Form, optional, schema_of};

/// The event that any client may send, and the field that a text stands for which comes alone.
pub(super) const TAKEN: (&str, &str, Taken) = {
    const TOKEN: &str = "token";
    let taken = takes(
        &[optional(TOKEN, Form::Text)],
        "A token, or a fresh one for the same user",
    );
    let answered = taken.and_more().answered(schema_of::<AuthenticatedReply>);
    (AUTHENTICATE, TOKEN, answered)
};

/// What the relay sends.
pub(super) const SENT: &[Sent] = &[
    sends(
        "authenticated",
        schema_of::<AuthenticatedReply>,
        "Answers `authenticate`",
    ),
    sends(
        "auth:success",
        schema_of::<AuthSuccess>,
        "The connection is authenticated",
    ),
    sends(
        "auth:error",
        schema_of::<AuthFailed>,
        "The connection is not authenticated, or not any more",
    ),
    sends(
        "auth:expiring",
        schema_of::<AuthExpiring>,
        "The token expires in a minute",
    ),
    sends(
        "error",
        conversation::described::ERROR,
        "An event was refused",
    ),
];
