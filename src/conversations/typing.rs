//! Typing: told to others, kept nowhere, and over by itself after a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::app::App;
use crate::connection::{Connection, Member};
use crate::conversations::{ConversationEvent, ConversationGuard};
use crate::model::Identity;
use crate::model::conversation::{ConversationId, Shape, View};
use crate::stores::conversations::StoreError;

/// Tells others that a user types for the time `lasts`, or, without one, that they ceased to.
///
/// # Errors
/// [`StoreError::NotParticipant`]: they do not take part, or the connection is not subscribed in
/// this shape. Or the store fails.
pub async fn typing(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    member: &Member,
    conversation: &ConversationId,
    shape: Shape,
    lasts: Option<Duration>,
) -> Result<(), StoreError> {
    let conversations = &app.conversations;
    // Others do not get as far as to the lock.
    let sees_it = |view: Option<View>| view.is_some_and(|view| view.shape == shape);
    if !sees_it(conversations.view_of(connection, conversation)) {
        return Err(StoreError::NotParticipant);
    }
    let mut guard = conversations.lock(conversation).await;
    guard.role_of(&app.users, &member.user.id).await?;
    if !sees_it(guard.view_of(connection)) {
        return Err(StoreError::NotParticipant);
    }
    match lasts {
        Some(lasts) => start(
            app,
            &mut guard,
            connection.id.uuid(),
            &member.identity,
            lasts,
        ),
        None => {
            guard.unset_typing(connection.id.uuid());
        }
    }
    let event = ConversationEvent::Typing {
        typist: connection.id.uuid(),
        but: Some(connection),
        user: &member.identity,
        lasts,
    };
    // So small that nobody has to be waited for.
    let _ = guard.tell(&event).await;
    Ok(())
}

/// Someone types on a connection of another server, or, without a time, ceased to. Those here are
/// told of the end also when that server does not say it any more.
pub async fn typing_elsewhere(
    app: &Arc<App>,
    conversation: &ConversationId,
    typist: Uuid,
    user: &Identity,
    lasts: Option<Duration>,
) {
    let mut guard = app.conversations.lock(conversation).await;
    match lasts {
        Some(lasts) => start(app, &mut guard, typist, user, lasts + ON_ITS_WAY),
        None => {
            guard.unset_typing(typist);
        }
    }
    tell_here(&guard, typist, user, lasts).await;
}

/// How late another server may say that someone ceased to type.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

async fn tell_here(
    guard: &ConversationGuard<'_>,
    typist: Uuid,
    user: &Identity,
    lasts: Option<Duration>,
) {
    let event = ConversationEvent::Typing {
        typist,
        but: None,
        user,
        lasts,
    };
    // So small that nobody has to be waited for.
    let _ = guard.tell_here(&event).await;
}

fn start(
    app: &Arc<App>,
    guard: &mut ConversationGuard<'_>,
    typist: Uuid,
    user: &Identity,
    lasts: Duration,
) {
    let until = Instant::now() + lasts;
    if guard.set_typing(typist, user, until) {
        let end = end(app.clone(), typist, guard.id().clone(), until);
        tokio::spawn(end);
    }
}

/// Ends the typing on a connection when it was not said again for long enough.
async fn end(app: Arc<App>, typist: Uuid, conversation: ConversationId, mut until: Instant) {
    loop {
        tokio::time::sleep_until(until).await;
        let mut guard = app.conversations.lock(&conversation).await;
        match guard.types_until(typist) {
            Some(later) if later > until => until = later,
            Some(_) => return stop(&mut guard, typist).await,
            None => return,
        }
    }
}

async fn stop(guard: &mut ConversationGuard<'_>, typist: Uuid) {
    let here = guard.connection(typist);
    match here {
        Some(connection) => guard.stop_typing(&connection).await,
        None => {
            if let Some(user) = guard.unset_typing(typist) {
                tell_here(guard, typist, &user, None).await;
            }
        }
    }
}
