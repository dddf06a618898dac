//! `/asyncapi.json`: a channel for each dialect with all of its events, from the tables that the relay runs on and
//! from what the dialects say of them.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::any_dialect;
use super::described::{Sent, Taken};
use super::request::Failure;
use super::row::Row;
use super::{chat, conversation, direct, feed, session};
use crate::model::Dialect;
use crate::schema::{generator, schema_of};

/// The document, with the channels of these dialects.
pub(crate) fn document(dialects: &[Dialect]) -> Value {
    let mut document = Document {
        generator: generator(),
        channels: Map::new(),
        operations: Map::new(),
    };
    for dialect in Dialect::ALL
        .into_iter()
        .filter(|one| dialects.contains(one))
    {
        document.describe(dialect);
    }
    let schemas = document.generator.take_definitions(true);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of sealed-relay",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0" },
            "description": "Events of Socket.IO, namespace `/`, at `/socket.io/`. A connection declares its dialect as `dialect` in `auth` or in the query. What others send it by another dialect may come as events of that channel.",
        },
        "defaultContentType": "application/json",
        "channels": document.channels,
        "operations": document.operations,
        "components": { "schemas": schemas },
    })
}

/// What is fixed about the events that clients of a dialect send, and what is said of them.
fn taken(dialect: Dialect) -> Vec<(&'static Row, Taken)> {
    macro_rules! of {
        ($dialect:ident) => {{
            let events = $dialect::Event::ALL.iter();
            let events = events.map(|event| (event.row(), $dialect::described::taken(*event)));
            events.collect()
        }};
    }
    match dialect {
        Dialect::Direct => of!(direct),
        Dialect::Session => of!(session),
        Dialect::Feed => of!(feed),
        Dialect::Chat => of!(chat),
        Dialect::Conversation => of!(conversation),
    }
}

/// What the relay sends clients of a dialect.
pub(super) const fn sent(dialect: Dialect) -> &'static [Sent] {
    match dialect {
        Dialect::Direct => direct::described::SENT,
        Dialect::Session => session::described::SENT,
        Dialect::Feed => feed::described::SENT,
        Dialect::Chat => chat::described::SENT,
        Dialect::Conversation => conversation::described::SENT,
    }
}

struct Document {
    generator: SchemaGenerator,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Document {
    fn describe(&mut self, dialect: Dialect) {
        let channel = dialect.as_str();
        let mut messages = Map::new();
        let failure = schema_of::<Failure>(&mut self.generator);
        messages.insert("refused".into(), json!({ "payload": failure }));
        for (row, taken) in taken(dialect) {
            self.take(channel, &mut messages, (row.name, row.bare), taken);
        }
        let (name, bare, taken) = any_dialect::TAKEN;
        self.take(channel, &mut messages, (name, Some(bare)), taken);
        for sent in sent(dialect).iter().chain(any_dialect::SENT) {
            self.send(channel, &mut messages, sent);
        }
        let described = json!({
            "address": "/socket.io/",
            "title": format!("Clients of {dialect}"),
            "messages": messages,
        });
        self.channels.insert(channel.into(), described);
    }

    /// An event that clients send, and the answers to its callback.
    fn take(
        &mut self,
        channel: &str,
        messages: &mut Map<String, Value>,
        (name, bare): (&str, Option<&str>),
        taken: Taken,
    ) {
        let id = id(name);
        let mut payload = taken.payload.schema().to_value();
        if bare.is_some() {
            payload = json!({ "anyOf": [payload, { "type": ["string", "integer"] }] });
        }
        let message = json!({ "name": name, "summary": taken.about, "payload": payload });
        messages.insert(format!("receive.{id}"), message);
        let answer = (taken.answer)(&mut self.generator);
        messages.insert(format!("reply.{id}"), json!({ "payload": answer }));
        let operation = json!({
            "action": "receive",
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": taken.about,
            "messages": [reference(channel, &format!("receive.{id}"))],
            "reply": {
                "channel": { "$ref": format!("#/channels/{channel}") },
                "messages": [
                    reference(channel, &format!("reply.{id}")),
                    reference(channel, "refused"),
                ],
            },
        });
        self.operations
            .insert(format!("{channel}.receive.{id}"), operation);
    }

    /// An event that the relay sends.
    fn send(&mut self, channel: &str, messages: &mut Map<String, Value>, sent: &Sent) {
        let key = format!("send.{}", id(sent.name));
        let payload = sent.payload.schema(&mut self.generator);
        let message = json!({ "name": sent.name, "summary": sent.about, "payload": payload });
        let operation = json!({
            "action": "send",
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": sent.about,
            "messages": [reference(channel, &key)],
        });
        self.operations
            .insert(format!("{channel}.{key}"), operation);
        messages.insert(key, message);
    }
}

/// The name of an event where colons may not be.
fn id(name: &str) -> String {
    name.replace(':', ".")
}

fn reference(channel: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metrics;

    #[test]
    fn every_event_that_the_relay_sends_is_described_and_no_other() {
        let described = Dialect::ALL.into_iter();
        let described =
            described.flat_map(|one| sent(one).iter().map(move |sent| (Some(one), sent)));
        let shared = any_dialect::SENT.iter().map(|sent| (None, sent));
        let described = described.chain(shared).map(|(of, sent)| (of, sent.name));
        let described: Vec<_> = described.collect();
        let names = |events: &[(Option<Dialect>, &'static str)]| -> BTreeSet<_> {
            let names = events.iter();
            names
                .map(|(of, name)| (of.map(Dialect::as_str), *name))
                .collect()
        };
        assert_eq!(names(&described), names(metrics::events::SENT));
        assert_eq!(described.len(), metrics::events::SENT.len());
    }

    #[test]
    fn it_is_the_same_each_time_and_has_the_dialects_that_are_served() {
        let document_of = |dialects: &[Dialect]| document(dialects).to_string();
        assert_eq!(document_of(&Dialect::ALL), document_of(&Dialect::ALL));
        let served = document(&[Dialect::Feed]);
        let channels = served["channels"].as_object().expect("an object");
        assert_eq!(channels.keys().collect::<Vec<_>>(), ["feed"]);
        let message = &served["channels"]["feed"]["messages"]["send.new-message"];
        assert_eq!(message["name"], "new-message");
    }
}
