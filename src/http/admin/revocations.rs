//! `/api/admin/revocations`: tokens of users that a backend takes back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{refuse_unknown, time};
use crate::app::App;
use crate::http::administrator::Admin;
use crate::http::body::{JsonText, run_to_end};
use crate::http::paging;
use crate::http::path::PathParameters;
use crate::http::query::Parameters;
use crate::model::clock::{self, Clock as _, SystemClock};
use crate::model::{MAX_REVOKED_ID_BYTES, Refusal, Revocation, RevocationKind, UserId, Why};
use crate::payload::Payload;
use crate::revocations::{Made, NewRevocation};

const KIND: &str = "kind";
const ID: &str = "id";
const BEFORE: &str = "before";
const EXPIRES_AT: &str = "expiresAt";

/// How many are listed if none says how many.
const LISTED: usize = 100;
/// The most that are listed at once.
const MAX_LISTED: usize = 1_000;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RevocationJson {
    id: Uuid,
    kind: &'static str,
    subject: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    created_at: String,
    expires_at: String,
}

impl From<Revocation> for RevocationJson {
    fn from(revocation: Revocation) -> Self {
        Self {
            id: revocation.id,
            kind: revocation.kind.as_str(),
            subject: revocation.subject,
            before: revocation.before.map(clock::iso_ms),
            created_at: clock::iso_ms(revocation.created_at),
            expires_at: clock::iso_ms(revocation.expires_at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Revoked {
    revocation: RevocationJson,
    disconnected: u64,
    complete: bool,
}

pub(super) async fn revoke(State(app): State<Arc<App>>, admin: Admin, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let new = new_revocation(&body.payload(&app.config.now())?)?;
        let Made {
            revocation,
            disconnected,
            complete,
        } = app.revocations.revoke(&admin.source, new).await?;
        Ok(Json(Revoked {
            revocation: revocation.into(),
            disconnected,
            complete,
        })
        .into_response())
    })
    .await
}

fn new_revocation(payload: &Payload<'_>) -> Result<NewRevocation, Refusal> {
    refuse_unknown(payload.besides(&[KIND, ID, BEFORE, EXPIRES_AT]))?;
    let kind = match payload.given(KIND) {
        None => return Err(Refusal::invalid(KIND)),
        Some(_) => payload.text(KIND),
    };
    let kind = kind.and_then(|kind| RevocationKind::parse(&kind));
    let kind = kind.ok_or(Refusal::unusable(KIND))?;
    if payload.given(ID).is_none() {
        return Err(Refusal::invalid(ID));
    }
    let id = payload.id(ID).filter(|id| match kind {
        RevocationKind::User => UserId::parse(id).is_some(),
        RevocationKind::Token | RevocationKind::Session => {
            !id.is_empty() && id.len() <= MAX_REVOKED_ID_BYTES
        }
    });
    let before = time(payload, BEFORE)?;
    if before.is_some() && kind != RevocationKind::User {
        return Err(Refusal::unusable(BEFORE));
    }
    let expires_at = time(payload, EXPIRES_AT)?;
    if expires_at.is_some_and(|end| end <= SystemClock.now_ms()) {
        return Err(Refusal::unusable(EXPIRES_AT));
    }
    Ok(NewRevocation {
        kind,
        subject: id.ok_or(Refusal::unusable(ID))?.into(),
        before,
        expires_at,
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Revocations {
    revocations: Vec<RevocationJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    refuse_unknown(query.besides(&[KIND, "limit", "cursor"]))?;
    let kind = query.get(KIND);
    let kind = kind.map(|kind| RevocationKind::parse(kind).ok_or(Refusal::invalid(KIND)));
    let after = paging::cursor(&query, |text| Uuid::parse_str(text).ok())?;
    let part = (after, paging::limit_within(&query, LISTED, MAX_LISTED)?);
    let listed = app.revocations.list(&admin.source, kind.transpose()?, part);
    let (listed, is_more) = listed.await?;
    let last = listed.last().filter(|_| is_more);
    Ok(Json(Revocations {
        next_cursor: last.map(|last| last.id),
        revocations: listed.into_iter().map(Into::into).collect(),
    })
    .into_response())
}

#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct TakenBack {
    revocation: RevocationJson,
    complete: bool,
}

pub(super) async fn take_back(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let unknown = || Refusal::new(Why::RevocationNotFound);
        let id = Uuid::parse_str(&id).map_err(|_| unknown())?;
        let taken = app.revocations.take_back(&admin.source, id).await?;
        let (revocation, complete) = taken;
        Ok(Json(TakenBack {
            revocation: revocation.into(),
            complete,
        })
        .into_response())
    })
    .await
}
