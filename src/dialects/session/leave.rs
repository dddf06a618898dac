//! Leaving: `leave-session`, the end of a connection, of a node and of a session.

use std::sync::Arc;

use uuid::Uuid;

use super::keys::PublicKeys;
use super::moves::{USER_LEFT, moved};
use super::words::SessionError;
use super::{SESSION_ERROR, SESSION_ID, USER_ID, member_of, signals};
use crate::app::App;
use crate::audit::Event as Audited;
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To, of_sessions};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::limits::address::block_of;
use crate::model::session::{Departed, Departure, Returning, SessionId, Unavailable};
use crate::model::{Dialect, ErrorCode, NodeId, Refusal, UserId, Why};
use crate::payload::Payload;
use crate::sessions::Session;
use crate::users;

/// `leave-session`
pub(super) async fn leave_session(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let fields = Fields::new(payload, request.config);
    let session = match member_of(request, &fields, Some(USER_ID)).await {
        // The answer was lost: the others know.
        Err(refusal) if has_left(request, payload, &refusal).await => return Ok(()),
        found => found?,
    };
    if let Some(member) = session.member_on(connection) {
        let who = returning(connection, request.member);
        let left = app
            .sessions
            .note_left(session.id(), who.as_member(&member.user));
        left.await;
    }
    connection.send_deferred_of(of_sessions);
    let lagging = depart(app, connection, session, Departure::Left).await;
    lagging.wait_at_rate(request.config.room_min_rate).await;
    Ok(())
}

/// Whether leaving is refused only because it is done: on this connection, or on an earlier one of the same user or, of
/// guests, address.
async fn has_left(request: &Request<'_>, payload: &Payload<'_>, refusal: &Refusal) -> bool {
    let (session, user) = (payload.id(SESSION_ID), payload.id(USER_ID));
    let session = session.as_deref().and_then(SessionId::parse);
    let (Why::NotMember, Some((id, _)), Some(user)) = (
        refusal.why(),
        session,
        user.as_deref().and_then(UserId::parse),
    ) else {
        return false;
    };
    let (sessions, connection) = (&request.app.sessions, request.connection);
    if sessions.has_left(&id, &user, connection) {
        return true;
    }
    // Nobody who is another member leaves for this one.
    let who = returning(connection, request.member).as_member(&user);
    !sessions.is_member(&id, connection.id.uuid()) && sessions.left_lately(&id, who).await
}

/// A connection has ended: its member is none of the sessions any more that it joined, unless it is on another
/// connection, too.
pub(crate) async fn disconnected(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    member: Option<&users::Member>,
) {
    let who = returning(connection, member);
    for id in app.sessions.joined_by(connection) {
        app.sessions.note_left(&id, who).await;
        if let Some(session) = app.sessions.lock_joined(&id, connection).await {
            // There is no sender left to slow down.
            let _ = depart(app, connection, session, Departure::Disconnected).await;
        }
    }
    app.sessions.forget(connection);
}

/// As whom a client is known when it comes back.
pub(super) fn returning<'a>(
    connection: &Connection,
    member: Option<&'a users::Member>,
) -> Returning<'a> {
    Returning {
        member: None,
        user: member.map(|member| &member.user.id),
        address: block_of(connection.client.address),
        connected_for: connection.age(),
    }
}

async fn depart(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    mut session: Session<'_>,
    departure: Departure,
) -> Lagging {
    let ended = session.member_on(connection).cloned();
    let Some(departed) = session.depart(connection, departure).await else {
        return Lagging::default();
    };
    if let Some(ended) = ended {
        signals::end_typing(&mut session, &ended).await;
    }
    let room_name = session.id().shared().into();
    let left = Audited::SessionLeft { room_name };
    connection.record(&app.audit, Some(Dialect::Session), left);
    publish_departure(app, &mut session, &departed).await
}

/// Publishes to the others that a member is gone, if it is.
async fn publish_departure(
    app: &Arc<App>,
    session: &mut Session<'_>,
    departed: &Departed,
) -> Lagging {
    if !departed.is_gone {
        return Lagging::default();
    }
    let now = app.sessions.now_ms();
    let moves = (&departed.member, departed.revision);
    let left = moved(session, To::Everyone, USER_LEFT, moves, now).await;
    let keys = PublicKeys::of(&departed.members, departed.revision);
    left.and(keys.publish(app, session).await.unwrap_or_default())
}

/// A member's connection to a node has ended, and the node did not publish that itself: the member is
/// removed, unless it is on another connection, too.
///
/// # Errors
/// The store is away.
pub(crate) async fn lost(
    app: &Arc<App>,
    node: NodeId,
    id: &SessionId,
    user: &UserId,
    connection: Uuid,
) -> Result<(), Unavailable> {
    let mut session = app.sessions.lock(id).await;
    let departed = session
        .remove_stored(Some(node), user, connection, Departure::Disconnected)
        .await?;
    if let Some(departed) = departed {
        if !departed.is_gone {
            let name = &departed.member.display_name;
            signals::end_typing_on(&mut session, user.clone(), connection, name).await;
        }
        // There is no sender to slow down.
        let _ = publish_departure(app, &mut session, &departed).await;
    }
    Ok(())
}

/// Ends sessions that were not used for too long, and sends their members an error.
pub(crate) async fn end_expired(app: &App) {
    let expired = SessionError {
        error: ErrorCode::SessionExpired,
        message: "Session expired. Please create a new one.",
        field: None,
    };
    for connection in app.sessions.end_expired().await {
        connection.send_deferred_of(of_sessions);
        connection.send(SESSION_ERROR, &expired);
    }
}
