//! `/api/conversations/:id/participants`: reading and managing participants.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::administrator::UserOrAdmin;
use super::body::{JsonText, run_to_end};
use super::caller::only_for;
use super::conversation_json::ParticipantJson;
use super::conversations::{max_body, shown_of};
use super::participants_request::ENTRIES;
use super::path::PathParameters;
use super::query::Parameters;
use super::{feed_participants, paging};
use crate::app::App;
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ConversationId, NewParticipant, OWN_OF_CONVERSATION, Participant, Role,
};
use crate::model::{Refusal, Scope, UserId, Why};
use crate::stores::conversations::StoreError;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(max_body(&app.config.now()));
    let users_or_admins = |methods| only_for::<UserOrAdmin>(app, Scope::Provision, methods);
    Router::new()
        .route(
            "/api/conversations/{id}/participants",
            users_or_admins(post(add).get(list)).layer(limit),
        )
        .route(
            "/api/conversations/{id}/participants/{user}",
            users_or_admins(delete(remove).patch(change)),
        )
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ParticipantList")]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAnswer<'a> {
    participants: Vec<ParticipantJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ParticipantAnswer<'a> {
    participant: ParticipantJson<'a>,
}

/// Part by part, by their ids. The conversation of others is answered like one that does not exist.
async fn list(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let not_found = || Refusal::new(Why::ConversationNotFound);
    let limit = paging::limit(&query)?;
    let after = paging::cursor(&query, UserId::parse)?;
    let id = ConversationId::parse(&id).ok_or_else(not_found)?;
    let stores = app.conversations.stores();
    let is_shown = match &sender {
        UserOrAdmin::User(caller) => {
            let own = stores.conversations.find_for(&id, caller.id()).await?;
            own.is_some()
        }
        UserOrAdmin::Admin(_) => stores.conversations.find(&id).await?.is_some(),
    };
    if !is_shown {
        return Err(not_found());
    }
    let page = stores.participants.page(&id, after.as_ref(), limit + 1);
    let mut found = page.await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let users: Vec<_> = found.iter().map(|one| one.user.clone()).collect();
    let known = stores.users.find_all(&users).await?;
    let known: HashMap<_, _> = known.iter().map(|user| (&user.id, user)).collect();
    let participants = found.iter();
    let participants = participants
        .map(|one| ParticipantJson::from(one).with_user(shown_of(one, &known, &sender)));
    let last = found.last().filter(|_| is_more);
    Ok(Json(ListAnswer {
        participants: participants.collect(),
        next_cursor: last.map(|last| last.user.as_str()),
    })
    .into_response())
}

async fn add(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let payload = body.payload(&app.config.now())?;
        if let UserOrAdmin::User(caller) = &sender
            && payload.get(ENTRIES).is_some()
        {
            caller.check_limit()?;
            caller.check_stored(body.len())?;
            let id = ConversationId::parse(&id).ok_or(Refusal::new(Why::ConversationNotFound))?;
            return feed_participants::change(&app, caller, &id, &payload).await;
        }
        sender.check_participant()?;
        let fields = Fields::new(&payload, &app.config.now());
        let role = role(&fields)?;
        let new = NewParticipant {
            user: fields.user("userId")?,
            role: role.unwrap_or(Role::Member),
            key: None,
            earlier_keys: Vec::new(),
            pending: false,
            is_invited: false,
            joined_at: None,
        };
        let extra = fields.told(OWN_OF_CONVERSATION)?;
        let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
        let conversations = &app.conversations;
        let added = conversations.add_participant(sender.manages(), &id, &new, extra);
        let mut added = added.await?;
        let is_known = added.repeated && !added.participant.is_invited();
        if let Some(role) = role.filter(|_| is_known) {
            let changed = conversations.set_role(sender.manages(), &id, &new.user, role);
            added.participant = changed.await?;
        }
        let status = match added.repeated {
            true => StatusCode::OK,
            false => StatusCode::CREATED,
        };
        Ok((status, participant(&added.participant)).into_response())
    })
    .await
}

const ROLE: &str = "role";

fn role(fields: &Fields<'_, '_>) -> Result<Option<Role>, Refusal> {
    let name = fields.given_label(ROLE)?;
    let role = name.map(|name| Role::parse(&name).ok_or_else(|| fields.refuse(ROLE)));
    role.transpose()
}

async fn change(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters((id, user)): PathParameters<(String, String)>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        sender.check_limit()?;
        let payload = body.payload(&app.config.now())?;
        let fields = Fields::new(&payload, &app.config.now());
        let role = role(&fields)?.ok_or_else(|| fields.refuse(ROLE))?;
        let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
        let user = UserId::parse(&user).ok_or(Refusal::new(Why::ParticipantNotFound))?;
        let conversations = &app.conversations;
        let changed = conversations.set_role(sender.manages(), &id, &user, role);
        Ok(participant(&changed.await?))
    })
    .await
}

async fn remove(
    State(app): State<Arc<App>>,
    sender: UserOrAdmin,
    PathParameters((id, user)): PathParameters<(String, String)>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        sender.check_limit()?;
        let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
        let user = UserId::parse(&user).ok_or(Refusal::new(Why::ParticipantNotFound))?;
        let conversations = &app.conversations;
        let removed = conversations.remove_participant(sender.manages(), &id, &user);
        let removed = removed.await?;
        Ok(participant(&removed))
    })
    .await
}

fn participant(participant: &Participant) -> Response {
    let participant = participant.into();
    Json(ParticipantAnswer { participant }).into_response()
}
