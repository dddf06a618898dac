//! What every client shares, whatever its dialect: being authenticated, told so and told when that
//! ends, and the answer to events that nobody knows (protocol, part 1).

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Request, chat};
use crate::app::App;
use crate::audit::Event as Audited;
use crate::auth::{AuthError, Authenticated};
use crate::connection::{Close, Connection, Phase};
use crate::model::{Dialect, DisconnectReason, ErrorCode, clock};
use crate::users::NotAdded;

/// Client: here is a token, bare or as `{token}`.
pub const AUTHENTICATE: &str = "authenticate";
const AUTHENTICATED: &str = "authenticated";
const AUTH_SUCCESS: &str = "auth:success";
const AUTH_ERROR: &str = "auth:error";
const AUTH_EXPIRING: &str = "auth:expiring";
const ERROR: &str = "error";

/// The longest event name that is repeated in an error, in bytes.
const MAX_NAME_SHOWN: usize = 128;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthSuccess<'a> {
    user_id: &'a str,
    socket_id: String,
    message: &'static str,
}

#[derive(Serialize)]
struct AuthFailed {
    message: String,
    code: ErrorCode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthExpiring {
    /// ISO 8601.
    expires_at: String,
}

#[derive(Serialize)]
struct AuthenticatedReply {
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
#[derive(Serialize)]
struct NotHandled<'a> {
    message: &'static str,
    code: ErrorCode,
    context: NotHandledContext<'a>,
}

#[derive(Serialize)]
struct NotHandledContext<'a> {
    event: &'a str,
}

/// The connection speaks for a user from now on: tells it, and those whom it concerns. The caller
/// holds the connection's phase.
pub fn enter(
    app: &App,
    connection: &Arc<Connection>,
    authenticated: Authenticated,
) -> Result<(), ErrorCode> {
    let Authenticated {
        identity,
        expires_at,
    } = authenticated;
    let user = app.users.connect(&identity, connection);
    connection.arrived();
    let user = user.map_err(|error| match error {
        NotAdded::TooMany => ErrorCode::TooManyConnections,
        NotAdded::Suspended => ErrorCode::NotAuthorized,
    })?;
    connection.extend_until(expires_at);
    connection.authenticate(user, identity);
    app.record(
        connection,
        Some(connection.dialect()),
        Audited::SocketConnect,
    );
    Ok(())
}

/// Tells a connection that it is authenticated.
fn welcome(connection: &Connection) {
    if let Some(member) = connection.member() {
        let socket_id = connection.socket_id().to_string();
        let user_id = member.user.id.as_str();
        connection.send(
            AUTH_SUCCESS,
            &AuthSuccess {
                user_id,
                socket_id,
                message: "Authentication successful",
            },
        );
    }
}

/// Takes a connection that is authenticated now into what it gets events of, and tells it.
pub async fn welcome_member(app: &App, connection: &Arc<Connection>) {
    if connection.member().is_some() && connection.dialect() == Dialect::Chat {
        chat::enter(app, connection).await;
    }
    welcome(connection);
}

/// Tells others that the connection's user is here, and the connection who else is. To be called
/// without the connection's phase.
pub async fn arrive(app: &App, connection: &Arc<Connection>) {
    if let Some(member) = connection.member() {
        app.presence.connected(&member.user).await;
        app.presence.sync(connection, &member.user).await;
    }
}

/// Tells a connection why it is not, or no longer, let in, and sends it away.
pub fn reject(connection: &Connection, error: AuthError, why: DisconnectReason) {
    tell_error(connection, error);
    connection.close(Close::AfterFlush, why);
}

fn tell_error(connection: &Connection, error: AuthError) {
    connection.send(
        AUTH_ERROR,
        &AuthFailed {
            message: error.to_string(),
            code: error.code(),
        },
    );
}

/// Tells a connection that its token will expire soon.
pub fn announce_expiry(connection: &Connection) {
    let at = jiff::Timestamp::from_second(connection.expires_at() as i64)
        .unwrap_or(jiff::Timestamp::MAX);
    connection.send(
        AUTH_EXPIRING,
        &AuthExpiring {
            expires_at: clock::iso(at),
        },
    );
}

/// Whether this event is more than a stranger may send. It is sent away then.
pub fn sends_too_much(request: &Request<'_>) -> bool {
    let connection = request.connection;
    let too_much = connection.is_guest()
        && connection.count_guest(request.event.size()) > request.app.config.guest_max_bytes;
    if too_much {
        reject(
            connection,
            AuthError::Missing,
            DisconnectReason::GuestTimeout,
        );
    }
    too_much
}

/// A guest sent something that needs a token.
pub fn refuse_guest(mut request: Request<'_>) {
    tell_error(request.connection, AuthError::Missing);
    record_refused(&request, ErrorCode::MissingToken);
    request.fail("Authentication token required", ErrorCode::MissingToken);
}

/// Nobody knows this event, at least not on this connection. Said at most once a second.
pub fn unknown(request: &mut Request<'_>, name: &str) {
    const MESSAGE: &str = "Unknown event";
    not_handled(request, name, MESSAGE, ErrorCode::UnknownEvent);
    record_refused(request, ErrorCode::UnknownEvent);
    request.fail(MESSAGE, ErrorCode::UnknownEvent);
}

/// An event that is not handled because it could not be recorded (setting `audit_spool_full`). That
/// is not recorded either.
pub fn refuse_unrecorded(mut request: Request<'_>) {
    const MESSAGE: &str = "Server is busy";
    let name = request.event.name().unwrap_or_default();
    not_handled(&request, name, MESSAGE, ErrorCode::ServerBusy);
    request.fail(MESSAGE, ErrorCode::ServerBusy);
}

fn not_handled(request: &Request<'_>, name: &str, message: &'static str, code: ErrorCode) {
    if request.connection.may_send_error() {
        let event = &name[..name.floor_char_boundary(MAX_NAME_SHOWN)];
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
    let refused = Audited::Refused {
        code,
        recipient: None,
        message_id: None,
        conversation_id: None,
    };
    request.app.record(request.connection, None, refused);
}

/// A token, or a fresh one for the same user.
pub async fn authenticate(request: Request<'_>) {
    match check(&request).await {
        Ok(authenticated) => accept(request, authenticated).await,
        Err(code) => refuse(request, code, "Invalid token"),
    }
}

async fn check(request: &Request<'_>) -> Result<Authenticated, ErrorCode> {
    let token = token(request).ok_or(ErrorCode::InvalidToken)?;
    let address = request.connection.client.address;
    let authenticated = request.app.auth.authenticate(address, &token).await;
    let authenticated = authenticated.map_err(AuthError::code)?;
    match request.connection.member() {
        Some(member) if member.user.id != authenticated.identity.user => {
            Err(ErrorCode::InvalidToken)
        }
        _ => Ok(authenticated),
    }
}

/// The token in the first argument, bare or in an object.
fn token<'a>(request: &Request<'a>) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Argument<'a> {
        Bare(#[serde(borrow)] Cow<'a, str>),
        Object {
            #[serde(borrow)]
            token: Cow<'a, str>,
        },
    }
    let argument = request.event.argument().ok()??;
    match serde_json::from_str(argument.get()).ok()? {
        Argument::Bare(token) | Argument::Object { token } => Some(token),
    }
}

async fn accept(mut request: Request<'_>, authenticated: Authenticated) {
    let connection = request.connection;
    if connection.member().is_some() {
        connection.extend_until(authenticated.expires_at);
        return request.confirm(AUTHENTICATED, &AuthenticatedReply::SUCCESS);
    }
    let heard = request.app.hear(&authenticated.identity.user).await;
    let entered = match &*connection.phase() {
        Phase::Open => {
            connection.hear(heard);
            enter(request.app, connection, authenticated)
        }
        _ => return,
    };
    match entered {
        Ok(()) => {
            // Only clients of this dialect come without a token and bring it later.
            if request.accepts(Dialect::Feed) {
                connection.imply_dialect(Dialect::Feed);
            }
            welcome_member(request.app, connection).await;
            request.confirm(AUTHENTICATED, &AuthenticatedReply::SUCCESS);
            arrive(request.app, connection).await;
        }
        Err(ErrorCode::NotAuthorized) => {
            refuse(request, ErrorCode::NotAuthorized, "User not authorized");
        }
        Err(code) => refuse(request, code, "Too many connections"),
    }
}

fn refuse(mut request: Request<'_>, code: ErrorCode, error: &'static str) {
    request
        .app
        .record(request.connection, None, Audited::AuthFailed { code });
    let reply = AuthenticatedReply {
        success: false,
        error: Some(error),
    };
    request.confirm(AUTHENTICATED, &reply);
    let connection = request.connection;
    connection.close(Close::AfterFlush, DisconnectReason::AuthRefused);
}
