//! The sender of a request, and a user as one, by the same tokens as a socket.
//!
//! Each route names by [`only_for`] the kind of sender that may call it. There a request is
//! authenticated, its sender becomes an extension of it, and a refusal is recorded under their name.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use super::headers::REQUEST_ID;
use super::{answer, refuse};
use crate::access_log;
use crate::app::App;
use crate::audit::{Record, Source};
use crate::auth::Attempt;
use crate::connection::{self, Came, Client, CookieToken};
use crate::conversations::Actor;
use crate::limits::address;
use crate::metrics::authentications;
use crate::metrics::refusals::{self, Limit};
use crate::model::{Dialect, Identity, Refusal, Scope, UserId, Why};
use crate::transport::{Link, PeerLink};
use crate::users::User;

/// The authenticated sender of a request.
pub(super) trait Sender: Clone + Send + Sync + 'static {
    /// Authenticates a request, which an administrator's token has to open by this scope.
    ///
    /// # Errors
    /// It has no good token of this kind.
    fn authenticate(
        app: &Arc<App>,
        parts: &Parts,
        scope: Scope,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send;

    /// How records name the sender.
    fn source(&self) -> &Arc<Source>;

    /// The user, if it is one.
    fn user(&self) -> Option<&Arc<User>>;
}

/// A user who sends a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    user: Arc<User>,
    source: Arc<Source>,
}

/// The user whose request is answered, for the access log.
#[derive(Debug, Clone)]
pub(super) struct AnsweredUser(pub(super) UserId);

/// These methods of a route may be called by users only.
pub(super) fn only_users(app: &Arc<App>, routes: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    only_for::<Caller>(app, Scope::All, routes)
}

/// These methods of a route may be called by such senders only; by an administrator, with this scope.
pub(super) fn only_for<S: Sender>(
    app: &Arc<App>,
    scope: Scope,
    routes: MethodRouter<Arc<App>>,
) -> MethodRouter<Arc<App>> {
    routes.route_layer(from_fn_with_state((app.clone(), scope), authenticate::<S>))
}

/// Authenticates a request, and records it when it is refused later.
async fn authenticate<S: Sender>(
    State((app, scope)): State<(Arc<App>, Scope)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let sender = match S::authenticate(&app, &parts, scope).await {
        Ok(sender) => sender,
        Err(refusal) => return refusal.into_response(),
    };
    let source = sender.source().clone();
    let user = sender.user().cloned();
    let reads = parts.method.is_safe();
    parts.extensions.insert(sender);
    let request = Request::from_parts(parts, body);
    let asked = user.as_ref().map(|user| AnsweredUser(user.id.clone()));
    let mut response = match user.filter(|_| reads) {
        Some(user) => read(&user, next.run(request)).await,
        None => next.run(request).await,
    };
    if let Some(asked) = asked.filter(|_| access_log::is_on()) {
        response.extensions_mut().insert(asked);
    }
    if let Some(event) = refuse::refusal_record(&response) {
        app.audit.record(Record::new(&source, None, event));
    }
    response
}

/// Answers a request that reads for a user, one of so many at the same time: their requests must not keep others
/// from the store, nor their answers fill the memory.
async fn read(user: &Arc<User>, answering: impl Future<Output = Response>) -> Response {
    let permit = match user.reads().acquire_owned().await {
        Ok(permit) => permit,
        // It is never closed.
        Err(error) => return Refusal::failed(error).into_response(),
    };
    if user.account.is_over_share() {
        return Refusal::busy().into_response();
    }
    answer::hold(answering.await, user.account.clone(), Some(permit))
}

impl Caller {
    pub(super) fn id(&self) -> &UserId {
        &self.identity.user
    }

    /// The user, as one who acts in this dialect.
    pub(super) fn acts(&self, dialect: Option<Dialect>) -> Actor<'_> {
        Actor {
            identity: &self.identity,
            source: &self.source,
            dialect,
        }
    }

    /// Counts one message, or something that counts as one.
    pub(super) fn check_limit(&self) -> Result<(), Refusal> {
        unless_limited(self.user.limits().messages.allows())
    }

    /// Counts a participant that is added.
    pub(super) fn check_participant(&self) -> Result<(), Refusal> {
        unless_limited(self.user.limits().allows_participant())
    }

    /// Counts bytes that are to be stored.
    pub(super) fn check_stored(&self, bytes: usize) -> Result<(), Refusal> {
        unless_limited(self.user.limits().stored_bytes.allows_cost(bytes))
    }

    /// Waits until the user may pass over so many messages: each of them is read.
    pub(super) async fn pass_over(&self, messages: u64) {
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        self.user.limits().offsets.wait_for(messages).await;
    }

    /// Counts a conversation that is to be made with so many participants.
    pub(super) fn check_conversation(&self, participants: usize) -> Result<(), Refusal> {
        unless_limited(self.user.limits().allows_conversation(participants))
    }
}

fn unless_limited(is_allowed: bool) -> Result<(), Refusal> {
    match is_allowed {
        true => Ok(()),
        false => {
            refusals::limited(Limit::Message);
            Err(Refusal::rate_limited())
        }
    }
}

impl Sender for Caller {
    async fn authenticate(app: &Arc<App>, parts: &Parts, _: Scope) -> Result<Self, Refusal> {
        let client = client(parts, app)?;
        let cookie = parts.extensions.get::<CookieToken>();
        let cookie = || cookie.map(|cookie| &**cookie.token());
        let result = match bearer(&parts.headers).or_else(cookie) {
            Some(token) => app.auth.authenticate(client.address, token).await,
            None => Err(Refusal::new(Why::NoToken)),
        };
        let authenticated =
            result.map_err(|refusal| note_failure(app, &client, parts, None, refusal))?;
        authentications::accepted();
        let identity = authenticated.identity;
        Ok(Self {
            user: app.users.get_or_create(&identity.user),
            source: client.source(None, Some(&identity)),
            identity,
        })
    }

    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn user(&self) -> Option<&Arc<User>> {
        Some(&self.user)
    }
}

/// Takes senders from the extensions of their requests.
macro_rules! extractors {
    ($($sender:ty),+) => { $(
        impl<S: Sync> axum::extract::FromRequestParts<S> for $sender {
            type Rejection = $crate::model::Refusal;

            async fn from_request_parts(
                parts: &mut axum::http::request::Parts,
                _: &S,
            ) -> Result<Self, $crate::model::Refusal> {
                // A route that takes one authenticates it by `only_for`.
                let failed = || $crate::model::Refusal::new($crate::model::Why::Failed);
                parts.extensions.remove().ok_or_else(failed)
            }
        }
    )+ };
}

pub(super) use extractors;

extractors!(Caller);

pub(super) fn client(parts: &Parts, app: &App) -> Result<Client, Refusal> {
    // Every connection has one.
    let peer = parts.extensions.get::<ConnectInfo<PeerLink>>();
    let ConnectInfo(PeerLink(link)) = peer.ok_or_else(|| Refusal::new(Why::Failed))?;
    Ok(client_of(app, link, &parts.headers))
}

/// The client of a request with these headers that came by this link.
pub(super) fn client_of(app: &App, link: &Link, headers: &HeaderMap) -> Client {
    let proxies = &app.config.now().trusted_proxies;
    Client {
        address: address::client_address(link.peer().ip(), headers, proxies),
        user_agent: connection::user_agent(headers),
        declared: None,
        came: Came::default(),
        node: app.node.clone(),
    }
}

/// Records and logs a failed authentication, perhaps of the administrator with a token of this name; returns the refusal.
pub(super) fn note_failure(
    app: &App,
    client: &Client,
    parts: &Parts,
    admin: Option<&Arc<str>>,
    refusal: Refusal,
) -> Refusal {
    let request = parts.headers.get(&REQUEST_ID);
    let attempt = Attempt {
        client,
        connection: None,
        admin,
        request: request.and_then(|id| id.to_str().ok()),
    };
    app.auth.note_failure(&app.audit, attempt, &refusal);
    refusal
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}
