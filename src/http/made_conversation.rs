//! What is answered when a conversation was made, by this request or by one that comes again since its answer was lost.

use std::collections::HashSet;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::conversation_answer::{ConversationAnswer, name_of, names_of};
use super::conversation_json::ConversationJson;
use super::new_conversation::ConversationRequest;
use super::refuse::conversation_exists;
use crate::app::App;
use crate::conversations::Initiator;
use crate::model::conversation::{ChangeNumber, Changed, Conversation, Created, NewConversation};
use crate::model::{Refusal, UserId, Why};
use crate::stores::conversations::StoreError;

/// What became of a request.
pub(super) enum Made {
    /// It was made.
    Now(Created),
    /// It was made by the same request before.
    Before(Created),
    /// There is another under this id, of which the user is a participant; who made that.
    By(UserId),
}

/// Makes a conversation for a user, once, and answers with it. What it costs is counted by `check`, if it is new.
pub(super) async fn make_for(
    app: &App,
    by: Initiator<'_>,
    user: &UserId,
    request: &ConversationRequest,
    check: impl FnOnce() -> Result<(), Refusal>,
) -> Result<Response, Refusal> {
    match make(app, by, user, request, check).await? {
        Made::Now(created) => answer(app, StatusCode::CREATED, &created, request).await,
        Made::Before(created) => answer(app, StatusCode::OK, &created, request).await,
        Made::By(creator) => Ok(conversation_exists(&creator)),
    }
}

/// The same without the answer.
pub(super) async fn make(
    app: &App,
    by: Initiator<'_>,
    user: &UserId,
    request: &ConversationRequest,
    check: impl FnOnce() -> Result<(), Refusal>,
) -> Result<Made, Refusal> {
    if let Some(made) = made_before(app, user, request).await? {
        return Ok(Made::Before(made));
    }
    check()?;
    let (new, extra) = (&request.new, request.extra.clone());
    match app.conversations.create(by, new, extra).await {
        Err(refusal) if refusal.why() == Why::ConversationExists => {
            if let Some(made) = made_before(app, user, request).await? {
                return Ok(Made::Before(made));
            }
            let own = &app.conversations.stores().conversations;
            let own = own.find_for(&request.new.id, user).await?.ok_or(refusal)?;
            Ok(Made::By(own.conversation.created_by))
        }
        created => Ok(Made::Now(created?)),
    }
}

/// The conversation that is there, if it was made by this request of the user.
async fn made_before(
    app: &App,
    user: &UserId,
    request: &ConversationRequest,
) -> Result<Option<Created>, Refusal> {
    if !request.is_named {
        return Ok(None);
    }
    let (stores, new) = (app.conversations.stores(), &request.new);
    let Some(own) = stores.conversations.find_for(&new.id, user).await? else {
        return Ok(None);
    };
    let conversation = own.conversation;
    let is_own = conversation.created_by == *user
        && is_as_asked(&conversation, new)
        && has_first(app, new).await?
        && has_key(app, user, request).await?;
    if !is_own {
        return Ok(None);
    }
    let mut participants = stores.participants.list(&new.id).await?;
    participants.sort_by(|one, other| one.user.cmp(&other.user));
    Ok(Some(Created {
        conversation,
        participants,
    }))
}

fn is_as_asked(conversation: &Conversation, new: &NewConversation) -> bool {
    conversation.id_type == new.id_type
        && conversation.description == new.description
        && conversation.history == new.history
}

/// Whether these were its first participants, as far as that is kept.
async fn has_first(app: &App, new: &NewConversation) -> Result<bool, StoreError> {
    let log = &app.conversations.stores().log;
    let first = log.changes(&new.id, ChangeNumber::default(), 1).await?;
    let Some(Changed::Created { participants, .. }) = first.changes.first().map(|one| &one.what)
    else {
        return Ok(false);
    };
    let first: HashSet<_> = participants.iter().map(|(user, _)| user).collect();
    Ok(first == new.participants.iter().map(|one| &one.user).collect())
}

/// Whether the user was given the content key of the request, which no two requests have that are not the same.
async fn has_key(
    app: &App,
    user: &UserId,
    request: &ConversationRequest,
) -> Result<bool, StoreError> {
    let Some(key) = &request.key else {
        return Ok(true);
    };
    let ids = std::slice::from_ref(&request.new.id);
    let given = app.conversations.stores().participants.keys_in(user, ids);
    let given = given.await?;
    let mut given = given.iter().flat_map(|(_, keys)| keys);
    Ok(given.any(|one| one.key.is(key)))
}

async fn answer(
    app: &App,
    status: StatusCode,
    created: &Created,
    request: &ConversationRequest,
) -> Result<Response, Refusal> {
    let known = names_of(app, created.participants.iter().map(|one| &one.user)).await?;
    let id = created.conversation.id.as_client(request.id_type);
    let conversation = ConversationJson::new(&created.conversation).with_id(id);
    let mut conversation = conversation.saying(&request.extra);
    if let Some(key) = &request.key {
        let names = created.participants.iter().filter(|one| one.looks_active());
        let names = names.map(|one| name_of(&known, &one.user)).collect();
        conversation = conversation.in_feed(&created.conversation, names, Some(key), &[]);
    }
    let is_feed = request.key.is_some();
    let answer = ConversationAnswer {
        message: is_feed.then_some("Conversation created successfully"),
        conversation,
        participants: created.participants.iter().map(Into::into).collect(),
    };
    Ok((status, Json(answer)).into_response())
}
