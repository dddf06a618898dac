//! The tables of events against the contract.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::audit::EventType;
use crate::dialects::auth_events;
use crate::limits::Action;
use crate::model::event_names;

fn contract(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Direct => include_str!("../../../docs/protocol/direct.md"),
        Dialect::Session => include_str!("../../../docs/protocol/session.md"),
        Dialect::Feed => include_str!("../../../docs/protocol/feed.md"),
        Dialect::Chat => include_str!("../../../docs/protocol/chat.md"),
        Dialect::Conversation => include_str!("../../../docs/protocol/conversation.md"),
    }
}

/// The texts in backticks, each up to its fields.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split(' ').next())
}

/// The events of the tables "you send" of a contract, and those that are sent in a paragraph of
/// their own.
fn documented(contract: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut in_table = false;
    for line in contract.lines() {
        in_table = line.starts_with("| you send |") || in_table && line.starts_with('|');
        if in_table {
            // A cell may hold several: `typing`, `stopped-typing {…}`.
            names.extend(quoted(line.split('|').nth(1).unwrap_or_default()));
        } else if line.starts_with("`join-session {") {
            names.extend(quoted(line).take(1));
        }
    }
    names
}

#[test]
fn the_tables_have_the_events_of_the_contract_and_no_others() {
    for dialect in Dialect::ALL {
        let mut documented = documented(contract(dialect));
        // Every client has it (`auth_events`).
        documented.remove(auth_events::AUTHENTICATE);
        let rows: BTreeSet<_> = rows(dialect).into_iter().map(|row| row.name).collect();
        assert_eq!(rows, documented, "{dialect}");
    }
}

#[test]
fn no_event_of_a_table_can_be_published_by_a_backend() {
    for row in Dialect::ALL.into_iter().flat_map(rows) {
        assert!(event_names::is_reserved(row.name), "{}", row.name);
    }
    assert!(event_names::is_reserved(auth_events::AUTHENTICATE));
}

#[test]
fn the_error_events_of_the_tables_are_in_the_contract() {
    for dialect in Dialect::ALL {
        let known: BTreeSet<_> = quoted(contract(dialect)).collect();
        for row in rows(dialect) {
            if let Some(event) = row.refused.event {
                assert!(known.contains(event), "{dialect}: {event}");
            }
        }
    }
}

#[test]
fn an_event_is_found_by_its_name_and_its_row_says_whose_it_is() {
    for dialect in Dialect::ALL {
        for event in events(dialect) {
            let row = event.row();
            assert_eq!(row.dialect, dialect);
            assert_eq!(Event::find(dialect, row.name), Some(event));
        }
        assert_eq!(Event::find(dialect, "authenticate"), None);
        assert_eq!(Event::find(dialect, ""), None);
    }
}

/// `Event::is_meant` tells these apart. A name that others share would need a rule, too.
#[test]
fn only_direct_and_conversation_share_names() {
    let mut dialects: BTreeMap<&str, Vec<Dialect>> = BTreeMap::new();
    for dialect in Dialect::ALL {
        for row in rows(dialect) {
            dialects.entry(row.name).or_default().push(dialect);
        }
    }
    let shared = dialects.iter().filter(|(_, dialects)| dialects.len() > 1);
    for (name, dialects) in shared {
        assert_eq!(
            dialects[..],
            [Dialect::Direct, Dialect::Conversation],
            "{name}"
        );
    }
}

#[test]
fn what_a_signal_says_is_not_audited_and_what_is_stored_or_relayed_is() {
    use EventType::*;
    let audited = |dialect| -> Vec<_> {
        let rows = rows(dialect).into_iter();
        rows.filter_map(|row| Some((row.name, row.audit?)))
            .collect()
    };
    assert_eq!(
        audited(Dialect::Direct),
        [
            ("join_room", RoomJoin),
            ("leave_room", RoomLeave),
            ("send_message", MessageSent),
            ("send_file_chunk", FileUpload),
            ("request_file", FileDownload),
            ("key-exchange:send", KeyExchangeRelay),
        ]
    );
    assert_eq!(
        audited(Dialect::Session),
        [
            ("join-session", SessionJoined),
            ("leave-session", SessionLeft),
            ("send-message", MessageSent),
        ]
    );
    assert_eq!(
        audited(Dialect::Feed),
        [
            ("join-conversation", RoomJoin),
            ("leave-conversation", RoomLeave)
        ]
    );
    assert_eq!(audited(Dialect::Chat), []);
    for row in Dialect::ALL.into_iter().flat_map(rows) {
        if row.limits == [Action::Signals] {
            assert_eq!(row.audit, None, "{}", row.name);
        }
        if row.limits == [Action::Receipts] {
            let is_kept = row.dialect == Dialect::Conversation;
            assert_eq!(row.audit.is_some(), is_kept, "{}", row.name);
        }
    }
}
