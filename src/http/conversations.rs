//! `/api/conversations`: creating, listing and showing conversations.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::administrator::UserOrAdmin;
use super::body::{JsonText, run_to_end};
use super::caller::{Caller, only_for, only_users};
use super::conversation_answer::{ConversationAnswer, name_of, names_of};
use super::conversation_json::{ConversationJson, ParticipantJson};
use super::feed_participants;
use super::made_conversation;
use super::new_conversation::{self, HISTORY};
use super::paging;
use super::path::PathParameters;
use super::query::Parameters;
use crate::app::App;
use crate::config::Config;
use crate::conversations::Initiator;
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ConversationId, Extra, GivenKey, ListCursor, ListPage, Listed, OWN_OF_CONVERSATION,
    Participant, UserRecord,
};
use crate::model::{Refusal, Scope, UserId, Why};
use crate::stores::conversations::StoreError;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(max_body(&app.config.now()));
    let users = |methods| only_users(app, methods);
    let users_or_admins = |methods| only_for::<UserOrAdmin>(app, Scope::Provision, methods);
    Router::new()
        .route(
            "/api/conversations",
            users(post(create).get(list)).layer(limit),
        )
        .route(
            "/api/conversations/{id}",
            users_or_admins(get(show).patch(change)).merge(users(delete(feed_participants::leave))),
        )
}

/// The largest body, in bytes, that has content keys of many participants: MongoDB keeps a change in one document of
/// 16 MiB, with each key twice.
pub(super) fn max_body(config: &Config) -> usize {
    config.max_event_bytes.min(6 << 20)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationList")]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAnswer<'a> {
    conversations: Vec<ConversationJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn create(State(app): State<Arc<App>>, caller: Caller, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let request =
            new_conversation::by_user(&app, &caller, &body.payload(&app.config.now())?).await?;
        let by = Initiator::Participant(caller.acts(None));
        let check = || caller.check_conversation(request.new.participants.len());
        made_conversation::make_for(&app, by, caller.id(), &request, check).await
    })
    .await
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let limit = paging::limit(&query)?;
    let after = paging::cursor(&query, ListCursor::parse)?;
    let stores = app.conversations.stores();
    let list = stores
        .conversations
        .list_for(caller.id(), after.as_ref(), limit);
    let ListPage {
        conversations: listed,
        next,
    } = list.await?;
    let ids: Vec<_> = listed
        .iter()
        .map(|one| one.conversation.id.clone())
        .collect();
    let names = stores.participants.names_in(&ids).await?;
    let names: HashMap<_, _> = names.into_iter().collect();
    let keys = stores.participants.keys_in(caller.id(), &ids).await?;
    let keys: HashMap<_, _> = keys.into_iter().collect();
    // They are at the head of the list, whatever its part behind a cursor is.
    let invitations = match after {
        None => app.conversations.invitations_of(caller.id()).await?,
        Some(_) => Vec::new(),
    };
    let inviters = names_of(&app, invitations.iter().map(|one| &one.by)).await?;
    let invitations = invitations
        .iter()
        .map(|one| ConversationJson::invitation(one, name_of(&inviters, &one.by)));
    let conversations = listed.iter();
    let conversations = conversations.map(|one| {
        let id = &one.conversation.id;
        let names = names.get(id).cloned().unwrap_or_default();
        of_list(one, names, keys.get(id).map_or(&[], Vec::as_slice))
    });
    Ok(Json(ListAnswer {
        conversations: invitations.chain(conversations).collect(),
        next_cursor: next.map(|next| next.to_text()),
    })
    .into_response())
}

fn of_list<'a>(
    listed: &'a Listed,
    names: Vec<Arc<str>>,
    keys: &'a [GivenKey],
) -> ConversationJson<'a> {
    ConversationJson::new(&listed.conversation)
        .of_caller(listed.role, listed.unread)
        .in_feed(&listed.conversation, names, listed.key.as_ref(), keys)
}

/// A conversation of others is answered like one that does not exist.
async fn show(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::new(Why::ConversationNotFound);
    let id = ConversationId::parse(&id).ok_or_else(not_found)?;
    let stores = app.conversations.stores();
    let (conversation, listed) = match &sender {
        UserOrAdmin::User(caller) => {
            let listed = stores.conversations.find_for(&id, caller.id()).await?;
            let Some(listed) = listed else {
                return show_invitation(&app, caller, &id).await;
            };
            (listed.conversation.clone(), Some(listed))
        }
        UserOrAdmin::Admin(_) => {
            let found = stores.conversations.find(&id).await?;
            (found.ok_or_else(not_found)?, None)
        }
    };
    let participants = stores.participants.list(&id).await?;
    let users: Vec<_> = participants.iter().map(|one| one.user.clone()).collect();
    let known = stores.users.find_all(&users).await?;
    let known: HashMap<_, _> = known.iter().map(|user| (&user.id, user)).collect();
    let names = participants.iter().filter(|one| one.looks_active());
    let names = names.map(|one| match known.get(&one.user) {
        Some(user) => user.name.clone(),
        None => one.user.as_name(),
    });
    let names = names.collect();
    let keys = keys_of(&app, &sender, &id).await?;
    let conversation_json = match &listed {
        Some(listed) => of_list(listed, names, &keys),
        None => ConversationJson::new(&conversation).in_feed(&conversation, names, None, &[]),
    };
    let answer = ConversationAnswer {
        message: None,
        conversation: conversation_json,
        participants: participants
            .iter()
            .map(|one| ParticipantJson::from(one).with_user(shown_of(one, &known, &sender)))
            .collect(),
    };
    Ok(Json(answer).into_response())
}

/// The answer with one that was changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneConversation<'a> {
    pub(super) conversation: ConversationJson<'a>,
}

/// What its admins change of a conversation.
async fn change(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        sender.check_limit()?;
        let payload = body.payload(&app.config.now())?;
        let fields = Fields::new(&payload, &app.config.now());
        let history = new_conversation::history(&fields)?;
        let description = new_conversation::description(&fields)?;
        // Nobody is told of anything else.
        let extra = match description.is_empty() {
            true => Extra::default(),
            false => fields.told(OWN_OF_CONVERSATION)?,
        };
        let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
        let (conversations, by) = (&app.conversations, sender.manages());
        let mut changed = None;
        if let Some(history) = history {
            changed = Some(conversations.set_history(by, &id, history).await?);
        }
        if !description.is_empty() {
            let described = conversations.describe(by, &id, &description, extra.clone());
            changed = Some(described.await?);
        }
        let changed = changed.ok_or_else(|| fields.refuse(HISTORY))?;
        let conversation = ConversationJson::new(&changed).saying(&extra);
        Ok(Json(OneConversation { conversation }).into_response())
    })
    .await
}

/// All content keys that a user was given.
async fn keys_of(
    app: &App,
    sender: &UserOrAdmin,
    id: &ConversationId,
) -> Result<Vec<GivenKey>, StoreError> {
    let UserOrAdmin::User(caller) = sender else {
        return Ok(Vec::new());
    };
    let participants = &app.conversations.stores().participants;
    let keys = participants.keys_in(caller.id(), std::slice::from_ref(id));
    Ok(keys.await?.into_iter().flat_map(|(_, keys)| keys).collect())
}

/// A conversation as somebody sees it who is invited: themselves in it.
async fn show_invitation(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
) -> Result<Response, Refusal> {
    let invitation = app.conversations.invitation(caller.id(), id).await?;
    let invitation = invitation.ok_or(Refusal::new(Why::ConversationNotFound))?;
    let names = names_of(app, [&invitation.by]).await?;
    let own = invitation.own(caller.id());
    let answer = ConversationAnswer {
        message: None,
        conversation: ConversationJson::invitation(&invitation, name_of(&names, &invitation.by)),
        participants: vec![(&own).into()],
    };
    Ok(Json(answer).into_response())
}

/// What the sender may know of the user who is a participant: of who is invited, other users know what they knew.
pub(super) fn shown_of<'a>(
    participant: &Participant,
    known: &HashMap<&UserId, &'a UserRecord>,
    sender: &UserOrAdmin,
) -> Option<&'a UserRecord> {
    let is_hidden = participant.is_invited() && matches!(sender, UserOrAdmin::User(_));
    known.get(&participant.user).copied().filter(|_| !is_hidden)
}
