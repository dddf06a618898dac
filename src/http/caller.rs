//! Who sends a request: a user, by the same tokens as a socket, or an administrator.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::SemaphorePermit;

use super::refuse::{Problem, Sender};
use crate::app::App;
use crate::audit::{Event as Audited, Record, Source};
use crate::auth::AuthError;
use crate::connection::{Client, edge};
use crate::conversations::{Actor, Initiator};
use crate::limits::address;
use crate::model::{Dialect, ErrorCode, Identity, UserId};
use crate::transport::PeerLink;
use crate::users::User;

/// A user who sends a request.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    user: Arc<User>,
    source: Arc<Source>,
}

/// An administrator who sends a request, with the token of the settings.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) source: Arc<Source>,
}

/// Either of them.
#[derive(Debug)]
pub(super) enum Anyone {
    User(Caller),
    Admin(Admin),
}

impl Caller {
    pub(super) fn id(&self) -> &UserId {
        &self.identity.user
    }

    /// The user, as one who does something in this dialect.
    pub(super) fn acts(&self, dialect: Option<Dialect>) -> Actor<'_> {
        Actor {
            identity: &self.identity,
            source: &self.source,
            dialect,
        }
    }

    /// Waits for a turn at reading, so that one user's requests do not keep others from it.
    pub(super) async fn turn_to_read(&self) -> Result<SemaphorePermit<'_>, Problem> {
        // It is never closed.
        self.user
            .reads
            .acquire()
            .await
            .map_err(|_| Problem::failed())
    }

    /// Counts one message, or something that counts as one.
    pub(super) fn unless_limited(&self) -> Result<(), Problem> {
        match self.user.limits.messages.allows() {
            true => Ok(()),
            false => Err(Problem::rate_limited()),
        }
    }
}

impl Anyone {
    /// As one who manages participants.
    pub(super) fn manages(&self) -> Initiator<'_> {
        match self {
            Self::User(caller) => Initiator::Participant(caller.acts(None)),
            Self::Admin(admin) => Initiator::Admin(&admin.source),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let client = client(parts, app)?;
        let result = match bearer(&parts.headers) {
            Some(token) => app.auth.authenticate(client.address, token).await,
            None => Err(AuthError::Missing),
        };
        let authenticated = result.map_err(|error| refuse(app, &client, error))?;
        let identity = authenticated.identity;
        let source = client.source(None, Some(&identity));
        Sender::is(&parts.extensions, &source);
        Ok(Self {
            user: app.users.get_or_create(&identity.user),
            source,
            identity,
        })
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if app.config.admin_token.is_none() {
            return Err(Problem::unknown_route());
        }
        let client = client(parts, app)?;
        let failures = &app.limits.authentication;
        let error = match bearer(&parts.headers) {
            None => AuthError::Missing,
            Some(_) if !failures.allows(client.address) => AuthError::TooManyAttempts,
            Some(_) if is_admin(app, &parts.headers) => {
                let source = client.source(None, None);
                Sender::is(&parts.extensions, &source);
                return Ok(Self { source });
            }
            Some(_) => {
                failures.count(client.address);
                AuthError::Invalid
            }
        };
        Err(refuse(app, &client, error))
    }
}

impl FromRequestParts<Arc<App>> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match is_admin(app, &parts.headers) {
            true => Admin::from_request_parts(parts, app).await.map(Self::Admin),
            false => Caller::from_request_parts(parts, app).await.map(Self::User),
        }
    }
}

fn client(parts: &Parts, app: &App) -> Result<Client, Problem> {
    // Every connection has one.
    let peer = parts.extensions.get::<ConnectInfo<PeerLink>>();
    let ConnectInfo(PeerLink(link)) = peer.ok_or_else(Problem::failed)?;
    let proxies = &app.config.trusted_proxies;
    Ok(Client {
        address: address::client_address(link.peer().ip(), &parts.headers, proxies),
        user_agent: edge::user_agent(&parts.headers),
        declared: None,
        node: app.node.clone(),
    })
}

fn refuse(app: &App, client: &Client, error: AuthError) -> Problem {
    let event = Audited::AuthFailed { code: error.code() };
    let source = client.source(None, None);
    app.audit.record(Record::new(&source, None, event));
    match error {
        AuthError::Missing => {
            let code = ErrorCode::MissingToken;
            Problem::new(StatusCode::UNAUTHORIZED, "Access token required", code)
        }
        AuthError::Invalid | AuthError::Expired => {
            let error_text = "Invalid or expired token";
            Problem::new(StatusCode::FORBIDDEN, error_text, error.code())
        }
        AuthError::NotAuthorized => {
            Problem::new(StatusCode::FORBIDDEN, "User not authorized", error.code())
        }
        AuthError::TooManyAttempts => Problem::too_many_attempts(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}

/// Whether a request has the token of the settings.
pub(super) fn is_admin(app: &App, headers: &HeaderMap) -> bool {
    let wanted = app.config.admin_token.as_ref();
    bearer(headers).zip(wanted).is_some_and(|(given, wanted)| {
        verify_slices_are_equal(given.as_bytes(), wanted.expose().as_bytes()).is_ok()
    })
}
