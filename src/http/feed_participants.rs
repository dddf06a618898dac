//! Participants and content keys of a conversation in the form of `feed`: adding some with the keys of what was sent
//! before, giving all a new key, and leaving.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{OptionalJson, run_to_end};
use super::caller::Caller;
use super::new_conversation::{KEY_NUMBER, addressees};
use super::participants_request::{ParticipantsRequest, broadcast, refused};
use super::path::PathParameters;
use crate::app::App;
use crate::conversations::{Addressee, Initiator};
use crate::model::conversation::{
    ContentKey, ConversationId, KeyRotation, Listed, NewMessage, NewParticipant, Role,
};
use crate::model::{Dialect, Refusal, Why};
use crate::payload::Payload;
use crate::stores::conversations::StoreError;

/// The users of a request, with their keys.
struct Named {
    user: Addressee,
    name: Arc<str>,
    keys: Vec<ContentKey>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Changed {
    message: &'static str,
    share_history: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_key_number: Option<i64>,
    participants: Vec<Arc<str>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LeftConversation")]
pub(super) struct Left {
    message: &'static str,
}

/// Adds participants or gives a new key, or both.
pub(super) async fn change(
    app: &Arc<App>,
    caller: &Caller,
    id: &ConversationId,
    payload: &Payload<'_>,
) -> Result<Response, Refusal> {
    let request = ParticipantsRequest::read(app, caller, id, payload)?;
    let own = own(app, caller, id).await?;
    let users = addressees(app, caller, &request.names).await?;
    let users = users.ok_or_else(|| refused("Invalid participant entry"))?;
    let named = users.into_iter().zip(request.names).zip(request.keys);
    let named: Vec<_> = named
        .map(|((user, name), keys)| Named { user, name, keys })
        .collect();
    let present = app.conversations.stores().participants.list(id).await?;
    let is_present = |one: &&Named| {
        let mut present = present.iter();
        present.any(|known| {
            known.user == *one.user.id() && (known.looks_active() || known.is_invited())
        })
    };
    let (known, new): (Vec<_>, Vec<_>) = named.iter().partition(is_present);
    if !new.is_empty() && own.role != Role::Admin {
        return Err(Refusal::new(Why::NotAdmin));
    }
    for _ in &new {
        caller.check_participant()?;
    }
    match request.rotated {
        Some(number) => rotate(app, caller, id, number, &known).await?,
        None => check_shared(app, caller, id, &new).await?,
    }
    for one in &new {
        let added = one.as_participant();
        let by = Initiator::Participant(caller.acts(Some(Dialect::Feed)));
        let extra = request.extra.clone();
        app.conversations
            .add_participant(by, id, &added, extra)
            .await?;
    }
    send(app, caller, request.broadcast).await?;
    let names = named.into_iter().map(|one| one.name).collect();
    Ok(Json(Changed::new(request.rotated, names)).into_response())
}

impl Changed {
    fn new(content_key_number: Option<i64>, participants: Vec<Arc<str>>) -> Self {
        let share_history = content_key_number.is_none();
        let message = match share_history {
            true => "Participants added with existing history",
            false => "Conversation key rotated",
        };
        Self {
            message,
            share_history,
            content_key_number,
            participants,
        }
    }
}

/// `DELETE /api/conversations/:id`: the caller leaves.
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    OptionalJson(body): OptionalJson,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let not_found = || Refusal::new(Why::ConversationNotFound);
        let id = ConversationId::parse(&id).ok_or_else(not_found)?;
        let payload = body.payload(&app.config.now())?;
        let broadcast = broadcast(&app, caller.id(), &id, &payload)?;
        // Who is only invited says nothing: they would accept by it.
        if broadcast.is_some() && own(&app, &caller, &id).await.is_ok() {
            send(&app, &caller, broadcast).await?;
        }
        let by = Initiator::Participant(caller.acts(Some(Dialect::Feed)));
        let left = app.conversations.remove_participant(by, &id, caller.id());
        left.await.map_err(|refusal| match refusal.why() {
            Why::NotParticipant | Why::ParticipantNotFound => not_found(),
            _ => refusal,
        })?;
        let message = "Conversation deleted successfully";
        Ok(Json(Left { message }))
    })
    .await
}

async fn send(app: &Arc<App>, caller: &Caller, new: Option<NewMessage>) -> Result<(), Refusal> {
    let Some(new) = new else {
        return Ok(());
    };
    let size = new
        .content
        .as_ref()
        .map_or(0, |content| content.as_opaque().total_size());
    let actor = caller.acts(Some(Dialect::Feed));
    let sent = app.conversations.append(actor, &new, size).await?;
    sent.publish().await;
    Ok(())
}

/// The conversation as the caller sees it, who is a participant.
async fn own(app: &App, caller: &Caller, id: &ConversationId) -> Result<Listed, Refusal> {
    let stores = app.conversations.stores();
    let own = stores.conversations.find_for(id, caller.id()).await?;
    own.ok_or(Refusal::new(Why::ConversationNotFound))
}

/// Gives a new key to those who are participants already.
async fn rotate(
    app: &Arc<App>,
    caller: &Caller,
    id: &ConversationId,
    number: i64,
    known: &[&Named],
) -> Result<(), Refusal> {
    if !known.iter().any(|one| one.user.id() == caller.id()) {
        return Err(refused("Current user must be included when rotating key"));
    }
    let encrypted = known.iter().filter_map(|one| {
        let key = one.keys.first()?;
        Some((one.user.id().clone(), key.encrypted.clone()))
    });
    let new = KeyRotation {
        number,
        encrypted: encrypted.collect(),
    };
    let actor = caller.acts(Some(Dialect::Feed));
    match app.conversations.rotate_key(actor, id, &new).await {
        // The answer was lost.
        Err(StoreError::KeyExists) if has_given(app, caller, id, known).await? => Ok(()),
        Err(StoreError::KeyExists) => {
            let text = "New content key number must be greater than existing";
            Err(Refusal::invalid(KEY_NUMBER).worded(text))
        }
        rotated => Ok(rotated?),
    }
}

/// Whether the caller has the key already that they give themselves.
async fn has_given(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    known: &[&Named],
) -> Result<bool, StoreError> {
    let participants = &app.conversations.stores().participants;
    let own = participants.keys_in(caller.id(), std::slice::from_ref(id));
    let own = own.await?;
    let mut given = known.iter().filter(|one| one.user.id() == caller.id());
    let given = given.next().and_then(|one| one.keys.first());
    let mut own = own.iter().flat_map(|(_, keys)| keys);
    Ok(given.is_some_and(|key| own.any(|one| one.key.is(key))))
}

/// Fails if keys are shared that the caller does not have themselves.
async fn check_shared(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    new: &[&Named],
) -> Result<(), Refusal> {
    let participants = &app.conversations.stores().participants;
    let own = participants.keys_in(caller.id(), std::slice::from_ref(id));
    let own = own.await?;
    let is_own = |key: &&ContentKey| {
        let mut own = own.iter().flat_map(|(_, keys)| keys);
        own.any(|given| given.key.number == key.number)
    };
    let shared = new.iter().flat_map(|one| &one.keys);
    match { shared }.find(|key| !is_own(key)) {
        Some(unknown) => {
            let text = format!("Unknown content key number {}", unknown.number);
            Err(refused(text))
        }
        None => Ok(()),
    }
}

impl Named {
    /// The key with the highest number is the one that counts.
    fn as_participant(&self) -> NewParticipant {
        let mut keys = self.keys.clone();
        keys.sort_by_key(|key| key.number);
        NewParticipant {
            user: self.user.id().clone(),
            role: Role::Member,
            key: keys.pop(),
            earlier_keys: keys,
            pending: matches!(self.user, Addressee::Pending(_)),
            is_invited: false,
            joined_at: None,
        }
    }
}
