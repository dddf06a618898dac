//! `/api/admin/audit`: records, as an administrator reads them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::refuse_unknown;
use crate::app::App;
use crate::audit::{
    AdminAction, Event as Audited, EventType, Order, ReadLimit, Record, StoredRecord,
};
use crate::http::administrator::Admin;
use crate::http::paging;
use crate::http::query::Parameters;
use crate::model::{Refusal, parse_time};

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Records {
    /// As they are exported.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    records: Vec<StoredRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn read(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let page = app.audit.read(audit_query(&query)?).await;
    let page = page.map_err(Refusal::failed)?;
    let event = Audited::Admin {
        action: AdminAction::AuditRead,
        recipient: None,
        conversation_id: None,
        count: Some(page.records.len() as u64),
    };
    app.audit.record(Record::new(&admin.source, None, event));
    let last = page.records.last().filter(|_| page.more);
    let next_cursor = last.map(|record| record.id.to_string());
    Ok(Json(Records {
        records: page.records,
        next_cursor,
    })
    .into_response())
}

/// Which records are asked for: from a time on, and before another.
fn audit_query(query: &Parameters) -> Result<crate::audit::Query, Refusal> {
    const KNOWN: &[&str] = &["user", "event", "from", "to", "cursor", "limit"];
    refuse_unknown(query.besides(KNOWN))?;
    let given = |name| query.get(name);
    let bad = |field| move || Refusal::invalid(field);
    let event = given("event").map(|name| EventType::parse(name).ok_or_else(bad("event")));
    let time = |name| {
        let time = given(name).map(|text| parse_time(text).map_err(|_| bad(name)()));
        time.map(|time| time.map(Timestamp::as_millisecond))
    };
    let cursor = given("cursor").map(|text| Uuid::parse_str(text).ok().ok_or_else(bad("cursor")));
    let limit = given("limit").map(|text| {
        let limit = paging::at_most(text, ReadLimit::MAX.into())?;
        ReadLimit::new(limit as u64).ok_or_else(bad("limit"))
    });
    Ok(crate::audit::Query {
        user: given("user").map(Into::into),
        event: event.transpose()?,
        from: time("from").transpose()?,
        to: time("to").transpose()?.map(|before| before - 1),
        node: None,
        is_current: false,
        order: Order::NewestFirst,
        after: cursor.transpose()?,
        limit: limit.transpose()?.unwrap_or_default(),
    })
}
