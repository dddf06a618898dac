//! Whether a client is admitted, and as whom: dialect, token, limits (protocol, part 1). It reads the
//! handshake; what follows from the decision is for the caller.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Authenticated, Authenticator};
use crate::config::{AuthErrorStyle, LiveConfig};
use crate::connection::{Client, Handshake};
use crate::metrics::authentications;
use crate::model::{AuthFailure, Dialect, Refusal, Why};

/// The client's `auth` object. A value of the wrong type counts as missing, except for a token, which
/// is then invalid.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthPayload {
    #[serde(default)]
    token: Option<Value>,
    #[serde(default)]
    access_token: Option<Value>,
    #[serde(default, rename = "access_token")]
    plain_access_token: Option<Value>,
    #[serde(default)]
    auth_token: Option<Value>,
    #[serde(default)]
    jwt: Option<Value>,
    #[serde(default)]
    dialect: Option<Value>,
}

impl AuthPayload {
    /// The token in the first of its fields that is neither missing nor empty.
    ///
    /// # Errors
    /// It is no text.
    pub(crate) fn token(&self) -> Result<Option<&str>, Refusal> {
        let fields = [
            &self.token,
            &self.access_token,
            &self.plain_access_token,
            &self.auth_token,
            &self.jwt,
        ];
        let mut given = fields.into_iter().flatten();
        match given.find(|value| !value.is_null() && *value != "") {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token)),
            Some(_) => Err(Refusal::unauthenticated(AuthFailure::Malformed, None)),
        }
    }
}

/// As what a client is admitted.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// For the user of a token.
    User(Authenticated),
    /// Without a token, for a while.
    Guest,
    /// To receive the reason as an event, and to be disconnected.
    Rejected(Refusal),
}

/// Decides who is admitted.
#[derive(Debug)]
pub(crate) struct Admissions {
    config: LiveConfig,
    auth: Arc<Authenticator>,
}

impl Admissions {
    /// Admits those whom `auth` authenticates.
    pub(crate) fn new(config: LiveConfig, auth: Arc<Authenticator>) -> Self {
        Self { config, auth }
    }

    /// Decides whether, and as what, a client is admitted. The dialect that it declares is noted in
    /// `client`.
    ///
    /// # Errors
    /// It is not admitted.
    pub(crate) async fn decide(
        &self,
        handshake: &Handshake,
        auth: &AuthPayload,
        client: &mut Client,
    ) -> Result<Verdict, Refusal> {
        client.declared = self.declared(handshake, auth)?;
        let verdict = match self.identify(handshake, auth, client.declared).await {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::Rejected(self.refuse(refusal)?),
        };
        Ok(verdict)
    }

    /// The refusal that a client receives as an event, once it is connected.
    ///
    /// # Errors
    /// The client is not connected at all: the setting `auth_error_style` wants it so, or there were
    /// too many attempts, which no event reports.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Result<Refusal, Refusal> {
        let by_event = self.config.now().auth_error_style == AuthErrorStyle::Event;
        match by_event && refusal.why() != Why::TooManyAttempts {
            true => Ok(refusal),
            false => Err(refusal),
        }
    }

    /// The dialect that a client declares, or the only one there is (protocol, "Which dialect a
    /// connection speaks").
    fn declared(
        &self,
        handshake: &Handshake,
        auth: &AuthPayload,
    ) -> Result<Option<Dialect>, Refusal> {
        let enabled = &self.config.now().dialects;
        if let [only] = enabled[..] {
            return Ok(Some(only));
        }
        let hint = match &auth.dialect {
            Some(Value::Null) | None => handshake.dialect.as_deref(),
            Some(Value::String(name)) => Some(name.as_str()),
            Some(_) => return Err(unknown_dialect()),
        };
        match hint {
            Some(name) => {
                let dialect = name.parse().map_err(|_| unknown_dialect())?;
                let is_enabled = enabled.contains(&dialect);
                is_enabled
                    .then_some(Some(dialect))
                    .ok_or_else(unknown_dialect)
            }
            None if handshake.token.is_some() && enabled.contains(&Dialect::Chat) => {
                Ok(Some(Dialect::Chat))
            }
            None => Ok(None),
        }
    }

    async fn identify(
        &self,
        handshake: &Handshake,
        auth: &AuthPayload,
        declared: Option<Dialect>,
    ) -> Result<Verdict, Refusal> {
        let Some(token) = token(handshake, auth, declared)? else {
            let may_use = |dialect| match declared {
                Some(declared) => declared == dialect,
                None => self.config.now().dialects.contains(&dialect),
            };
            return match may_use(Dialect::Session) || may_use(Dialect::Feed) {
                true => Ok(Verdict::Guest),
                false => Err(Refusal::new(Why::NoToken)),
            };
        };
        let authenticated = self.auth.authenticate(handshake.address, &token).await;
        authenticated.map(|authenticated| {
            authentications::accepted();
            Verdict::User(authenticated)
        })
    }
}

/// The token, from the places where this client may put it.
fn token(
    handshake: &Handshake,
    auth: &AuthPayload,
    declared: Option<Dialect>,
) -> Result<Option<Arc<str>>, Refusal> {
    let in_query = handshake
        .token
        .clone()
        .filter(|_| declared == Some(Dialect::Chat));
    let in_auth = auth.token()?.map(Arc::from);
    let cookie = handshake.cookie.as_ref();
    let mut given = [
        in_query,
        in_auth,
        handshake.authorization.clone(),
        cookie.map(|cookie| cookie.token().clone()),
    ]
    .into_iter()
    .flatten();
    Ok(given.find(|token| !token.is_empty()))
}

fn unknown_dialect() -> Refusal {
    Refusal::new(Why::UnknownDialect)
}
