//! The tables of events against the contract, and the words of refusals byte for byte.

mod tables;
mod words;

use super::row::Row;
use super::{Event, chat, conversation, direct, feed, session};
use crate::model::Dialect;

/// All events of a dialect.
fn events(dialect: Dialect) -> Vec<Event> {
    match dialect {
        Dialect::Direct => direct::Event::ALL
            .iter()
            .copied()
            .map(Event::Direct)
            .collect(),
        Dialect::Session => session::Event::ALL
            .iter()
            .copied()
            .map(Event::Session)
            .collect(),
        Dialect::Feed => feed::Event::ALL.iter().copied().map(Event::Feed).collect(),
        Dialect::Chat => chat::Event::ALL.iter().copied().map(Event::Chat).collect(),
        Dialect::Conversation => conversation::Event::ALL
            .iter()
            .copied()
            .map(Event::Conversation)
            .collect(),
    }
}

fn rows(dialect: Dialect) -> Vec<&'static Row> {
    events(dialect).into_iter().map(Event::row).collect()
}

fn row(dialect: Dialect, name: &str) -> &'static Row {
    Event::find(dialect, name).expect("an event").row()
}
