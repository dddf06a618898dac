//! `/api/conversations/:id/receipts`: what was delivered and read since a client was away.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{Caller, only_users};
use super::changes::{AFTER, LIMIT, cursor, limit};
use super::path::PathParameters;
use super::query::Parameters;
use crate::app::App;
use crate::model::conversation::{ConversationId, MessageId, Receipt, ReceiptCursor};
use crate::model::{ClientUserId, Refusal, clock};
use crate::stores::conversations::StoreError;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let read = only_users(app, get(of_one));
    Router::new().route("/api/conversations/{id}/receipts", read)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptJson<'a> {
    message_id: MessageId,
    user_id: ClientUserId<'a>,
    /// ISO 8601, as the next one.
    delivered_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
}

impl<'a> From<&'a Receipt> for ReceiptJson<'a> {
    fn from(receipt: &'a Receipt) -> Self {
        Self {
            message_id: receipt.message,
            user_id: receipt.user.as_client(),
            delivered_at: clock::iso_ms(receipt.delivered_at),
            read_at: receipt.read_at.map(clock::iso_ms),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReceiptsAnswer<'a> {
    receipts: Vec<ReceiptJson<'a>>,
    cursor: String,
    more: bool,
}

async fn of_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
    let after = cursor(query.get(AFTER), ReceiptCursor::parse)?;
    let limit = limit(query.get(LIMIT))?;
    let receipts = &app.conversations.stores().receipts;
    let page = receipts.noted_since(&id, caller.id(), after, limit).await?;
    Ok(Json(ReceiptsAnswer {
        receipts: page.receipts.iter().map(Into::into).collect(),
        cursor: page.end.to_string(),
        more: page.more,
    })
    .into_response())
}
