//! `POST /api/admin/publish`: an event of a backend for clients, as it is written in the request.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::refuse_unknown;
use crate::app::App;
use crate::backend::{
    MAX_TARGETS, Published, Request, RequestKey, Target, TargetKind, TargetReached,
};
use crate::config::Config;
use crate::http::administrator::Admin;
use crate::http::body::{JsonText, run_to_end};
use crate::metrics::publish::{self, PublishOutcome};
use crate::model::{Refusal, Why};
use crate::payload::{Opaque, Payload};

const TARGETS: &str = "targets";
const EVENT: &str = "event";
const DATA: &str = "data";
const STORE: &str = "store";
/// The header with the key of a request.
const KEY: &str = "idempotency-key";
/// The most bytes that a target takes in a request: an id of 128 bytes, each of which may be escaped.
const MAX_TARGET_BYTES: usize = 128 * 6 + 16;

/// The largest body.
pub(super) fn max_body(config: &Config) -> usize {
    config.publish_max_bytes + MAX_TARGETS * MAX_TARGET_BYTES + 4096
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Published")]
pub(in crate::http) struct Answer<'a> {
    id: Uuid,
    duplicate: bool,
    connections: u64,
    targets: &'a [TargetReached],
    complete: bool,
}

pub(super) async fn publish(
    State(app): State<Arc<App>>,
    admin: Admin,
    headers: HeaderMap,
    body: Result<JsonText, Refusal>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let published = async {
            let body = body?;
            let key = key(&headers, &body)?;
            let request = request(&app.config.now(), &body)?;
            let (source, token) = (&admin.source, &*admin.name);
            app.backend.publish(source, token, key, request).await
        };
        let published = published.await;
        if published.is_err() {
            publish::answered(PublishOutcome::Refused);
        }
        let (published, duplicate) = published?;
        let Published {
            id,
            connections,
            ref targets,
            complete,
        } = *published;
        Ok(Json(Answer {
            id,
            duplicate,
            connections,
            targets,
            complete,
        })
        .into_response())
    })
    .await
}

fn key(headers: &HeaderMap, body: &JsonText) -> Result<Option<RequestKey>, Refusal> {
    let Some(given) = headers.get(KEY) else {
        return Ok(None);
    };
    let text = given.to_str().ok();
    let key = text.and_then(|text| RequestKey::new(text, body.bytes()));
    key.map(Some).ok_or(Refusal::invalid("Idempotency-Key"))
}

fn request(config: &Config, body: &JsonText) -> Result<Request, Refusal> {
    let payload = body.payload(config)?;
    refuse_unknown(payload.besides(&[TARGETS, EVENT, DATA, STORE]))?;
    // There are no mailboxes that it could be put into.
    let store = payload.get(STORE).and_then(Opaque::json);
    if store.is_some_and(|store| store != "false") {
        return Err(Refusal::unusable(STORE));
    }
    let event = match payload.get(EVENT) {
        Some(_) => payload.text(EVENT).ok_or(Refusal::unusable(EVENT))?,
        None => return Err(Refusal::invalid(EVENT)),
    };
    if !config.publish_events.allow(&event) {
        return Err(Refusal::unusable(EVENT));
    }
    let data = payload.get(DATA).map(Opaque::json);
    // What has no attachments is text.
    let data = data.map(|data| data.ok_or(Refusal::unusable(DATA)));
    let data = data.transpose()?.map(str::to_owned);
    if data
        .as_ref()
        .is_some_and(|data| data.len() > config.publish_max_bytes)
    {
        return Err(Refusal::new(Why::BodyTooLarge));
    }
    Ok(Request {
        targets: targets(&payload)?,
        event: event.into_owned(),
        data,
    })
}

/// In the order in which they are written.
fn targets(payload: &Payload<'_>) -> Result<Vec<Target>, Refusal> {
    let unusable = || Refusal::unusable(TARGETS);
    let given = payload.get(TARGETS).ok_or(Refusal::invalid(TARGETS))?;
    let given = given.json().ok_or_else(unusable)?;
    let lists = Payload::of_object(given).map_err(|_| unusable())?;
    let mut targets = Vec::new();
    for (name, _) in lists.members() {
        let mut kinds = TargetKind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.field() == name);
        let kind = kind.ok_or_else(|| Refusal::unusable_named(&format!("{TARGETS}.{name}")))?;
        let wrong = || Refusal::unusable_named(&format!("{TARGETS}.{}", kind.field()));
        let left = MAX_TARGETS - targets.len();
        let ids = lists.texts(name, left).ok_or_else(wrong)?;
        for id in ids {
            targets.push(Target::parse(kind, &id).ok_or_else(wrong)?);
        }
    }
    match targets.is_empty() {
        true => Err(unusable()),
        false => Ok(targets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<Vec<(TargetKind, String)>, Option<String>> {
        let text = format!(r#"{{"targets":{text}}}"#);
        let payload = Payload::of_object(&text).expect("an object");
        let targets = targets(&payload).map_err(|refusal| refusal.field.map(Into::into))?;
        Ok(targets.iter().map(|one| (one.kind(), one.id())).collect())
    }

    #[test]
    fn targets_are_in_the_order_in_which_they_are_written() {
        let text = r#"{"sessions":["s"],"users":["b","a","b"],"conversations":[]}"#;
        let expected = [
            (TargetKind::Session, "s"),
            (TargetKind::User, "b"),
            (TargetKind::User, "a"),
            (TargetKind::User, "b"),
        ];
        let expected = expected.map(|(kind, id)| (kind, id.to_owned()));
        assert_eq!(named(text), Ok(expected.to_vec()));
    }

    #[test]
    fn what_is_no_list_of_ids_is_refused_by_its_name() {
        let ids = |count: usize| serde_json::to_string(&vec!["u"; count]).expect("text");
        let many = format!(r#"{{"users":{},"sessions":["s"]}}"#, ids(MAX_TARGETS));
        for (wrong, field) in [
            ("{}", "targets"),
            (r#"{"users":[]}"#, "targets"),
            ("[]", "targets"),
            ("null", "targets"),
            (r#"{"users":"a"}"#, "targets.users"),
            (r#"{"users":[7]}"#, "targets.users"),
            (r#"{"users":[""]}"#, "targets.users"),
            (r#"{"rooms":["a"]}"#, "targets.rooms"),
            (r#"{"connections":["a"]}"#, "targets.connections"),
            (&many, "targets.sessions"),
        ] {
            assert_eq!(named(wrong), Err(Some(field.to_owned())), "{wrong:.60}");
        }
        let most = format!(r#"{{"users":{}}}"#, ids(MAX_TARGETS));
        assert_eq!(named(&most).map(|all| all.len()), Ok(MAX_TARGETS));
    }
}
