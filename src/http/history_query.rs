//! Which part of which history a query asks for.

use super::message_form::{CHAT_ID, CONVERSATION_ID, Form};
use super::paging;
use super::query::Parameters;
use crate::model::Refusal;
use crate::model::conversation::{After, ChangeNumber, MessageId, PageLimit};

/// How many messages are read by default.
const DEFAULT_LIMIT: usize = 50;

/// The conversation that is read, and in which form.
pub(super) fn conversation_of(query: &Parameters) -> Result<(Form, &str), Refusal> {
    match (query.get(CONVERSATION_ID), query.get(CHAT_ID)) {
        (Some(id), None) => Ok((Form::Conversation, id)),
        (None, Some(id)) => Ok((Form::Chat, id)),
        _ => Err(Refusal::invalid(CONVERSATION_ID)),
    }
}

/// How many messages.
pub(super) fn limit(query: &Parameters) -> Result<PageLimit, Refusal> {
    let limit = paging::limit_within(query, DEFAULT_LIMIT, PageLimit::MAX.get())?;
    PageLimit::new(limit as u64).ok_or_else(|| Refusal::invalid("limit"))
}

/// Behind what.
pub(super) fn after(query: &Parameters) -> Result<Option<After>, Refusal> {
    const AFTER: &str = "after";
    let parse = |given: &str| match ChangeNumber::parse(given) {
        Some(number) => Some(After::Change(number)),
        None => MessageId::parse(given).map(After::Message),
    };
    let given = query.get(AFTER);
    let given = given.map(|given| parse(given).ok_or_else(|| Refusal::invalid(AFTER)));
    given.transpose()
}

/// Before what.
pub(super) fn before(query: &Parameters) -> Result<Option<MessageId>, Refusal> {
    const BEFORE: &str = "before";
    let given = query.get(BEFORE);
    let parse = |given: &str| MessageId::parse(given).ok_or_else(|| Refusal::invalid(BEFORE));
    given.map(parse).transpose()
}
