//! `/api/messages`: writing. A message has one of three forms, by the name of the field with the
//! conversation's id, and the answer has the same.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{JsonText, run_to_end};
use super::caller::{Caller, only_users};
use super::history;
use super::known_message::{find, not_found};
use super::message_form::{FEED_CONTENT, FEED_KEY_NUMBER, Form};
use super::path::PathParameters;
use super::query::Parameters;
use super::read_marks;
use crate::app::App;
use crate::conversations::Sent;
use crate::dialects::fields::Fields;
use crate::dialects::{chat, conversation};
use crate::model::conversation::{ConversationId, Edit, Extra, Message, MessageId, TypedId};
use crate::model::{Dialect, Refusal, Why};
use crate::payload::{OwnedValue, Payload};
use crate::stores::conversations::StoreError;

/// What stands in the place of a message's id where messages are marked as read.
const READ: &str = "read";

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(app.config.now().max_event_bytes);
    let users = |methods| only_users(app, methods);
    Router::new()
        .route("/api/messages", users(post(send).get(history::page)))
        .route(
            "/api/conversations/{id}/messages",
            users(post(send_in).get(history::page_in)),
        )
        .route(
            "/api/messages/{id}",
            users(
                patch(patch_to)
                    .put(put_to)
                    .delete(remove)
                    .post(post_to)
                    .get(history::slice),
            ),
        )
        .layer(limit)
}

async fn send(State(app): State<Arc<App>>, caller: Caller, body: JsonText) -> Response {
    send_to(app, caller, None, body).await
}

/// In the form of `conversation`.
async fn send_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    send_to(app, caller, Some(id), body).await
}

async fn send_to(app: Arc<App>, caller: Caller, to: Option<String>, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let payload = body.payload(&app.config.now())?;
        let (form, to) = match to {
            None => (Form::of(&app, &payload), None),
            Some(id) => (Form::Conversation, Some(named(&app, &id).await?)),
        };
        let (conversation, new) = form.read(&app, caller.id(), to, &payload)?;
        let actor = caller.acts(Some(form.dialect()));
        let sent = app.conversations.append(actor, &new, body.len()).await;
        let sent = sent.map_err(|error| form.refusal(error))?;
        let Sent { message, repeated } = sent.publish().await;
        let status = match repeated {
            true => StatusCode::OK,
            false => StatusCode::CREATED,
        };
        let answer = form.sent(conversation.as_client(), &message, &caller.identity);
        Ok((status, answer))
    })
    .await
}

/// The conversation in a path, whose JSON type is that with which it was made.
async fn named(app: &App, id: &str) -> Result<TypedId, Refusal> {
    let id = ConversationId::parse(id).ok_or(StoreError::NotParticipant)?;
    let id_type = app.conversations.id_type(&id).await;
    Ok(TypedId { id, id_type })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EditedMessage")]
pub(super) struct Edited<'a> {
    message: conversation::MessageJson<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct EditedInChat<'a> {
    message: &'static str,
    data: chat::EditedJson<'a>,
}

/// Edits in the form of `conversation`, or of `chat`: in that in which a message without another field would be sent.
async fn edit(State(app): State<Arc<App>>, caller: Caller, id: String, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let payload = body.payload(&app.config.now())?;
        let fields = Fields::new(&payload, &app.config.now());
        let change = conversation::edit_of(&fields)?;
        let message = edit_message(&app, &caller, None, &id, &change).await?;
        if Form::of(&app, &payload) == Form::Chat {
            let (data, message) = ((&message).into(), "Message updated");
            return Ok(Json(EditedInChat { message, data }).into_response());
        }
        let id_type = app.conversations.id_type(&message.conversation).await;
        let id = message.conversation.as_client(id_type);
        let sender = (&caller.identity).into();
        let message = conversation::MessageJson::new(id, &message, sender);
        Ok(Json(Edited { message }).into_response())
    })
    .await
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replaced<'a> {
    message: &'static str,
    message_data: ReplacedMessage<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReplacedMessage<'a> {
    id: MessageId,
    encrypted_msg_content: Option<&'a OwnedValue>,
    /// Milliseconds since the epoch.
    updated_at: u64,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

/// Edits in the form of `feed`.
async fn replace(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: String,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let payload = body.payload(&app.config.now())?;
        let change = replacement(&app, &payload)?;
        let message = edit_message(&app, &caller, Some(Dialect::Feed), &id, &change).await?;
        let message_data = ReplacedMessage {
            id: message.id,
            encrypted_msg_content: message.content(),
            updated_at: message.edited_at.unwrap_or(message.created_at),
            extra: message.extra(),
        };
        Ok(Json(Replaced {
            message: "Message updated successfully",
            message_data,
        })
        .into_response())
    })
    .await
}

fn replacement(app: &App, payload: &Payload<'_>) -> Result<Edit, Refusal> {
    let fields = Fields::new(payload, &app.config.now());
    let content = fields.new_content(FEED_CONTENT)?;
    let further = fields.further(Some(content))?;
    Ok(Edit {
        content: content.into(),
        key_number: fields.key_number(FEED_KEY_NUMBER)?,
        extra: further.extra,
        max_bytes: fields.max_message_bytes(),
    })
}

async fn edit_message(
    app: &App,
    caller: &Caller,
    dialect: Option<Dialect>,
    id: &str,
    change: &Edit,
) -> Result<Message, Refusal> {
    let (conversation, id) = find(app, id).await?;
    let actor = caller.acts(dialect);
    let edited = app.conversations.edit(actor, &conversation, id, change);
    let edited = edited.await.map_err(|error| match (error, dialect) {
        (StoreError::NothingSaid, Some(Dialect::Feed)) => Refusal::unusable(FEED_CONTENT),
        (error, _) => not_found(error),
    })?;
    Ok(edited.publish().await)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RemovedMessage")]
pub(super) struct Removed {
    message: &'static str,
    id: MessageId,
}

/// Deletes a message for everybody, or with `?forAll=false` for the caller alone.
async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let for_all = match query.get("forAll") {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(Refusal::invalid("forAll")),
        };
        let (conversation, id) = find(&app, &id).await?;
        let actor = caller.acts(None);
        let conversations = &app.conversations;
        if for_all {
            let deleted = conversations.delete(actor, &conversation, id).await;
            deleted.map_err(not_found)?.publish().await;
        } else {
            let hidden = conversations.hide(actor, &conversation, id).await;
            hidden.map_err(not_found)?;
        }
        let message = "Message deleted";
        Ok(Json(Removed { message, id }))
    })
    .await
}

/// `POST /api/messages/read`
async fn post_to(
    app: State<Arc<App>>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
    body: JsonText,
) -> Response {
    match name.as_str() {
        READ => read_marks::named(app, caller, body).await,
        _ => Refusal::new(Why::NoRoute).into_response(),
    }
}

/// `PUT /api/messages/read`, or an edit in the form of `feed`.
async fn put_to(
    app: State<Arc<App>>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
    body: JsonText,
) -> Response {
    match name.as_str() {
        READ => read_marks::named(app, caller, body).await,
        id => replace(app, caller, id.to_owned(), body).await,
    }
}

/// `PATCH /api/messages/read`, or an edit in the form of `conversation`.
async fn patch_to(
    app: State<Arc<App>>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
    body: JsonText,
) -> Response {
    match name.as_str() {
        READ => read_marks::named(app, caller, body).await,
        id => edit(app, caller, id.to_owned(), body).await,
    }
}
