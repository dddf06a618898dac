//! `GET /metrics`: all that is counted, and what can be asked for only now. It must not wait for a lock of those who count,
//! and where it is served openly, anybody may ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tokio::sync::Mutex;

use super::administrator::Scraper;
use super::caller::only_for;
use super::{health, routes};
use crate::app::App;
use crate::audit;
use crate::auth::Administrator;
use crate::config::Config;
use crate::connection::Congestion;
use crate::dialects;
use crate::metrics::process::Usage;
use crate::metrics::{self, Families, Format};
use crate::model::{Refusal, RevocationKind, Scope};

/// The commit that was built, where whoever built it said so.
const REVISION: Option<&str> = option_env!("RELAY_REVISION");

/// The route on the public listener. `None`: it is not served there.
pub(super) fn public(app: &Arc<App>) -> Option<MethodRouter<Arc<App>>> {
    let Config {
        metrics_public,
        metrics_token,
        internal_listen,
        ..
    } = &*app.config.now();
    let has_token = metrics_token.is_some() || Administrator::may_be(&app.config.now());
    match (metrics_public, internal_listen, has_token) {
        (true, _, _) => Some(open()),
        (false, None, true) => Some(only_for::<Scraper>(app, Scope::Metrics, open())),
        _ => None,
    }
}

/// The route for everybody who comes.
pub(super) fn open() -> MethodRouter<Arc<App>> {
    get(scrape)
}

async fn scrape(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let format = match is_open_metrics(&headers) {
        true => Format::OpenMetrics,
        false => Format::Text,
    };
    match families(&app).await.write(format) {
        Ok(text) => {
            let kind = HeaderValue::from_static(format.content_type());
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Refusal::failed(NotWritten(error)).into_response(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the metrics could not be written: {0}")]
struct NotWritten(fmt::Error);

fn is_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("application/openmetrics-text"))
}

/// All families.
async fn families(app: &Arc<App>) -> Families {
    let mut families = Families::default();
    describe_parts(app, &mut families).await;
    let slow = Slow::lately(app).await;
    describe_clients(app, &slow.congestion, &mut families);
    let shared = app.sessions.count_shared().await;
    metrics::present::describe_sessions(&mut families, shared);
    metrics::describe(&mut families);
    dialects::describe(&mut families);
    audit::metrics::describe(&mut families, app.conversations.now_ms());
    app.webhooks.describe(&mut families);
    describe_nodes(app, &mut families);
    routes::describe(&mut families);
    if let Some(usage) = &slow.usage {
        usage.describe(&mut families);
    }
    families
}

/// What it takes a moment to look at where there are many connections.
#[derive(Debug, Clone, Copy, Default)]
struct Slow {
    congestion: Congestion,
    usage: Option<Usage>,
}

impl Slow {
    /// As it was within the last second: whoever asks more often does not make the relay look more often.
    async fn lately(app: &App) -> Self {
        const KEPT: Duration = Duration::from_secs(1);
        static LAST: Mutex<Option<(Instant, Slow)>> = Mutex::const_new(None);
        let mut last = LAST.lock().await;
        if let Some((at, slow)) = *last
            && at.elapsed() < KEPT
        {
            return slow;
        }
        let connections = app.connections.clone();
        let looked_at = tokio::task::spawn_blocking(move || Self {
            congestion: connections.congestion(),
            usage: Usage::now(),
        });
        let slow = looked_at.await.unwrap_or_else(|error| {
            tracing::error!(%error, "connections could not be looked at");
            Self::default()
        });
        *last = Some((Instant::now(), slow));
        slow
    }
}

async fn describe_parts(app: &App, families: &mut Families) {
    let labels = [
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("revision", revision().into()),
    ];
    families
        .gauge("relay_build_info", "What runs")
        .set(labels, 1.0);
    let parts = health::Parts::of(app).await;
    let help = "Whether clients should come: /ready answers 200";
    families
        .gauge("relay_ready", help)
        .set([], number(parts.is_ready()));
    let help = "Whether a part works; absent parts are not told";
    let family = families.gauge("relay_part_up", help);
    for (part, works) in parts.all() {
        family.set([("part", part.into())], number(works));
    }
}

fn revision() -> &'static str {
    REVISION
        .filter(|revision| !revision.is_empty())
        .unwrap_or("unknown")
}

fn describe_clients(app: &App, congestion: &Congestion, families: &mut Families) {
    let help = "Users with a connection on this node";
    let users = app.users.connected() as f64;
    families.gauge("relay_users_online", help).set([], users);
    let gauges = [
        (
            "relay_backlog_bytes",
            "Bytes that wait for clients",
            congestion.backlog,
        ),
        (
            "relay_slow_connections",
            "Connections over receiver_budget",
            congestion.slow,
        ),
        (
            "relay_paused_senders",
            "Connections that are not read now",
            congestion.paused,
        ),
        (
            "relay_memory_budget_bytes",
            "What clients may make the relay hold",
            app.memory.limit(),
        ),
        (
            "relay_memory_used_bytes",
            "What clients make the relay hold",
            app.memory.taken(),
        ),
    ];
    for (name, help, value) in gauges {
        families.gauge(name, help).set([], value as f64);
    }
    let help = "Revocations of tokens that are in effect, by their kind";
    let family = families.gauge("relay_revocations", help);
    for kind in RevocationKind::ALL {
        let count = app.revocations.tokens().count(kind) as f64;
        family.set([("kind", kind.as_str().into())], count);
    }
}

/// What is known of the other servers, where there may be some.
fn describe_nodes(app: &App, families: &mut Families) {
    let Some(cluster) = &app.cluster else {
        return;
    };
    let help = "Servers of the deployment that are alive, as far as this one knows";
    families
        .gauge("relay_nodes", help)
        .set([], cluster.nodes() as f64);
    let is_up = number(cluster.bus().is_ready());
    let help = "Whether there is a connection to Redis";
    families.gauge("relay_redis_up", help).set([], is_up);
    metrics::nodes::describe(families);
}

fn number(is_so: bool) -> f64 {
    match is_so {
        true => 1.0,
        false => 0.0,
    }
}
