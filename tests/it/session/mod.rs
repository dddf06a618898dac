//! The `session` dialect over raw frames. Here is what its tests share: a server, and guests who join sessions and ask
//! for things, and see every byte they are sent.

mod canary;
mod hostile;
mod misshapen;
mod model;
mod order;
mod slow;
mod spoofing;
mod stage;
mod tabs;
mod verbatim;
mod visitors;

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::program;
pub(crate) use crate::request_client::{Answer, RequestClient};
use test_support::harness::Relay;
use test_support::raw::{Event, members};

/// A server for `session` without rate limits, which lists its sessions.
pub(crate) fn server(more: &[(&str, &str)]) -> Relay {
    program::start(&settings(more))
}

/// The same, in a data directory that outlives it.
pub(crate) fn server_in(data: &Path, more: &[(&str, &str)]) -> Relay {
    program::start_in(data, &settings(more))
}

fn settings<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let basics = [
        ("DIALECTS", "session"),
        ("RATE_LIMITS", "off"),
        ("DEBUG", "true"),
    ];
    [&basics, more].concat()
}

/// A client without a token.
pub(crate) type Guest = RequestClient;

impl Guest {
    /// Connects, and joins a session.
    pub(crate) async fn member(relay: &Relay, session: &str, user: &str) -> Self {
        let mut guest = Self::enter(relay).await;
        guest.join(session, user).await;
        guest
    }

    /// Joins a session, which is made if there is none.
    pub(crate) async fn join(&mut self, session: &str, user: &str) -> Answer {
        user.clone_into(&mut self.connection.user);
        let answer = self.ask("join-session", &join(session, user)).await;
        assert!(answer.succeeded(), "{answer:?}");
        answer
    }
}

/// The argument of a `join-session`. All say that they made the session: the first one does.
pub(crate) fn join(session: &str, user: &str) -> String {
    format!(
        r#"{{"sessionId":"{session}:key","userId":"{user}","displayName":"Name of {user}","publicKey":"public key of {user}","isCreator":true}}"#
    )
}

/// The argument of a `send-message` for all, whose ciphertext is this JSON text.
pub(crate) fn message(session: &str, from: &str, encrypted: &str) -> String {
    format!(r#"{{"sessionId":"{session}","from":"{from}","encrypted":{encrypted}}}"#)
}

/// What an event's argument, an array of objects, has in it.
pub(crate) fn items(event: &Event) -> Vec<Vec<(String, String)>> {
    let arguments: Vec<&RawValue> = serde_json::from_str(&event.text).unwrap();
    let items: Vec<&RawValue> = serde_json::from_str(arguments[1].get()).unwrap();
    items.into_iter().map(|item| members(item.get())).collect()
}

/// The bytes of a field of an object; it must be there exactly once.
pub(crate) fn raw<'a>(object: &'a [(String, String)], field: &str) -> &'a str {
    let found: Vec<_> = object.iter().filter(|(name, _)| name == field).collect();
    assert_eq!(found.len(), 1, "{field} in {object:?}");
    &found[0].1
}

/// An event's argument, which must be an array.
pub(crate) fn argument(event: &Event) -> Vec<Value> {
    let (_, argument) = serde_json::from_str::<(String, Vec<Value>)>(&event.text).unwrap();
    argument
}

/// A value that must be a string.
pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
