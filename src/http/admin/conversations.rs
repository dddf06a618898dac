//! `/api/admin/conversations`: conversations that a backend makes, and how long their messages are kept.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::refuse_unknown;
use crate::app::App;
use crate::config::{MAX_DURATION, MIN_MESSAGE_RETENTION, parse_duration};
use crate::conversations::Initiator;
use crate::http::administrator::Admin;
use crate::http::body::{JsonText, run_to_end};
use crate::http::conversation_json::ConversationJson;
use crate::http::conversations::OneConversation;
use crate::http::path::PathParameters;
use crate::http::{made_conversation, new_conversation};
use crate::model::conversation::ConversationId;
use crate::model::{Refusal, Why};
use crate::payload::Payload;

pub(super) async fn create(State(app): State<Arc<App>>, admin: Admin, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let payload = body.payload(&app.config.now())?;
        refuse_unknown(payload.besides(new_conversation::OF_ADMINS))?;
        let request = new_conversation::by_admin(&app, &payload)?;
        let by = Initiator::Admin(&admin.source);
        made_conversation::make_for(&app, by, &request.new.created_by, &request, || Ok(())).await
    })
    .await
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let id = ConversationId::parse(&id).ok_or(Refusal::new(Why::ConversationNotFound))?;
        let retention = retention(&body.payload(&app.config.now())?)?;
        let conversations = &app.conversations;
        let changed = conversations.set_message_retention(&admin.source, &id, retention);
        let changed = changed.await?;
        let conversation = ConversationJson::new(&changed);
        Ok(Json(OneConversation { conversation }).into_response())
    })
    .await
}

/// A time that the setting may have, too, as text like there or as a number of seconds; `null` for as long as others.
fn retention(payload: &Payload<'_>) -> Result<Option<Duration>, Refusal> {
    const RETENTION: &str = "messageRetention";
    refuse_unknown(payload.besides(&[RETENTION]))?;
    let given = payload.get(RETENTION).ok_or(Refusal::invalid(RETENTION))?;
    if given.is_null() {
        return Ok(None);
    }
    let seconds = payload.count(RETENTION).map(Duration::from_secs);
    let written = || parse_duration(&payload.text(RETENTION)?).ok();
    let is_whole = |kept: &Duration| kept.subsec_nanos() == 0;
    let kept = seconds.or_else(written).filter(is_whole);
    let kept =
        kept.filter(|kept| kept.is_zero() || (MIN_MESSAGE_RETENTION..=MAX_DURATION).contains(kept));
    Ok(Some(kept.ok_or(Refusal::unusable(RETENTION))?))
}
