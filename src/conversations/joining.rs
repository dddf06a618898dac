//! Who gets a conversation's events: joining and leaving, being put in on connect, and the end of a
//! connection.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::{Actor, receipts};
use crate::app::App;
use crate::audit::{AuditText, Event, Room};
use crate::cluster::{Answer, Body, Topic};
use crate::connection::{Connection, Member, Phase};
use crate::conversations::{ConversationEvent, ConversationGuard};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, IdType, Shape, UserRecord, View, WrittenId};
use crate::stores::conversations::StoreError;

/// Subscribes a connection to a conversation in one shape, and tells others if it is the first of
/// its user. What it was subscribed as before ends. `joined` is called in between, with the number
/// of connections that see it in this shape now.
///
/// # Errors
/// [`StoreError::NotParticipant`], or the store fails.
pub async fn join(
    app: &App,
    connection: &Arc<Connection>,
    member: &Member,
    conversation: &WrittenId,
    shape: Shape,
    joined: impl FnOnce(usize) + Send,
) -> Result<(), StoreError> {
    let user = &member.user.id;
    let mut guard = app.conversations.lock(&conversation.id).await;
    guard.role_of(&app.users, user).await?;
    if guard
        .view_of(connection)
        .is_some_and(|view| view.shape != shape)
    {
        let at = app.conversations.now_ms();
        take_out(&mut guard, connection, user, at).await;
    }
    let is_first = !guard.has(user, shape);
    let view = View {
        shape,
        id: conversation.written,
    };
    guard.subscribe(connection, user, view).await;
    actor(member, shape).record(app, Event::RoomJoin(room(&conversation.id)));
    match shape {
        Shape::Conversation => enter(&mut guard, connection, member, is_first, joined).await,
        Shape::Feed | Shape::Chat => joined(guard.count(shape)),
    }
    drop(guard);
    if let Err(error) = receipts::mark_all_delivered(app, &conversation.id, user).await {
        // The join stands: they count as delivered at the next one.
        tracing::warn!(%error, "what was delivered by a join was not noted");
    }
    Ok(())
}

/// A connection is in the room `conversation` now, on this server perhaps the first of its user.
async fn enter(
    guard: &mut ConversationGuard<'_>,
    connection: &Arc<Connection>,
    member: &Member,
    is_first: bool,
    joined: impl FnOnce(usize) + Send,
) {
    let user = &member.user.id;
    let is_back = guard.unset_absent(user).is_some();
    let entered = ConversationEvent::Entered {
        but: Some(connection),
        user: &member.identity,
    };
    let (connections, is_told) = guard.entered(&entered, user, is_first && !is_back).await;
    joined(connections);
    if is_told {
        // So small that nobody has to be waited for.
        let _ = guard.tell_here(&entered).await;
    }
}

/// Ends a connection's subscription in this shape, if there is one, and tells others if it was the
/// last of its user. `left` is called in between.
pub async fn leave(
    app: &App,
    connection: &Arc<Connection>,
    member: &Member,
    conversation: &ConversationId,
    shape: Shape,
    left: impl FnOnce() + Send,
) {
    let view = app.conversations.view_of(connection, conversation);
    if view.is_none_or(|view| view.shape != shape) {
        return left();
    }
    let mut guard = app.conversations.lock(conversation).await;
    actor(member, shape).record(app, Event::RoomLeave(room(conversation)));
    left();
    let at = app.conversations.now_ms();
    take_out(&mut guard, connection, &member.user.id, at).await;
}

/// Takes a connection out and tells others at once.
async fn take_out(
    guard: &mut ConversationGuard<'_>,
    connection: &Arc<Connection>,
    user: &UserId,
    at: u64,
) {
    guard.stop_typing(connection).await;
    let view = guard.unsubscribe(connection);
    if view.is_some_and(|view| view.shape == Shape::Conversation) {
        guard.exited(user, Some(at)).await;
    }
}

/// Puts a connection into every conversation that its user takes part in. What changes meanwhile is
/// followed: the connection is its user's already, so whoever adds them puts it in, too.
///
/// # Errors
/// The store fails. The connection may be in some of them.
pub async fn join_all(
    app: &App,
    connection: &Arc<Connection>,
    member: &Member,
) -> Result<(), StoreError> {
    let user = &member.user.id;
    let stores = app.conversations.stores();
    let entered = stores.conversations.ids_for(user).await?;
    for conversation in &entered {
        let mut guard = app.conversations.lock(conversation).await;
        put_in(&mut guard, connection, user).await;
    }
    // Whom someone removed meanwhile was perhaps not there yet to be taken out.
    let current = stores.conversations.ids_for(user).await?;
    let current: HashSet<_> = current.into_iter().collect();
    for conversation in entered.iter().filter(|id| !current.contains(id)) {
        let mut guard = app.conversations.lock(conversation).await;
        if let Err(StoreError::NotParticipant) = guard.role_of(&app.users, user).await {
            guard.unsubscribe(connection);
        }
    }
    Ok(())
}

/// Puts a connection into a conversation that its user was let into, unless they were sent away
/// again meanwhile.
pub(super) async fn follow(
    app: &App,
    connection: &Arc<Connection>,
    user: &UserId,
    conversation: &ConversationId,
) -> Result<(), StoreError> {
    let mut guard = app.conversations.lock(conversation).await;
    guard.role_of(&app.users, user).await?;
    put_in(&mut guard, connection, user).await;
    Ok(())
}

/// In the shape `chat`, unless it is in it already.
async fn put_in(guard: &mut ConversationGuard<'_>, connection: &Arc<Connection>, user: &UserId) {
    const VIEW: View = View {
        shape: Shape::Chat,
        id: IdType::Text,
    };
    if guard.view_of(connection).is_some() {
        return;
    }
    guard.subscribe(connection, user, VIEW).await;
    // Its end came before, and finds it no more.
    if matches!(*connection.phase(), Phase::Over) {
        guard.unsubscribe(connection);
    }
}

/// A connection is over: it is taken out of all its conversations. Others are told that its user
/// left after the grace, if they have not come back by then.
pub async fn disconnected(app: &Arc<App>, connection: &Arc<Connection>) {
    let Some(member) = connection.member() else {
        return;
    };
    let user = &member.user.id;
    let grace = app.config.offline_grace;
    let at = app.conversations.now_ms();
    let mut absent_from = Vec::new();
    for conversation in app.conversations.subscriptions_of(connection) {
        let mut guard = app.conversations.lock(&conversation).await;
        if grace.is_zero() {
            take_out(&mut guard, connection, user, at).await;
            continue;
        }
        guard.stop_typing(connection).await;
        let view = guard.unsubscribe(connection);
        if view.is_none_or(|view| view.shape != Shape::Conversation) {
            continue;
        }
        if !guard.has(user, Shape::Conversation) {
            guard.set_absent(user, at);
            absent_from.push(conversation);
        }
        guard.exited(user, None).await;
    }
    if !absent_from.is_empty() {
        let (app, user) = (app.clone(), user.clone());
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            for conversation in absent_from {
                let mut guard = app.conversations.lock(&conversation).await;
                // Who came back and left again has another time, and a later turn here.
                if guard.absent_since(&user) == Some(at) {
                    guard.unset_absent(&user);
                    guard.exited(&user, Some(at)).await;
                }
            }
        });
    }
}

/// Tells a user who is subscribed to a conversation, in any shape, by id. `tell` is called before
/// anybody is told of a change.
///
/// # Errors
/// [`StoreError::NotParticipant`]: the user who asks does not take part. Or the store fails.
pub async fn online(
    app: &App,
    user: &UserId,
    conversation: &ConversationId,
    tell: impl FnOnce(&[UserRecord]) + Send,
) -> Result<(), StoreError> {
    require_participant(app, user, conversation).await?;
    let elsewhere = online_elsewhere(app, conversation).await;
    let mut guard = app.conversations.lock(conversation).await;
    guard.role_of(&app.users, user).await?;
    let here = guard.users().into_iter().cloned();
    let users: BTreeSet<_> = here.chain(elsewhere).collect();
    let users: Vec<_> = users.into_iter().collect();
    let mut known = app.conversations.stores().users.find_all(&users).await?;
    known.sort_by(|one, other| one.id.cmp(&other.id));
    tell(&known);
    Ok(())
}

/// Who is subscribed on other servers.
async fn online_elsewhere(app: &App, conversation: &ConversationId) -> Vec<UserId> {
    let Some(cluster) = &app.cluster else {
        return Vec::new();
    };
    let topic = Topic::Conversation(conversation.clone());
    let answers = cluster.ask(&topic, &Body::WhoIsHere).await.into_iter();
    let users = answers.flat_map(|answer| match answer {
        Answer::Users(users) => users,
        Answer::Count(_) => Vec::new(),
    });
    users.collect()
}

/// Whether a user takes part in a conversation.
///
/// # Errors
/// [`StoreError::NotParticipant`]: they do not. Or the store fails.
pub async fn require_participant(
    app: &App,
    user: &UserId,
    conversation: &ConversationId,
) -> Result<(), StoreError> {
    let mut guard = app.conversations.lock(conversation).await;
    guard.role_of(&app.users, user).await.map(|_| ())
}

fn actor(member: &Member, shape: Shape) -> Actor<'_> {
    member.acts(Some(shape.dialect()))
}

fn room(conversation: &ConversationId) -> Room {
    Room::Conversation(AuditText::new(conversation.as_str()))
}
