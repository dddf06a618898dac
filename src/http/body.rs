//! The body of a request, and the task that does what it asks for.

use std::future::Future;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::config::Config;
use crate::connection::Drain;
use crate::model::{Refusal, Why};
use crate::payload::{Malformed, Payload};
use crate::traces;
use crate::transport::TooSlow;

/// A body of JSON text, not yet parsed.
#[derive(Debug)]
pub(super) struct JsonText(Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Refusal::new(Why::NotJson));
        }
        Ok(Self(read(request, state).await?))
    }
}

/// The same, or an empty object for no body at all.
#[derive(Debug)]
pub(super) struct OptionalJson(pub(super) JsonText);

impl<S: Send + Sync> FromRequest<S> for OptionalJson {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        match bytes.is_empty() {
            true => Ok(Self(JsonText(Bytes::from_static(b"{}")))),
            false if is_json => Ok(Self(JsonText(bytes))),
            false => Err(Refusal::new(Why::NotJson)),
        }
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refusal> {
    let bytes = Bytes::from_request(request, state).await;
    bytes.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(Why::BodyTooLarge),
        _ if TooSlow::is_cause_of(&rejection) => Refusal::new(Why::BodyTooSlow),
        _ => malformed(),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        let name = value.split(';').next().unwrap_or_default().trim();
        let name = name.to_ascii_lowercase();
        name == "application/json" || name.starts_with("application/") && name.ends_with("+json")
    })
}

fn malformed() -> Refusal {
    Refusal::malformed().worded("Body is not valid JSON")
}

impl JsonText {
    /// Itself, as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its size in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Its fields.
    pub(super) fn payload(&self, config: &Config) -> Result<Payload<'_>, Refusal> {
        object(&self.0, config)
    }
}

/// The fields of an object of JSON text.
pub(super) fn object<'a>(text: &'a [u8], config: &Config) -> Result<Payload<'a>, Refusal> {
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let payload = Payload::of_object(text).map_err(|error| match error {
        Malformed::NotAnObject => Refusal::new(Why::Unusable).worded("Body must be an object"),
        Malformed::NotAnEvent
        | Malformed::TooManyFields
        | Malformed::BadAttachment
        | Malformed::Unreadable => malformed(),
    })?;
    match payload.unreadable(config.max_depth) {
        Some(field) => Err(Refusal::unusable_named(field)),
        None => Ok(payload),
    }
}

/// Runs a request to its end, also when the client does not wait for the answer: what is stored must
/// be published. The server does not stop before.
pub(super) async fn run_to_end<T>(
    drain: &Drain,
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Response
where
    T: IntoResponse + Send + 'static,
{
    match drain.spawn(traces::carried(work)).await {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(error) => {
            tracing::error!(%error, "a request handler ended early");
            Refusal::new(Why::Failed).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_a_client_left_is_done_before_the_server_stops() {
        let (drain, goes_on) = (Drain::default(), Arc::new(Notify::new()));
        let waiting = goes_on.clone();
        let answer = run_to_end(&drain, async move {
            waiting.notified().await;
            Ok(())
        });
        // The client goes away while it is done.
        assert!(Box::pin(answer).now_or_never().is_none());
        drain.begin();
        assert!(drain.finished().now_or_never().is_none());
        goes_on.notify_one();
        drain.finished().await;
    }
}
