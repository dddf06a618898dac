//! The events that clients of every dialect share: authentication, its result and its expiry, and
//! the answer to events that no dialect has (protocol, part 1).

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Request, chat};
use crate::app::App;
use crate::audit::Event as Audited;
use crate::auth::admission::AuthPayload;
use crate::auth::{Attempt, Authenticated};
use crate::connection::{Close, Connection, Handler, Life, Membership, Outcome};
use crate::metrics::authentications;
use crate::metrics::refusals::{self, Limit};
use crate::model::{
    AuthFailure, ClientUserId, Dialect, DisconnectReason, ErrorCode, Refusal, Why, clock,
};
use crate::users::{Member, Registration};

/// From the client: a token, bare or as `{token}`.
pub(crate) const AUTHENTICATE: &str = "authenticate";
const AUTHENTICATED: &str = "authenticated";
const AUTH_SUCCESS: &str = "auth:success";
const AUTH_ERROR: &str = "auth:error";
const AUTH_EXPIRING: &str = "auth:expiring";
const ERROR: &str = "error";

/// The longest event name that is repeated in an error, in bytes.
const MAX_ECHOED_NAME_BYTES: usize = 128;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthSuccess<'a> {
    user_id: ClientUserId<'a>,
    socket_id: String,
    message: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct AuthFailed {
    message: &'static str,
    code: ErrorCode,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthExpiring {
    /// ISO 8601.
    expires_at: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct AuthenticatedReply {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

impl AuthenticatedReply {
    const SUCCESS: Self = Self {
        success: true,
        error: None,
    };
}

/// The `error` event of an event that no dialect handled.
#[derive(Serialize, JsonSchema)]
pub(super) struct NotHandled<'a> {
    message: &'static str,
    code: ErrorCode,
    context: NotHandledContext<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct NotHandledContext<'a> {
    event: &'a str,
}

/// Registers a connection as one of its user, until the token expires, and subscribes it to what it receives events
/// of. Nothing that happens from then on is missed: what is sent to it waits until its client is told that it is
/// connected.
///
/// # Errors
/// It is not registered.
pub(crate) async fn register<H>(
    app: &App,
    authenticated: Authenticated,
    connection: &Arc<Connection>,
) -> Result<Membership<H>, Refusal>
where
    H: Handler<Member = Arc<Member>, Registration = Registration>,
{
    let registered = app
        .presence
        .register(authenticated.identity, connection)
        .await?;
    let (member, registration) = registered;
    if connection.dialect() == Dialect::Chat {
        Box::pin(chat::enter(app, &member)).await;
    }
    Ok(Membership {
        member,
        registration,
        token: authenticated.token,
    })
}

/// Sends a member's connection `auth:success`. What was sent to it until then follows.
pub(crate) fn welcome(member: &Member) {
    let connection = &member.connection;
    let socket_id = connection.socket_id().to_string();
    let success = AuthSuccess {
        user_id: member.user.id.as_client(),
        socket_id,
        message: "Authentication successful",
    };
    connection.open_with(AUTH_SUCCESS, &success);
}

/// Publishes that the connection's user is online, and sends the connection who else is.
pub(crate) async fn announce(app: &App, member: &Member) {
    app.presence.connected(&member.user).await;
    app.presence.sync(member).await;
}

/// How a client reads why it is not admitted, or not authenticated.
pub(crate) fn text(refusal: &Refusal) -> &'static str {
    match refusal.why() {
        Why::NoToken => "Authentication token required",
        Why::BadToken => "Invalid token",
        Why::TokenExpired => "Token expired",
        Why::Suspended => "User not authorized",
        Why::TooManyAttempts => "Too many attempts",
        Why::UnknownDialect => "Unknown dialect",
        Why::TooManyConnections => "Too many connections",
        _ => "Server is busy",
    }
}

/// Sends a connection why it is not, or no longer, authenticated.
pub(crate) fn send_error(connection: &Connection, refusal: &Refusal) {
    connection.send(
        AUTH_ERROR,
        &AuthFailed {
            message: text(refusal),
            code: refusal.code,
        },
    );
}

/// Sends a connection that its token expires soon, at this time in seconds since the epoch.
pub(crate) fn send_expiring(connection: &Connection, expires_at: u64) {
    let at = jiff::Timestamp::from_second(expires_at as i64).unwrap_or(jiff::Timestamp::MAX);
    connection.send(
        AUTH_EXPIRING,
        &AuthExpiring {
            expires_at: clock::iso(at),
        },
    );
}

/// A guest sent something that needs a token.
pub(crate) fn refuse_guest(request: &mut Request<'_>) {
    let refusal = Refusal::new(Why::NoToken);
    send_error(request.connection, &refusal);
    record_refused(request, refusal.code);
    request.fail(text(&refusal), refusal.code);
}

/// No dialect of this connection has this event. Sent at most once a second.
pub(crate) fn unknown(request: &mut Request<'_>, name: &str) {
    const MESSAGE: &str = "Unknown event";
    not_handled(request, name, MESSAGE, ErrorCode::UnknownEvent);
    record_refused(request, ErrorCode::UnknownEvent);
    request.fail(MESSAGE, ErrorCode::UnknownEvent);
}

/// An event that is not handled because it could not be recorded (setting `audit_spool_full`). That
/// is not recorded either.
pub(crate) fn refuse_unrecorded(request: &mut Request<'_>) {
    let refusal = Refusal::busy();
    let name = request.event.name();
    refusals::of_socket(refusal.code);
    not_handled(request, name, text(&refusal), refusal.code);
    request.fail(text(&refusal), refusal.code);
}

fn not_handled(request: &Request<'_>, name: &str, message: &'static str, code: ErrorCode) {
    if request.connection.may_send_error() {
        let event = &name[..name.floor_char_boundary(MAX_ECHOED_NAME_BYTES)];
        let context = NotHandledContext { event };
        let error = NotHandled {
            message,
            code,
            context,
        };
        request.connection.send(ERROR, &error);
    }
}

fn record_refused(request: &Request<'_>, code: ErrorCode) {
    refusals::of_socket(code);
    request.connection.note_refusal();
    let refused = Audited::Refused {
        code,
        recipient: None,
        message_id: None,
        conversation_id: None,
    };
    let audit = &request.app.audit;
    request.connection.record(audit, None, refused);
}

/// A token, or a fresh one for the same user.
pub(crate) async fn authenticate<H>(request: &mut Request<'_>, life: &Life<H>) -> Outcome
where
    H: Handler<Member = Arc<Member>, Registration = Registration>,
{
    match check(request).await {
        Ok(authenticated) => match request.member {
            Some(member) => {
                life.renew_token(authenticated.token);
                if *member.identity() != authenticated.identity {
                    request.app.presence.rename(&authenticated.identity).await;
                }
                request.confirm(AUTHENTICATED, &AuthenticatedReply::SUCCESS);
            }
            None => enter(request, life, authenticated).await,
        },
        // One text for every reason; the code names the reason.
        Err(refusal) => refuse(request, &refusal, text(&Refusal::new(Why::BadToken))),
    }
    request.outcome()
}

async fn check(request: &Request<'_>) -> Result<Authenticated, Refusal> {
    let malformed = || Refusal::unauthenticated(AuthFailure::Malformed, None);
    let token = token(request).ok_or_else(malformed)?;
    let address = request.connection.client.address;
    let authenticated = request.app.auth.authenticate(address, &token).await;
    let authenticated = authenticated.map_err(|refusal| of_other_user(request, refusal))?;
    match request.member {
        Some(member) if member.user.id != authenticated.identity.user => {
            let other = Some(authenticated.identity);
            Err(Refusal::unauthenticated(AuthFailure::OtherUser, other))
        }
        _ => {
            authentications::accepted();
            Ok(authenticated)
        }
    }
}

/// That a token is of somebody else comes before whether it was taken back, or its user is suspended.
fn of_other_user(request: &Request<'_>, refusal: Refusal) -> Refusal {
    let comes_later = matches!(
        refusal.auth_failure(),
        Some(AuthFailure::Revoked | AuthFailure::Suspended)
    );
    let other = refusal.refused_identity().filter(|_| comes_later);
    let is_other = |member: &Member| other.is_some_and(|other| other.user != member.user.id);
    match request.member.is_some_and(is_other) {
        true => Refusal::unauthenticated(AuthFailure::OtherUser, other.cloned()),
        false => refusal,
    }
}

/// The token in the first argument, bare or in an object as for a handshake.
fn token<'a>(request: &Request<'a>) -> Option<Cow<'a, str>> {
    let argument = request.event.argument().ok()??.get();
    match argument.starts_with('{') {
        true => {
            let fields: AuthPayload = serde_json::from_str(argument).ok()?;
            fields.token().ok()?.map(|token| token.to_owned().into())
        }
        false => serde_json::from_str(argument).ok(),
    }
}

/// A guest becomes a member.
async fn enter<H>(request: &mut Request<'_>, life: &Life<H>, authenticated: Authenticated)
where
    H: Handler<Member = Arc<Member>, Registration = Registration>,
{
    let (app, connection) = (request.app, request.connection);
    // What others send to the user waits until `auth:success` is sent.
    let holding = connection.hold();
    let membership = match register::<H>(app, authenticated, connection).await {
        Ok(membership) => membership,
        Err(refusal) => {
            drop(holding);
            return refuse(request, &refusal, text(&refusal));
        }
    };
    let member = membership.member.clone();
    if !life.enter(membership) {
        return;
    }
    // Only clients of this dialect come without a token and bring it later.
    if request.accepts(Dialect::Feed) {
        connection.imply_dialect(Dialect::Feed);
    }
    welcome(&member);
    request.confirm(AUTHENTICATED, &AuthenticatedReply::SUCCESS);
    announce(app, &member).await;
    life.follow(&member).await;
    // What was sent before may succeed now.
    request.note_joined();
}

/// Counts that a client is not let in.
pub(crate) fn count_refused(refusal: &Refusal) {
    refusals::of_socket(refusal.code);
    if refusal.why() == Why::TooManyConnections {
        refusals::limited(Limit::ConnectionsPerUser);
    }
}

/// Counts, records and logs that a connection was not authenticated.
pub(crate) fn note_failure(app: &App, connection: &Connection, refusal: &Refusal) {
    count_refused(refusal);
    let attempt = Attempt {
        admin: None,
        client: &connection.client,
        connection: Some(connection.id),
        request: None,
    };
    app.auth.note_failure(&app.audit, attempt, refusal);
}

fn refuse(request: &mut Request<'_>, refusal: &Refusal, error: &'static str) {
    note_failure(request.app, request.connection, refusal);
    let reply = AuthenticatedReply {
        success: false,
        error: Some(error),
    };
    request.confirm(AUTHENTICATED, &reply);
    let connection = request.connection;
    connection.close(Close::AfterFlush, DisconnectReason::AuthRefused);
}
