//! Joining: `join-session`, and what its answer consists of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use super::keys::{self, PublicKeys};
use super::messages::History;
use super::moves::{self, USER_JOINED, USER_LEFT, moved};
use super::{SESSION_ID, signals};
use crate::audit::Event as Audited;
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To, of_sessions};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::limits::GUESS_DELAY;
use crate::limits::address::block_of;
use crate::model::session::{ALL_MEMBERS, AuthKey, Join, JoinError, Joined, Maker, SessionId};
use crate::model::{Refusal, UserId};
use crate::payload::{Opaque, Payload, frames};
use crate::sessions::{Entered, Session};

const MESSAGES_HISTORY: &str = "messages-history";
const SESSION_METADATA: &str = "session-metadata";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionMetadata<'a> {
    chat_mode: &'static str,
    /// The joiner's own entry among the session keys.
    encrypted_session_key: Option<Opaque<'a>>,
}

/// `join-session`
pub(super) async fn join_session(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let address = connection.client.address;
    let fields = Fields::new(payload, request.config);
    let max = request.config.max_key_bytes;
    let named = fields.id_up_to(SESSION_ID, max)?;
    let explicit = fields.optional_id_up_to("authKey", max)?;
    let parsed = SessionId::parse(&named);
    let (id, rest) = parsed.ok_or_else(|| fields.refuse(SESSION_ID))?;
    let join = Join {
        user: member_id(&fields)?,
        display_name: fields.optional_name("displayName")?,
        public_key: keys::optional_public_key(&fields, max)?,
        is_creator: fields.flag("isCreator")?,
        key: explicit.as_deref().and_then(AuthKey::new).or(rest),
        account: request.member.map(|member| member.user.id.clone()),
    };

    let mut session = lock(request, &id, &join.user).await;
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
    let announced = announce(request, &mut session, &entered).await;
    let (lagging, cost) = welcome(request, &mut session, &entered.joined).await;
    drop(session);
    request.note_joined();
    let lagging = announced.and(lagging);
    lagging.wait_at_rate(request.config.room_min_rate).await;
    request.pay_for_output(cost).await;
    Ok(())
}

/// The connections to this server on which the member that a `join-session` names is in the session.
pub(in crate::dialects) async fn connections_of_joiner(
    request: &Request<'_>,
    payload: &Payload<'_>,
) -> Vec<Arc<Connection>> {
    let fields = Fields::new(payload, request.config);
    let named = fields.id_up_to(SESSION_ID, request.config.max_key_bytes);
    let session = named.as_deref().ok().and_then(SessionId::parse);
    let (Some((session, _)), Ok(member)) = (session, member_id(&fields)) else {
        // The join is refused.
        return Vec::new();
    };
    let sessions = &request.app.sessions;
    sessions.connections_of(&session, &member).await
}

/// Locks the session, for who joins. Of a guest it is not known before who it is: what they handed over to other nodes
/// comes first.
async fn lock<'a>(request: &Request<'a>, id: &SessionId, user: &UserId) -> Session<'a> {
    let app = request.app;
    if let Some(cluster) = app.cluster.as_ref().filter(|_| request.member.is_none()) {
        Box::pin(cluster.member_quiet_elsewhere(id, user)).await;
    }
    app.sessions.lock(id).await
}

/// Records and publishes that a member joined, and what ended by that.
async fn announce(request: &Request<'_>, session: &mut Session<'_>, entered: &Entered) -> Lagging {
    let room_name = session.id().shared().into();
    request.record(Audited::SessionJoined { room_name });
    let (joined, member) = (&entered.joined, &entered.joined.member);
    let others = To::Others(request.connection);
    let mut lagging = Lagging::default();
    if let Some(before) = &entered.before {
        signals::end_typing(session, before).await;
    }
    moves::end_displaced(session, &entered.displaced, true).await;
    let departed = entered.departed.as_ref();
    if let Some(departed) = departed.filter(|departed| departed.is_gone) {
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
    lagging
}

/// Sends the member the state of the session, in the order of the protocol, and all its keys; how many bytes that
/// took for this member.
async fn welcome(
    request: &Request<'_>,
    session: &mut Session<'_>,
    joined: &Joined,
) -> (Lagging, usize) {
    let (connection, member) = (request.connection, &joined.member);
    // What was sent before comes before the history.
    connection.send_deferred_of(of_sessions);
    let mut cost = 0;
    for part in History::parts(&joined.history, request.config.max_attachments) {
        let frames = part.frames();
        cost += frames.iter().sum::<usize>();
        connection.send_sized(MESSAGES_HISTORY, &part, &frames);
    }
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
    let lagging = keys.publish(request.app, session).await;
    if lagging.is_none() {
        keys.send_to(connection);
    }
    (lagging.unwrap_or_default(), cost + keys.cost(session))
}

/// The id to join under, which is also the name of who has no other. It must not be the one that stands for all
/// members.
fn member_id(fields: &Fields<'_, '_>) -> Result<UserId, Refusal> {
    const NAME: &str = "userId";
    let user = fields.shown_id(NAME)?;
    let user = UserId::parse(&user).filter(|user| user.as_str() != ALL_MEMBERS);
    user.ok_or_else(|| fields.refuse(NAME))
}

/// Why a join is refused. The right key is always looked at, so that wrong ones lock nobody out; but who tries
/// too many of one session waits for the answer, and is not read meanwhile.
async fn refused(request: &Request<'_>, id: &SessionId, error: JoinError) -> Refusal {
    let address = request.connection.client.address;
    let failures = &request.app.limits.session_keys;
    if !is_wrong_key(error) || !failures.exceeded_at(id.as_str(), address) {
        return error.into();
    }
    if !request.is_gone() {
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
