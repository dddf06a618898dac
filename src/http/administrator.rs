//! Administrators as senders of requests: with a token of the settings, which opens what its scopes name.
//!
//! Owns which token a request has, and how records name who has it. It must not know what a route does.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::caller::{self, Caller, Sender, bearer, extractors};
use crate::app::App;
use crate::audit::Source;
use crate::auth::Administrator;
use crate::config::{Config, Secret};
use crate::connection::Client;
use crate::conversations::Initiator;
use crate::metrics::authentications;
use crate::model::{AuthFailure, Refusal, Scope, Why};
use crate::users::User;

/// An administrator who sends a request.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    pub(super) source: Arc<Source>,
    /// The name of their token.
    pub(super) name: Arc<str>,
}

/// Who asks for metrics, with the token for that or an administrator's.
#[derive(Debug, Clone)]
pub(super) struct Scraper {
    source: Arc<Source>,
}

/// A user or an administrator.
#[derive(Debug, Clone)]
pub(super) enum UserOrAdmin {
    User(Caller),
    Admin(Admin),
}

extractors!(Admin, UserOrAdmin);

impl Admin {
    /// Whether a request has one of these tokens, whatever it opens.
    pub(super) fn sent(config: &Config, headers: &HeaderMap) -> bool {
        granted(config, headers).is_some()
    }
}

/// The administrator whose token a request has, if it has a right one.
fn granted(config: &Config, headers: &HeaderMap) -> Option<Administrator> {
    Administrator::with_token(config, bearer(headers)?)
}

fn is(given: &str, token: Option<&Secret>) -> bool {
    token.is_some_and(|token| {
        verify_slices_are_equal(given.as_bytes(), token.expose().as_bytes()).is_ok()
    })
}

impl UserOrAdmin {
    /// The sender, as one who manages participants.
    pub(super) fn manages(&self) -> Initiator<'_> {
        match self {
            Self::User(caller) => Initiator::Participant(caller.acts(None)),
            Self::Admin(admin) => Initiator::Admin(&admin.source),
        }
    }

    /// Counts a participant that a user adds; nothing limits an administrator.
    pub(super) fn check_participant(&self) -> Result<(), Refusal> {
        match self {
            Self::User(caller) => caller.check_participant(),
            Self::Admin(_) => Ok(()),
        }
    }

    /// Counts one message of a user; nothing limits an administrator.
    pub(super) fn check_limit(&self) -> Result<(), Refusal> {
        match self {
            Self::User(caller) => caller.check_limit(),
            Self::Admin(_) => Ok(()),
        }
    }
}

impl Sender for Admin {
    async fn authenticate(app: &Arc<App>, parts: &Parts, scope: Scope) -> Result<Self, Refusal> {
        if !Administrator::may_be(&app.config.now()) {
            return Err(Refusal::new(Why::NoRoute));
        }
        let client = caller::client(parts, app)?;
        let Some(Administrator { name, scopes, .. }) = granted(&app.config.now(), &parts.headers)
        else {
            return Err(note_unknown(app, &client, parts));
        };
        if !scopes.allow(scope) {
            let refusal = Refusal::scope_missing(scope);
            let noted = caller::note_failure(app, &client, parts, Some(&name), refusal);
            return Err(noted);
        }
        authentications::accepted();
        tracing::debug!(
            token = &*name,
            scope = scope.as_str(),
            "an administrator asks"
        );
        let source = client.admin_source(&name);
        Ok(Self { source, name })
    }

    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn user(&self) -> Option<&Arc<User>> {
        None
    }
}

impl Sender for Scraper {
    async fn authenticate(app: &Arc<App>, parts: &Parts, scope: Scope) -> Result<Self, Refusal> {
        let config = &app.config.now();
        let given = bearer(&parts.headers);
        let is_scraper = given.is_some_and(|given| is(given, config.metrics_token.as_ref()));
        if !is_scraper && Administrator::may_be(config) {
            let Admin { source, .. } = Admin::authenticate(app, parts, scope).await?;
            return Ok(Self { source });
        }
        let client = caller::client(parts, app)?;
        // The right token is never locked out by wrong ones.
        match is_scraper {
            true => {
                authentications::accepted();
                let source = client.source(None, None);
                Ok(Self { source })
            }
            false => Err(note_unknown(app, &client, parts)),
        }
    }

    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn user(&self) -> Option<&Arc<User>> {
        None
    }
}

/// Records a request without a right token; why it is refused.
fn note_unknown(app: &App, client: &Client, parts: &Parts) -> Refusal {
    let failures = &app.limits.authentication;
    let failure = match bearer(&parts.headers) {
        None => AuthFailure::Missing,
        Some(_) if failures.exceeded_by(client.address, None) => AuthFailure::Throttled,
        Some(_) => AuthFailure::UnknownAdminToken,
    };
    let refusal = Refusal::unauthenticated(failure, None);
    caller::note_failure(app, client, parts, None, refusal)
}

impl Sender for UserOrAdmin {
    async fn authenticate(app: &Arc<App>, parts: &Parts, scope: Scope) -> Result<Self, Refusal> {
        match granted(&app.config.now(), &parts.headers) {
            Some(_) => Admin::authenticate(app, parts, scope)
                .await
                .map(Self::Admin),
            None => Caller::authenticate(app, parts, scope)
                .await
                .map(Self::User),
        }
    }

    fn source(&self) -> &Arc<Source> {
        match self {
            Self::User(caller) => caller.source(),
            Self::Admin(admin) => admin.source(),
        }
    }

    fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::User(caller) => caller.user(),
            Self::Admin(_) => None,
        }
    }
}
