//! The tables of events against the contract, and the words of refusals byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use super::row::Row;
use super::{Event, chat, conversation, direct, feed, session};
use crate::audit::EventType;
use crate::limits::Action;
use crate::model::session::{JoinError, KeysError};
use crate::model::{Dialect, Refusal, Why};
use crate::payload::Payload;
use crate::stores::conversations::StoreError;

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

fn contract(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Direct => include_str!("../../docs/protocol/direct.md"),
        Dialect::Session => include_str!("../../docs/protocol/session.md"),
        Dialect::Feed => include_str!("../../docs/protocol/feed.md"),
        Dialect::Chat => include_str!("../../docs/protocol/chat.md"),
        Dialect::Conversation => include_str!("../../docs/protocol/conversation.md"),
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
        documented.remove(super::auth_events::AUTHENTICATE);
        let rows: BTreeSet<_> = rows(dialect).into_iter().map(|row| row.name).collect();
        assert_eq!(rows, documented, "{dialect}");
    }
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
            let reads = row.name == "message:read" && row.dialect == Dialect::Conversation;
            assert_eq!(row.audit.is_some(), reads, "{}", row.name);
        }
    }
}

/// The callback's code and text, and the error event, of a refusal.
fn said(dialect: Dialect, name: &str, refusal: &Refusal, sent: &str) -> String {
    let event = Event::find(dialect, name).expect("an event");
    let payload = Payload::of_object(sent).ok();
    let words = event.words();
    let reply = words.reply(event.row(), refusal, payload.as_ref());
    let mut said = format!("{} {}", reply.code.as_str(), reply.message);
    if let Some((event, body)) = reply.event {
        said += &format!(" / {event} {}", body.get());
    }
    if !reply.recorded {
        said += " / not recorded";
    }
    said
}

fn store_failed() -> Refusal {
    StoreError::Closed.into()
}

#[test]
fn direct_repeats_the_ids_of_what_it_refuses() {
    let sent = r#"{"recipientId":"bob","seq":7,"messageId":{"a":1},"chunkNumber":0}"#;
    let said = |name, refusal: &Refusal| said(Dialect::Direct, name, refusal, sent);
    assert_eq!(
        said("send_message", &Refusal::invalid("iv")),
        "INVALID_INPUT Missing required fields / message:error {\"error\":\"Missing required fields\",\
         \"code\":\"INVALID_INPUT\",\"field\":\"iv\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    assert_eq!(
        said("send_file_chunk", &Refusal::unusable("iv")),
        "INVALID_INPUT Missing required fields for file chunk / file:error \
         {\"error\":\"Missing required fields for file chunk\",\"code\":\"INVALID_INPUT\",\
         \"field\":\"iv\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    assert_eq!(
        said("join_room", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded / room:error {\"error\":\"Rate limit exceeded\",\
         \"code\":\"RATE_LIMIT\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    for refusal in [Refusal::rate_limited(), Refusal::invalid("recipientId")] {
        let said = said("typing:start", &refusal);
        assert_eq!(
            said,
            format!("{} Ignored / not recorded", refusal.code.as_str())
        );
    }
}

#[test]
fn session_has_one_error_event_and_texts_of_its_own() {
    let said = |name, refusal: &Refusal| said(Dialect::Session, name, refusal, "{}");
    let join = |error: JoinError| said("join-session", &error.into());
    let error = |code: &str, text: &str| {
        format!("{code} {text} / session-error {{\"error\":\"{code}\",\"message\":\"{text}\"}}")
    };
    let expected = [
        (
            JoinError::NotFound,
            "SESSION_NOT_FOUND",
            "Session not found. Please check the session link.",
        ),
        (
            JoinError::NotTheCreator,
            "INVALID_KEY",
            "Session key mismatch. This should not happen.",
        ),
        (
            JoinError::WrongPassword,
            "INVALID_PASSWORD",
            "Incorrect password. Please check and try again.",
        ),
        (
            JoinError::WrongKey,
            "INVALID_KEY",
            "Invalid authentication key. Please check your link and try again.",
        ),
        (
            JoinError::Full { max: 2 },
            "SESSION_FULL",
            "This room is full. Only 2 members allowed.",
        ),
        (
            JoinError::Busy,
            "SERVER_BUSY",
            "Too many active sessions. Please try again later.",
        ),
    ];
    for (refused, code, text) in expected {
        assert_eq!(join(refused), error(code, text));
    }
    assert_eq!(
        said("join-session", &Refusal::rate_limited()),
        error("RATE_LIMIT", "Rate limit exceeded")
    );
    assert_eq!(
        said("send-message", &Refusal::not_member()),
        error("NOT_A_MEMBER", "You are not a member of this session.")
    );
    assert_eq!(
        said("send-message", &Refusal::malformed()),
        error("INVALID_REQUEST", "Missing or invalid payload")
    );
    assert_eq!(
        said("send-message", &Refusal::unusable("to")),
        "INVALID_REQUEST Missing or invalid to / session-error \
         {\"error\":\"INVALID_REQUEST\",\"message\":\"Missing or invalid to\",\"field\":\"to\"}"
    );
}

#[test]
fn session_drops_what_clients_would_leave_for() {
    let said = |name, refusal: &Refusal| said(Dialect::Session, name, refusal, "{}");
    assert_eq!(
        said("typing", &Refusal::not_member()),
        "NOT_A_MEMBER You are not a member of this session."
    );
    assert_eq!(
        said("set-session-key", &KeysError::NotGroup.into()),
        "INVALID_REQUEST Session keys are for group mode / not recorded"
    );
    assert_eq!(
        said("get-public-keys", &Refusal::invalid("userId")),
        "INVALID_REQUEST Missing or invalid userId / public-keys-updated []"
    );
    assert_eq!(
        said("get-public-keys", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded"
    );
    let leave = row(Dialect::Session, "leave-session");
    assert_eq!(leave.refused.limit, Some(Action::Signals));
}

#[test]
fn feed_and_chat_tell_the_callback_only() {
    let feed = |refusal: &Refusal| said(Dialect::Feed, "join-conversation", refusal, "7");
    let chat = |refusal: &Refusal| said(Dialect::Chat, "user:typing", refusal, "7");
    let said = [
        (
            Refusal::malformed(),
            "INVALID_INPUT Missing or invalid conversation id",
            "INVALID_INPUT chatId is required",
        ),
        (
            Refusal::rate_limited(),
            "RATE_LIMIT Rate limit exceeded",
            "RATE_LIMIT Rate limit exceeded",
        ),
        (
            Refusal::not_participant(),
            "NOT_PARTICIPANT Access denied to this conversation",
            "NOT_PARTICIPANT You are not a participant of this chat",
        ),
        (
            store_failed(),
            "JOIN_FAILED Failed to join conversation",
            "OPERATION_FAILED Operation failed",
        ),
    ];
    for (refusal, in_feed, in_chat) in said {
        assert_eq!(
            (feed(&refusal), chat(&refusal)),
            (in_feed.into(), in_chat.into())
        );
    }
}

#[test]
fn conversation_answers_by_error_and_joins_by_an_event_of_their_own() {
    let sent = r#"{"conversationId":7,"messageId":"m","tempId":"t"}"#;
    let said = |name, refusal: &Refusal| said(Dialect::Conversation, name, refusal, sent);
    let error = |name: &str, code: &str, text: &str, field: &str| {
        format!(
            "{code} {text} / error {{\"message\":\"{text}\",\"code\":\"{code}\",\"context\":\
             {{\"conversationId\":7,\"messageId\":\"m\",\"tempId\":\"t\",\"event\":\"{name}\"{field}}}}}"
        )
    };
    assert_eq!(
        said("message:update", &StoreError::NotFoundOrForbidden.into()),
        error(
            "message:update",
            "UNAUTHORIZED",
            "Message not found or not authorized",
            ""
        )
    );
    assert_eq!(
        said("message:update", &StoreError::NotParticipant.into()),
        error(
            "message:update",
            "NOT_PARTICIPANT",
            "Not authorized to join conversation",
            ""
        )
    );
    assert_eq!(
        said("message:send", &Refusal::unusable("content")),
        error(
            "message:send",
            "INVALID_INPUT",
            "Missing or invalid content",
            ",\"field\":\"content\""
        )
    );
    assert_eq!(
        said("message:send", &store_failed()),
        error(
            "message:send",
            "MESSAGE_SEND_FAILED",
            "Failed to send message",
            ""
        )
    );
    assert_eq!(
        said("reaction:add", &store_failed()),
        error("reaction:add", "OPERATION_FAILED", "Operation failed", "")
    );
    assert_eq!(
        said("conversation:join", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded / conversation:join:error \
         {\"conversationId\":7,\"message\":\"Rate limit exceeded\",\"code\":\"RATE_LIMIT\"}"
    );
    assert_eq!(
        said("conversation:join", &store_failed()),
        "JOIN_FAILED Failed to join conversation / conversation:join:error \
         {\"conversationId\":7,\"message\":\"Failed to join conversation\",\"code\":\"JOIN_FAILED\"}"
    );
}

#[test]
fn conversation_drops_signals_that_are_too_many_or_that_nobody_sees() {
    let said = |name, why| said(Dialect::Conversation, name, &Refusal::new(why), "{}");
    for name in [
        "message:read",
        "typing:start",
        "typing:stop",
        "presence:request",
    ] {
        assert_eq!(
            said(name, Why::RateLimited),
            "RATE_LIMIT Rate limit exceeded"
        );
        assert!(said(name, Why::NotParticipant).contains(" / error "));
    }
    assert_eq!(
        said("typing:start", Why::NotSubscribed),
        "NOT_PARTICIPANT Not authorized to join conversation"
    );
    assert!(said("message:send", Why::RateLimited).contains(" / error "));
}
