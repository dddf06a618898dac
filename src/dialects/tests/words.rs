//! The words of refusals, byte for byte.

use super::*;
use crate::limits::Action;
use crate::model::session::{JoinError, KeysError};
use crate::model::{Refusal, Why};
use crate::payload::Payload;
use crate::stores::conversations::StoreError;

/// The callback's code and text, and the error event, of a refusal.
fn answer(dialect: Dialect, name: &str, refusal: &Refusal, sent: &str) -> String {
    let event = Event::find(dialect, name).expect("an event");
    let payload = Payload::of_object(sent).ok();
    let words = event.words();
    let reply = words.reply(event.row(), refusal, payload.as_ref());
    let mut answer = format!("{} {}", reply.code.as_str(), reply.message);
    if let Some((event, body)) = reply.event {
        answer += &format!(" / {event} {}", body.get());
    }
    if !reply.recorded {
        answer += " / not recorded";
    }
    answer
}

fn store_failed() -> Refusal {
    StoreError::Closed.into()
}

#[test]
fn direct_repeats_the_ids_of_what_it_refuses() {
    let sent = r#"{"recipientId":"bob","seq":7,"messageId":{"a":1},"chunkNumber":0}"#;
    let answer = |name, refusal: &Refusal| answer(Dialect::Direct, name, refusal, sent);
    assert_eq!(
        answer("send_message", &Refusal::invalid("iv")),
        "INVALID_INPUT Missing required fields / message:error {\"error\":\"Missing required fields\",\
         \"code\":\"INVALID_INPUT\",\"field\":\"iv\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    assert_eq!(
        answer("send_file_chunk", &Refusal::unusable("iv")),
        "INVALID_INPUT Missing required fields for file chunk / file:error \
         {\"error\":\"Missing required fields for file chunk\",\"code\":\"INVALID_INPUT\",\
         \"field\":\"iv\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    assert_eq!(
        answer("join_room", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded / room:error {\"error\":\"Rate limit exceeded\",\
         \"code\":\"RATE_LIMIT\",\"recipientId\":\"bob\",\"seq\":7,\"chunkNumber\":0}"
    );
    for refusal in [Refusal::rate_limited(), Refusal::invalid("recipientId")] {
        let answer = answer("typing:start", &refusal);
        assert_eq!(
            answer,
            format!("{} Ignored / not recorded", refusal.code.as_str())
        );
    }
}

#[test]
fn session_has_one_error_event_and_texts_of_its_own() {
    let answer = |name, refusal: &Refusal| answer(Dialect::Session, name, refusal, "{}");
    let join = |error: JoinError| answer("join-session", &error.into());
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
        answer("join-session", &Refusal::rate_limited()),
        error("RATE_LIMIT", "Rate limit exceeded")
    );
    assert_eq!(
        answer("send-message", &Refusal::not_member()),
        error("NOT_A_MEMBER", "You are not a member of this session.")
    );
    assert_eq!(
        answer("send-message", &Refusal::malformed()),
        error("INVALID_REQUEST", "Missing or invalid payload")
    );
    assert_eq!(
        answer("send-message", &Refusal::unusable("to")),
        "INVALID_REQUEST Missing or invalid to / session-error \
         {\"error\":\"INVALID_REQUEST\",\"message\":\"Missing or invalid to\",\"field\":\"to\"}"
    );
}

#[test]
fn session_drops_what_clients_would_leave_for() {
    let answer = |name, refusal: &Refusal| answer(Dialect::Session, name, refusal, "{}");
    assert_eq!(
        answer("typing", &Refusal::not_member()),
        "NOT_A_MEMBER You are not a member of this session."
    );
    assert_eq!(
        answer("set-session-key", &KeysError::NotGroup.into()),
        "INVALID_REQUEST Session keys are for group mode / not recorded"
    );
    assert_eq!(
        answer("get-public-keys", &Refusal::invalid("userId")),
        "INVALID_REQUEST Missing or invalid userId / public-keys-updated []"
    );
    assert_eq!(
        answer("get-public-keys", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded"
    );
    let leave = row(Dialect::Session, "leave-session");
    assert_eq!(leave.refused.limit, Some(Action::Signals));
}

#[test]
fn feed_and_chat_tell_the_callback_only() {
    let feed = |refusal: &Refusal| answer(Dialect::Feed, "join-conversation", refusal, "7");
    let chat = |refusal: &Refusal| answer(Dialect::Chat, "user:typing", refusal, "7");
    let answer = [
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
    for (refusal, in_feed, in_chat) in answer {
        assert_eq!(
            (feed(&refusal), chat(&refusal)),
            (in_feed.into(), in_chat.into())
        );
    }
}

#[test]
fn conversation_answers_by_error_and_joins_by_an_event_of_their_own() {
    let sent = r#"{"conversationId":7,"messageId":"m","tempId":"t"}"#;
    let answer = |name, refusal: &Refusal| answer(Dialect::Conversation, name, refusal, sent);
    let error = |name: &str, code: &str, text: &str, field: &str| {
        format!(
            "{code} {text} / error {{\"message\":\"{text}\",\"code\":\"{code}\",\"context\":\
             {{\"conversationId\":7,\"messageId\":\"m\",\"tempId\":\"t\",\"event\":\"{name}\"{field}}}}}"
        )
    };
    assert_eq!(
        answer("message:update", &StoreError::NotFoundOrForbidden.into()),
        error(
            "message:update",
            "UNAUTHORIZED",
            "Message not found or not authorized",
            ""
        )
    );
    assert_eq!(
        answer("message:update", &StoreError::NotParticipant.into()),
        error(
            "message:update",
            "NOT_PARTICIPANT",
            "Not authorized to join conversation",
            ""
        )
    );
    assert_eq!(
        answer("message:send", &Refusal::unusable("content")),
        error(
            "message:send",
            "INVALID_INPUT",
            "Missing or invalid content",
            ",\"field\":\"content\""
        )
    );
    assert_eq!(
        answer("message:send", &store_failed()),
        error(
            "message:send",
            "MESSAGE_SEND_FAILED",
            "Failed to send message",
            ""
        )
    );
    assert_eq!(
        answer("reaction:add", &store_failed()),
        error("reaction:add", "OPERATION_FAILED", "Operation failed", "")
    );
    assert_eq!(
        answer("conversation:join", &Refusal::rate_limited()),
        "RATE_LIMIT Rate limit exceeded / conversation:join:error \
         {\"conversationId\":7,\"message\":\"Rate limit exceeded\",\"code\":\"RATE_LIMIT\"}"
    );
    assert_eq!(
        answer("conversation:join", &store_failed()),
        "JOIN_FAILED Failed to join conversation / conversation:join:error \
         {\"conversationId\":7,\"message\":\"Failed to join conversation\",\"code\":\"JOIN_FAILED\"}"
    );
}

#[test]
fn conversation_drops_signals_that_are_too_many_or_that_nobody_sees() {
    let answer = |name, why| answer(Dialect::Conversation, name, &Refusal::new(why), "{}");
    for name in ["typing:start", "typing:stop", "presence:request"] {
        assert_eq!(
            answer(name, Why::RateLimited),
            "RATE_LIMIT Rate limit exceeded"
        );
        assert!(answer(name, Why::NotParticipant).contains(" / error "));
    }
    assert_eq!(
        answer("typing:start", Why::NotSubscribed),
        "NOT_PARTICIPANT Not authorized to join conversation"
    );
    assert!(answer("message:send", Why::RateLimited).contains(" / error "));
}
