//! `/api/admin/users`: users whom a backend makes known, changes and disconnects.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Disconnected, bad_user, refuse_unknown};
use crate::app::App;
use crate::conversations::KnownBy;
use crate::dialects::fields::Fields;
use crate::http::administrator::Admin;
use crate::http::body::{JsonText, run_to_end};
use crate::http::conversation_json::UserJson;
use crate::http::path::PathParameters;
use crate::model::conversation::{UserChange, UserStatus};
use crate::model::{Refusal, UserId};
use crate::payload::Payload;

/// The longest URL of a picture, in bytes; as in tokens.
const MAX_URL_BYTES: usize = 2048;

pub(super) const NAME: &str = "name";
pub(super) const AVATAR: &str = "avatarUrl";
pub(super) const STATUS: &str = "status";

#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct OneUser<'a> {
    user: UserJson<'a>,
}

pub(super) async fn change_user(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let user = UserId::parse(&id).ok_or_else(bad_user)?;
        let payload = body.payload(&app.config.now())?;
        refuse_unknown(payload.besides(&[NAME, AVATAR, STATUS]))?;
        let config = app.config.now();
        let change = change(&payload, &Fields::new(&payload, &config))?;
        let changed = app
            .administration
            .change(&admin.source, &user, &change)
            .await?;
        if let Some(name) = &change.name {
            let (identity, by) = (changed.clone().into(), KnownBy::Given);
            let claimed = app.conversations.claim_pending(&identity, name, by);
            claimed.await?;
        }
        let user = (&changed).into();
        Ok(Json(OneUser { user }).into_response())
    })
    .await
}

/// What the fields of a user say.
pub(super) fn change(
    payload: &Payload<'_>,
    fields: &Fields<'_, '_>,
) -> Result<UserChange, Refusal> {
    let name = fields.given_name(NAME)?;
    let avatar_url = match payload.get(AVATAR) {
        None => None,
        Some(value) if value.is_blank() => Some(None),
        Some(_) => {
            let url = payload.text(AVATAR);
            let url = url.filter(|url| url.len() <= MAX_URL_BYTES);
            Some(Some(url.ok_or_else(|| fields.refuse(AVATAR))?.into()))
        }
    };
    let status = fields.given_label(STATUS)?;
    let status = status.map(|name| UserStatus::parse(&name).ok_or_else(|| fields.refuse(STATUS)));
    Ok(UserChange {
        name,
        avatar_url,
        status: status.transpose()?,
    })
}

pub(super) async fn disconnect_user(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let user = UserId::parse(&id).ok_or_else(bad_user)?;
    let disconnected = app.administration.disconnect(&admin.source, &user).await;
    Ok(Json(Disconnected { disconnected }).into_response())
}
