//! Joining and leaving: `join-session`, `leave-session`, the end of a connection and of a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::keys::{self, PublicKeys};
use super::messages::History;
use super::words::SessionError;
use super::{SESSION_ERROR, SESSION_ID, member_of, signals};
use crate::app::App;
use crate::audit::Event as Audited;
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To, of_sessions};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::limits::address::block_of;
use crate::model::session::{
    ALL_MEMBERS, AuthKey, Departed, Departure, Join, JoinError, Maker, Member, Message, Returning,
    SessionId, Unavailable,
};
use crate::model::{Dialect, ErrorCode, NodeId, Refusal, UserId};
use crate::payload::{FrameSizes, Opaque, Payload, frames, plainly};
use crate::sessions::{Entered, Session, SessionUpdate};
use crate::users;

/// How long a client waits that has tried too many keys, so that it cannot try many.
const GUESS_DELAY: Duration = Duration::from_secs(2);

const USER_JOINED: &str = "user-joined";
const USER_LEFT: &str = "user-left";
const MESSAGES_HISTORY: &str = "messages-history";
const SESSION_METADATA: &str = "session-metadata";

/// `user-joined` and `user-left`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserMoved<'a> {
    user_id: &'a str,
    display_name: &'a str,
    /// Milliseconds since the epoch.
    timestamp: u64,
}

impl UserMoved<'_> {
    const SIZE: usize = 512;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionMetadata<'a> {
    chat_mode: &'static str,
    /// The joiner's own entry among the session keys.
    #[serde(serialize_with = "plainly")]
    encrypted_session_key: Option<Opaque<'a>>,
}

/// `join-session`
pub(super) async fn join_session(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let address = connection.client.address;
    let fields = Fields::new(payload, &app.config);
    let max = app.config.max_key_bytes;
    let named = fields.id_up_to(SESSION_ID, max)?;
    let explicit = fields.optional_id_up_to("authKey", max)?;
    let parsed = SessionId::parse(&named);
    let (id, rest) = parsed.ok_or_else(|| fields.refuse(SESSION_ID))?;
    let user = member_id(&fields)?;
    let join = Join {
        display_name: fields.optional_name("displayName")?,
        public_key: keys::optional_public_key(&fields, max)?,
        is_creator: fields.flag("isCreator")?,
        key: explicit.as_deref().and_then(AuthKey::new).or(rest),
        user,
    };

    let mut session = app.sessions.lock(&id).await;
    let is_over_rate = AtomicBool::new(false);
    let may_make = || {
        let is_allowed = app.limits.allows_join(address);
        is_over_rate.store(!is_allowed, Ordering::Relaxed);
        is_allowed && app.limits.allows_session(address)
    };
    let maker = Maker {
        address: block_of(address),
        may_make: &may_make,
    };
    let entered = match session.join(connection, join, maker).await {
        Ok(entered) => entered,
        Err(_) if is_over_rate.into_inner() => return Err(Refusal::rate_limited()),
        Err(error) => {
            drop(session);
            return Err(refused(request, &id, error).await);
        }
    };
    connection.lift_guest_bounds();
    let room_name = id.shared().into();
    request.record(Audited::SessionJoined { room_name });
    let (lagging, cost) = welcome(request, &mut session, entered).await;
    drop(session);
    request.note_joined();
    lagging.wait_at_rate(app.config.room_min_rate).await;
    request.pay_for_output(cost).await;
    Ok(())
}

/// Publishes that a member joined, and sends the member the state of the session, in the order of the
/// protocol; how many bytes that took for this member.
async fn welcome(
    request: &Request<'_>,
    session: &mut Session<'_>,
    entered: Entered,
) -> (Lagging, usize) {
    let Entered {
        joined,
        departed,
        replaced,
    } = entered;
    let (connection, member) = (request.connection, &joined.member);
    let others = To::Others(connection);
    let mut lagging = Lagging::default();
    if let Some(replaced) = &replaced {
        signals::end_typing(session, others, replaced).await;
    }
    if let Some(departed) = departed {
        let now = request.app.sessions.now_ms();
        let (member, revision) = (&departed.member, departed.revision);
        let left = moved(session, others, USER_LEFT, (member, revision), now);
        lagging = lagging.and(left.await);
    }
    if joined.is_new {
        let (moves, at) = ((member, joined.revision), member.joined_at);
        let joined = moved(session, others, USER_JOINED, moves, at);
        lagging = lagging.and(joined.await);
    }
    let cost = send_history(request, &joined.history);
    let keys = joined.session_keys.as_ref();
    let own_key = keys.and_then(|keys| keys.member(member.user.as_str()));
    let frames = frames(own_key.iter());
    connection.send_sized(
        SESSION_METADATA,
        &SessionMetadata {
            chat_mode: joined.mode.as_str(),
            encrypted_session_key: own_key,
        },
        &frames,
    );
    let keys = PublicKeys::of(&joined.members, joined.revision);
    match keys.publish(request.app, session).await {
        Some(receivers) => lagging = lagging.and(receivers),
        None => keys.send_to(connection),
    }
    (lagging, cost + keys.cost(session))
}

/// Sends the history, and before it what waits of what was sent before; how many bytes it has.
fn send_history(request: &Request<'_>, history: &[Arc<Message>]) -> usize {
    request.connection.send_deferred_of(of_sessions);
    let mut cost = 0;
    for part in History::parts(history, request.app.config.max_attachments) {
        let frames = part.frames();
        cost += frames.iter().sum::<usize>();
        let connection = request.connection;
        connection.send_sized(MESSAGES_HISTORY, &part, &frames);
    }
    cost
}

/// The id to join under, which is also the name of who has no other. It must not be the one that stands for all
/// members.
fn member_id(fields: &Fields<'_, '_>) -> Result<UserId, Refusal> {
    const NAME: &str = "userId";
    let user = fields.shown_id(NAME)?;
    let user = UserId::parse(&user).filter(|user| user.as_str() != ALL_MEMBERS);
    user.ok_or_else(|| fields.refuse(NAME))
}

/// `leave-session`
pub(super) async fn leave_session(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, &request.app.config);
    let session = member_of(request, &fields, Some("userId")).await?;
    request.connection.send_deferred_of(of_sessions);
    let lagging = depart(request.app, request.connection, session, Departure::Left).await;
    lagging.wait_at_rate(request.app.config.room_min_rate).await;
    Ok(())
}

/// A connection has ended: it is no longer a member of the sessions that it joined, unless the
/// member has rejoined on another connection.
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
}

/// As whom a client is known when it comes back.
pub(super) fn returning<'a>(
    connection: &Connection,
    member: Option<&'a users::Member>,
) -> Returning<'a> {
    Returning {
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
    let typing = session.member_on(connection).cloned();
    let Some(departed) = session.depart(connection, departure).await else {
        return Lagging::default();
    };
    if let Some(typing) = typing {
        signals::end_typing(&mut session, To::Everyone, &typing).await;
    }
    let room_name = session.id().shared().into();
    let left = Audited::SessionLeft { room_name };
    connection.record(&app.audit, Some(Dialect::Session), left);
    publish_departure(app, &mut session, &departed).await
}

/// Publishes to the others that a member is gone.
async fn publish_departure(
    app: &Arc<App>,
    session: &mut Session<'_>,
    departed: &Departed,
) -> Lagging {
    let now = app.sessions.now_ms();
    let moves = (&departed.member, departed.revision);
    let left = moved(session, To::Everyone, USER_LEFT, moves, now).await;
    let keys = PublicKeys::of(&departed.members, departed.revision);
    left.and(keys.publish(app, session).await.unwrap_or_default())
}

/// A member's connection to a node has ended, and the node did not publish that itself: the member is
/// removed, unless they have rejoined on another connection.
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
        // There is no sender to slow down.
        let _ = publish_departure(app, &mut session, &departed).await;
    }
    Ok(())
}

/// Publishes that a member joined or left, by this change of the session.
async fn moved(
    session: &mut Session<'_>,
    to: To<'_>,
    event: &'static str,
    (member, revision): (&Member, u64),
    timestamp: u64,
) -> Lagging {
    let moved = UserMoved {
        user_id: member.user.as_str(),
        display_name: &member.display_name,
        timestamp,
    };
    let about = format!("member {}", member.user.as_str());
    let update = SessionUpdate {
        newest: Some(&about),
        ..SessionUpdate::of(revision)
    };
    let frames = FrameSizes::from_slice(&[UserMoved::SIZE]);
    session.publish(to, update, event, &moved, &frames).await
}

/// Ends sessions that were not used for too long, and sends their members an error.
pub(crate) async fn end_expired(app: &App) {
    let expired = SessionError {
        error: ErrorCode::SessionExpired,
        message: "Session expired. Please create a new one.",
        field: None,
    };
    for connection in app.sessions.end_expired().await {
        connection.send(SESSION_ERROR, &expired);
    }
}

/// Why a join is refused. The right key is always looked at, so that wrong ones lock nobody out; but who tries
/// too many of one session waits for the answer, and is not read meanwhile.
async fn refused(request: &Request<'_>, id: &SessionId, error: JoinError) -> Refusal {
    let address = request.connection.client.address;
    let failures = &request.app.limits.session_keys;
    if !is_wrong_key(error) || !failures.exceeded_at(id.as_str(), address) {
        return error.into();
    }
    if !request.connection.is_closed() {
        tokio::time::sleep(GUESS_DELAY).await;
    }
    Refusal::rate_limited()
}

fn is_wrong_key(error: JoinError) -> bool {
    matches!(
        error,
        JoinError::NotTheCreator | JoinError::WrongPassword | JoinError::WrongKey
    )
}
