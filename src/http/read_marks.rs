//! Marking messages as read: some of a conversation or all, or one by itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{JsonText, OptionalJson, run_to_end};
use super::caller::{Caller, only_users};
use super::known_message::{find, not_found};
use super::message_form::Form;
use super::path::PathParameters;
use crate::app::App;
use crate::dialects::conversation;
use crate::dialects::fields::Fields;
use crate::model::conversation::{ConversationId, ReadMessages};
use crate::model::{Dialect, Refusal};
use crate::stores::conversations::StoreError;

/// The routes, but `/api/messages/read`: one of its own would hide `GET /api/messages/{id}` of a conversation with that
/// id.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let users = |methods| only_users(app, methods);
    Router::new()
        .route(
            "/api/messages/{id}/read",
            users(post(one).put(one).patch(one)),
        )
        .route(
            "/api/conversations/{id}/read",
            users(post(within).put(within).patch(within)),
        )
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Success {
    success: bool,
}

const SUCCESS: Json<Success> = Json(Success { success: true });

/// `/api/messages/read`, of the conversation that the body names.
pub(super) async fn named(State(app): State<Arc<App>>, caller: Caller, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let payload = body.payload(&app.config.now())?;
        let fields = Fields::new(&payload, &app.config.now());
        let form = Form::of(&app, &payload);
        let id = fields.conversation(form.id_field())?.id;
        let messages = conversation::messages_read(&fields)?;
        let marked = mark(&app, &caller, &id, &messages).await;
        marked.map_err(|error| form.refusal(error))?;
        Ok(SUCCESS)
    })
    .await
}

async fn within(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    OptionalJson(body): OptionalJson,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let payload = body.payload(&app.config.now())?;
        let messages = conversation::messages_read(&Fields::new(&payload, &app.config.now()))?;
        let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
        mark(&app, &caller, &id, &messages).await?;
        Ok(SUCCESS)
    })
    .await
}

/// What the body says does not matter.
async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let (conversation, id) = find(&app, &id).await?;
        let messages = ReadMessages::These(vec![id]);
        let marked = mark(&app, &caller, &conversation, &messages).await;
        marked.map_err(not_found)?;
        Ok::<_, Refusal>(SUCCESS)
    })
    .await
}

async fn mark(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    messages: &ReadMessages,
) -> Result<(), StoreError> {
    let actor = caller.acts(Some(Dialect::Conversation));
    let read = app.conversations.mark_read(actor, None, id, messages);
    read.await?.publish().await;
    Ok(())
}
