//! Whether a client is let in, and as whom: dialect, token, limits (protocol, part 1). It reads the
//! handshake and changes nothing.

use std::sync::Arc;

use serde::Deserialize;

use crate::app::App;
use crate::auth::{AuthError, Authenticated};
use crate::config::AuthErrorStyle;
use crate::connection::{Client, Handshake};
use crate::limits::AddressSlot;
use crate::model::{Dialect, ErrorCode};

/// Why a client is not let in: what its `connect_error` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("Unknown dialect")]
    UnknownDialect,
    #[error("Too many connections")]
    TooManyConnections,
    #[error("Server is busy")]
    Busy,
}

impl Refusal {
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Auth(error) => error.code(),
            Self::UnknownDialect => ErrorCode::UnknownDialect,
            Self::TooManyConnections => ErrorCode::TooManyConnections,
            Self::Busy => ErrorCode::ServerBusy,
        }
    }
}

/// The client's `auth` object. What is not of the right type is treated as not there, except a
/// token, which is then a bad one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AuthPayload {
    #[serde(default)]
    token: Option<serde_json::Value>,
    #[serde(default)]
    dialect: Option<serde_json::Value>,
}

/// As what a client is let in.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// For the user of a token.
    User(Authenticated),
    /// Without a token, for a while.
    Guest,
    /// To receive the reason as an event, and to be disconnected.
    Rejected(AuthError),
}

/// Decides whether, and as what, a client is let in. The dialect that it declares is noted in
/// `client`.
pub(crate) async fn decide(
    app: &App,
    handshake: &Handshake,
    auth: &AuthPayload,
    client: &mut Client,
) -> Result<(Verdict, AddressSlot), Refusal> {
    client.declared = declared(app, handshake, auth)?;
    let verdict = match identify(app, handshake, auth, client.declared).await {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Rejected(refuse(app, error)?),
    };
    if let Verdict::User(authenticated) = &verdict
        && app
            .users
            .connection_count(authenticated.identity.user.as_str())
            >= app.config.max_connections_per_user as usize
    {
        return Err(Refusal::TooManyConnections);
    }
    let slot = app
        .slots
        .take(handshake.address)
        .ok_or(Refusal::TooManyConnections)?;
    Ok((verdict, slot))
}

/// The error that a client is to receive as an event, behind its connection.
///
/// # Errors
/// It is refused before: the setting `auth_error_style` wants it so, or there were too many
/// attempts, which an event does not say.
pub(crate) fn refuse(app: &App, error: AuthError) -> Result<AuthError, Refusal> {
    let by_event = app.config.auth_error_style == AuthErrorStyle::Event;
    match by_event && error != AuthError::TooManyAttempts {
        true => Ok(error),
        false => Err(error.into()),
    }
}

/// The dialect that a client declares, or the only one there is (protocol, "Which dialect a
/// connection speaks").
fn declared(
    app: &App,
    handshake: &Handshake,
    auth: &AuthPayload,
) -> Result<Option<Dialect>, Refusal> {
    let enabled = &app.config.dialects;
    if let [only] = enabled[..] {
        return Ok(Some(only));
    }
    let hint = match &auth.dialect {
        Some(serde_json::Value::Null) | None => handshake.dialect.as_deref(),
        Some(serde_json::Value::String(name)) => Some(name.as_str()),
        Some(_) => return Err(Refusal::UnknownDialect),
    };
    match hint {
        Some(name) => {
            let dialect = name.parse().map_err(|_| Refusal::UnknownDialect)?;
            enabled
                .contains(&dialect)
                .then_some(Some(dialect))
                .ok_or(Refusal::UnknownDialect)
        }
        None if handshake.token.is_some() && enabled.contains(&Dialect::Chat) => {
            Ok(Some(Dialect::Chat))
        }
        None => Ok(None),
    }
}

async fn identify(
    app: &App,
    handshake: &Handshake,
    auth: &AuthPayload,
    declared: Option<Dialect>,
) -> Result<Verdict, AuthError> {
    let Some(token) = token(handshake, auth, declared)? else {
        let may_be =
            |dialect| declared.map_or(app.config.dialects.contains(&dialect), |is| is == dialect);
        let guest = may_be(Dialect::Session) || may_be(Dialect::Feed);
        return if guest {
            Ok(Verdict::Guest)
        } else {
            Err(AuthError::Missing)
        };
    };
    let authenticated = app.auth.authenticate(handshake.address, &token).await;
    authenticated.map(Verdict::User)
}

/// The token, from the places where this client may put it.
fn token(
    handshake: &Handshake,
    auth: &AuthPayload,
    declared: Option<Dialect>,
) -> Result<Option<Arc<str>>, AuthError> {
    let in_query = handshake
        .token
        .clone()
        .filter(|_| declared == Some(Dialect::Chat));
    let in_auth = match &auth.token {
        Some(serde_json::Value::Null) | None => None,
        Some(serde_json::Value::String(token)) => Some(token.as_str().into()),
        Some(_) => return Err(AuthError::Invalid),
    };
    let token = in_query
        .or(in_auth)
        .or_else(|| handshake.authorization.clone());
    Ok(token.filter(|token| !token.is_empty()))
}
