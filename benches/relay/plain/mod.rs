//! The plain server on bare socketioxide and axum: what `benches/node` does, as users of that library write it. It keeps no
//! audit, enforces no limits, sends no presence, and must not use anything of the relay.

mod direct;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::routing::get;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;

/// The largest event, as in the relay's defaults.
const MAX_EVENT_BYTES: u64 = 10_000_000;
/// Packets that may wait for a client. The library's own limit, 128, loses events in a large session.
const MAX_WAITING: usize = 4_096;

/// What a token says of its bearer.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: String,
    username: String,
}

#[derive(Deserialize)]
struct Auth {
    token: Option<String>,
}

/// Who may connect.
struct Admission {
    key: DecodingKey,
    validation: Validation,
    admits_guests: bool,
}

impl Admission {
    /// `None` for a guest.
    fn user(&self, auth: Option<Auth>) -> Result<Option<User>, &'static str> {
        let Some(token) = auth.and_then(|auth| auth.token) else {
            return match self.admits_guests {
                true => Ok(None),
                false => Err("Authentication token required"),
            };
        };
        let decoded = jsonwebtoken::decode(&token, &self.key, &self.validation);
        decoded
            .map(|decoded| Some(decoded.claims))
            .map_err(|_| "Invalid token")
    }
}

/// Serves until it is killed.
#[tokio::main]
pub(crate) async fn run(address: SocketAddr) -> Result<()> {
    let secret = std::env::var("JWT_SECRET").context("JWT_SECRET")?;
    let admission = Arc::new(Admission {
        key: DecodingKey::from_secret(secret.as_bytes()),
        validation: Validation::new(Algorithm::HS256),
        admits_guests: std::env::var("DIALECTS").is_ok_and(|dialect| dialect == "session"),
    });
    let (layer, io) = SocketIo::builder()
        .max_payload(MAX_EVENT_BYTES)
        .max_buffer_size(MAX_WAITING)
        .build_layer();
    let uploads = direct::Uploads::default();
    let sessions = session::Sessions::default();
    let check = Arc::clone(&admission);
    let on_connect = async move |socket: SocketRef, TryData(auth): TryData<Auth>| {
        // The middleware has let it in.
        match admission.user(auth.ok()) {
            Ok(Some(user)) => direct::serve(&socket, user, &uploads),
            _ => session::serve(&socket, &sessions),
        }
    };
    let middleware = async move |TryData(auth): TryData<Auth>| check.user(auth.ok()).map(drop);
    io.ns("/", on_connect.with(middleware));
    let app = axum::Router::new()
        .route("/health", get(|| async { "ok" }))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, app).await?)
}
