//! Whether a client is let in, and as whom: dialect, token, limits (protocol, part 1). It reads the
//! handshake and changes nothing.

use std::sync::Arc;

use serde::Deserialize;

use crate::app::App;
use crate::auth::AuthError;
use crate::config::AuthErrorStyle;
use crate::connection::{Admission, Client, Handshake};
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
    #[error("Session is over")]
    SessionOver,
    #[error("Server error")]
    NoHandshake,
}

impl Refusal {
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Auth(error) => error.code(),
            Self::UnknownDialect => ErrorCode::UnknownDialect,
            Self::TooManyConnections => ErrorCode::TooManyConnections,
            Self::Busy => ErrorCode::ServerBusy,
            Self::SessionOver | Self::NoHandshake => ErrorCode::OperationFailed,
        }
    }
}

/// The client's `auth` object. What is not of the right type is treated as not there, except a
/// token, which is then a bad one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Hello {
    #[serde(default)]
    token: Option<serde_json::Value>,
    #[serde(default)]
    dialect: Option<serde_json::Value>,
}

/// Decides whether, and as what, a client is let in. What it declares is noted in `client`.
pub(crate) async fn decide(
    app: &App,
    handshake: &Handshake,
    hello: &Hello,
    client: &mut Client,
) -> Result<(Admission, AddressSlot), Refusal> {
    client.declared = declared(app, handshake, hello)?;
    let by_event = app.config.auth_error_style == AuthErrorStyle::Event;
    let admitted = match identify(app, handshake, hello, client.declared).await {
        Ok(admitted) => admitted,
        // The event tells what is wrong with a token; that there were too many is said before.
        Err(error) if by_event && error != AuthError::TooManyAttempts => Admission::Refused(error),
        Err(error) => return Err(error.into()),
    };
    if let Admission::User(authenticated) = &admitted
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
    Ok((admitted, slot))
}

/// The dialect that a client declares, or the only one there is (protocol, "Which dialect a
/// connection speaks").
fn declared(app: &App, handshake: &Handshake, hello: &Hello) -> Result<Option<Dialect>, Refusal> {
    let enabled = &app.config.dialects;
    if let [only] = enabled[..] {
        return Ok(Some(only));
    }
    let hint = match &hello.dialect {
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
    hello: &Hello,
    declared: Option<Dialect>,
) -> Result<Admission, AuthError> {
    let Some(token) = token(handshake, hello, declared)? else {
        let may_be =
            |dialect| declared.map_or(app.config.dialects.contains(&dialect), |is| is == dialect);
        let guest = may_be(Dialect::Session) || may_be(Dialect::Feed);
        return if guest {
            Ok(Admission::Guest)
        } else {
            Err(AuthError::Missing)
        };
    };
    let authenticated = app.auth.authenticate(handshake.address, &token).await;
    authenticated.map(Admission::User)
}

/// The token, from the places where this client may put it.
fn token(
    handshake: &Handshake,
    hello: &Hello,
    declared: Option<Dialect>,
) -> Result<Option<Arc<str>>, AuthError> {
    let in_query = handshake
        .token
        .clone()
        .filter(|_| declared == Some(Dialect::Chat));
    let in_auth = match &hello.token {
        Some(serde_json::Value::Null) | None => None,
        Some(serde_json::Value::String(token)) => Some(token.as_str().into()),
        Some(_) => return Err(AuthError::Invalid),
    };
    let token = in_query
        .or(in_auth)
        .or_else(|| handshake.authorization.clone());
    Ok(token.filter(|token| !token.is_empty()))
}
