//! Who may enter: whoever has the name and the token of an administrator who may do `connections`, or the session that they
//! were told then. What fails is counted, recorded and throttled as any failed authentication.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;
use uuid::Uuid;

use super::admin::Admin;
use super::{AdminUi, MAX_ADMINS};
use crate::auth::{Administrator, Attempt};
use crate::cluster::AdminSession;
use crate::config::{Config, TokenHash};
use crate::connection::Handshake;
use crate::metrics::connections::HandshakeOutcome;
use crate::metrics::{authentications, refusals};
use crate::model::{AuthFailure, ErrorCode, Refusal, Scope, clock};

/// The text of `connect_error` where the namespace is not served, in the library's words.
const NOT_HERE: &str = "Invalid namespace";
const INVALID: &str = "invalid credentials";
const TOO_OFTEN: &str = "Too many attempts";
const TOO_MANY: &str = "Too many connections";
const BUSY: &str = "Server is busy";
const OVER: &str = "Session is over";

/// How long a session lasts, in seconds.
const SESSION: u64 = 24 * 3600;

/// What an administrator enters with.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Credentials {
    username: Option<String>,
    password: Option<String>,
    session_id: Option<String>,
}

/// Why somebody may not enter.
struct Failed {
    why: AuthFailure,
    /// The name of the administrator whose token it is.
    name: Option<Arc<str>>,
}

impl From<AuthFailure> for Failed {
    fn from(why: AuthFailure) -> Self {
        Self { why, name: None }
    }
}

impl AdminUi {
    /// Admits an administrator.
    pub(super) async fn admit(
        &self,
        socket: &SocketRef,
        credentials: Credentials,
    ) -> Result<Arc<Admin>, &'static str> {
        let handshake = socket.req_parts().extensions.get::<Handshake>();
        let handshake = handshake
            .filter(|handshake| is_served(&self.app.config.now(), handshake))
            .ok_or(NOT_HERE)?;
        let admitted = self.try_admit(socket, handshake, credentials).await;
        if admitted.is_err() {
            handshake.ended(HandshakeOutcome::Refused);
        }
        admitted
    }

    async fn try_admit(
        &self,
        socket: &SocketRef,
        handshake: &Handshake,
        credentials: Credentials,
    ) -> Result<Arc<Admin>, &'static str> {
        if self.app.audit.refuses() {
            refusals::of_socket(ErrorCode::ServerBusy);
            return Err(BUSY);
        }
        let identified = self.identify(credentials).await;
        let (who, session) = identified.map_err(|failed| self.note_failure(handshake, failed))?;
        authentications::accepted();
        let too_many = || {
            refusals::of_socket(ErrorCode::TooManyConnections);
            TOO_MANY
        };
        let (nodes, _) = self.app.backend.stats().await;
        let elsewhere: u64 = nodes.iter().map(|node| node.admins).sum();
        if elsewhere >= MAX_ADMINS as u64 {
            return Err(too_many());
        }
        let client = handshake.client(&self.app.node);
        let source = client.admin_source(&who.name);
        let carrier = handshake.admit_admin().ok_or(OVER)?;
        let carried = (carrier, handshake.is_internal);
        let admin = Arc::new(Admin::new(who, session, source, socket.clone(), carried));
        match self.add(&admin) {
            true => Ok(admin),
            false => {
                admin.leave();
                Err(too_many())
            }
        }
    }

    /// Who it is, and the session by which they may come back.
    async fn identify(&self, given: Credentials) -> Result<(Administrator, String), Failed> {
        let Credentials {
            username,
            password,
            session_id,
        } = given;
        let has_session = session_id.is_some();
        if let Some(session) = session_id
            && let Some(who) = self.of_session(&session).await
        {
            return Ok((who, session));
        }
        let (Some(username), Some(password)) = (username, password) else {
            return Err(match has_session {
                true => AuthFailure::UnknownAdminToken.into(),
                false => AuthFailure::Missing.into(),
            });
        };
        let who = Administrator::with_token(&self.app.config.now(), &password);
        let who = who
            .filter(|who| *who.name == *username)
            .ok_or(AuthFailure::UnknownAdminToken)?;
        if !who.scopes.allow(Scope::Connections) {
            return Err(Failed {
                why: AuthFailure::ScopeMissing,
                name: Some(who.name),
            });
        }
        let session = Uuid::new_v4().simple().to_string();
        let kept = AdminSession {
            name: who.name.to_string(),
            token: fingerprint(&who.hash),
            expires: clock::now_seconds() + SESSION,
        };
        self.app.backend.admins().keep(hash(&session), kept);
        Ok((who, session))
    }

    /// Whose session it is, as long as their token is what it was.
    async fn of_session(&self, session: &str) -> Option<Administrator> {
        // What was never told is not looked for.
        Uuid::try_parse(session).ok()?;
        let asking = self.asking.acquire().await.ok()?;
        let found = self.app.backend.admin_session(hash(session)).await;
        drop(asking);
        let found = found.filter(|found| found.expires > clock::now_seconds())?;
        let who = Administrator::named(&self.app.config.now(), &found.name)?;
        let is_same = fingerprint(&who.hash) == found.token;
        (is_same && who.scopes.allow(Scope::Connections)).then_some(who)
    }

    /// Counts and records a failure; the text that the client is told.
    fn note_failure(&self, handshake: &Handshake, failed: Failed) -> &'static str {
        let app = &self.app;
        let client = handshake.client(&app.node);
        let is_counted = failed.why != AuthFailure::Missing;
        let failures = &app.limits.authentication;
        let is_throttled = is_counted && failures.exceeded_by(client.address, None);
        let refusal = match failed.why {
            _ if is_throttled => Refusal::unauthenticated(AuthFailure::Throttled, None),
            AuthFailure::ScopeMissing => Refusal::scope_missing(Scope::Connections),
            why => Refusal::unauthenticated(why, None),
        };
        refusals::of_socket(refusal.code);
        let attempt = Attempt {
            client: &client,
            connection: None,
            admin: failed.name.as_ref(),
            request: None,
        };
        app.auth.note_failure(&app.audit, attempt, &refusal);
        match is_throttled {
            true => TOO_OFTEN,
            false => INVALID,
        }
    }

    /// The library has let the administrator of this socket in.
    pub(super) fn begin(self: &Arc<Self>, socket: Sid) {
        let admin = self.all().into_iter().find(|one| one.is_on(socket));
        // Who has left meanwhile is none any more.
        if let Some(admin) = admin {
            admin.welcome();
            self.show();
        }
    }
}

/// Whether the namespace is served where this came to.
fn is_served(config: &Config, handshake: &Handshake) -> bool {
    let is_public = config.internal_listen.is_none() || config.admin_public;
    config.admin_ui && (handshake.is_internal || is_public)
}

/// Whether an administrator may still do what they could when they came.
pub(super) fn is_still(config: &Config, who: &Administrator) -> bool {
    let now = Administrator::named(config, &who.name);
    let now = now.filter(|now| now.hash == who.hash);
    config.admin_ui && now.is_some_and(|now| now.scopes.allow(Scope::Connections))
}

fn hash(session: &str) -> TokenHash {
    sha256(&[session.as_bytes()])
}

/// What tells a token from others, without its hash, by which nobody gets in, but which nobody needs either.
fn fingerprint(token: &TokenHash) -> TokenHash {
    sha256(&[b"admin session", token])
}

fn sha256(parts: &[&[u8]]) -> TokenHash {
    let digest = digest(&SHA256, &parts.concat());
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest.as_ref());
    hash
}
