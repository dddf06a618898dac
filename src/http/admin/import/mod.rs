//! `/api/admin/import`: users, conversations and participants of another server, a line of JSON each. The request is read and
//! answered at the same time, neither faster than the other side and the store allow.

mod answers;
mod batch;
mod lines;
mod read;
mod run;
mod target;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};

pub(in crate::http) use answers::{Ended, NotStored, Progress};

use super::refuse_unknown;
use crate::app::App;
use crate::http::administrator::Admin;
use crate::http::query::Parameters;
use crate::model::{Refusal, Why};
use crate::transport::{Link, PeerLink};
use target::Target;

/// The type of the request and of the answer.
pub(in crate::http) const NDJSON: &str = "application/x-ndjson";
/// The parameter that has an import tried only.
const DRY_RUN: &str = "dryRun";
/// Parts of the answer that wait for the client. With more of them the import waits.
const PARTS: usize = 4;
/// About what an import holds: a line, a batch, and what is being told of it.
const HELD_BYTES: usize = 1 << 20;

pub(super) async fn import(
    State(app): State<Arc<App>>,
    admin: Admin,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    refuse_unknown(query.besides(&[DRY_RUN]))?;
    let is_dry_run = match query.get(DRY_RUN) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::unusable(DRY_RUN)),
    };
    require_lines(&headers)?;
    let target = Target::new(&app, is_dry_run).await?;
    let held = app.memory.hold(HELD_BYTES);
    let (answers, mut parts) = mpsc::channel(PARTS);
    let (is_there, is_taken) = oneshot::channel();
    let importing = run::run(app.clone(), admin, target, body, (answers, is_taken));
    app.drain.spawn(importing);
    let under_way = (held, UnderWay::on(link), is_there);
    let parts = stream::poll_fn(move |context| parts.poll_recv(context));
    let parts = parts.map(move |part| {
        let _ = &under_way;
        Ok::<_, Infallible>(part)
    });
    Ok(([(CONTENT_TYPE, NDJSON)], Body::from_stream(parts)).into_response())
}

fn require_lines(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let name = value.and_then(|value| value.split(';').next());
    let name = name.map(|name| name.trim().to_ascii_lowercase());
    match name.as_deref() {
        Some(NDJSON | "application/ndjson" | "application/jsonl") => Ok(()),
        _ => {
            let text = "Content-Type must be application/x-ndjson";
            Err(Refusal::new(Why::NotJson).worded(text))
        }
    }
}

/// While it is there, the connection counts as one on which a request is being answered.
struct UnderWay(Arc<Link>);

impl UnderWay {
    fn on(link: Arc<Link>) -> Self {
        link.request_began();
        Self(link)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}
