//! Typing: told to others, kept nowhere, and over by itself after a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::app::Relay;
use crate::connection::{Connection, Member};
use crate::conversations::{Fact, Live};
use crate::model::Identity;
use crate::model::conversation::{ConversationId, Shape, View};
use crate::stores::conversations::StoreError;

/// Tells others that a user types for the time `lasts`, or, without one, that they ceased to.
///
/// # Errors
/// [`StoreError::NotParticipant`]: they do not take part, or the connection is not subscribed in
/// this shape. Or the store fails.
pub async fn typing(
    relay: &Arc<Relay>,
    connection: &Arc<Connection>,
    member: &Member,
    conversation: &ConversationId,
    shape: Shape,
    lasts: Option<Duration>,
) -> Result<(), StoreError> {
    let conversations = &relay.conversations;
    // Others do not get as far as to the lock.
    let sees_it = |view: Option<View>| view.is_some_and(|view| view.shape == shape);
    if !sees_it(conversations.view_of(connection, conversation)) {
        return Err(StoreError::NotParticipant);
    }
    let mut live = conversations.live(conversation).await;
    live.role_of(&relay.users, &member.user.id).await?;
    if !sees_it(live.view_of(connection)) {
        return Err(StoreError::NotParticipant);
    }
    match lasts {
        Some(lasts) => start(
            relay,
            &mut live,
            connection.session,
            &member.identity,
            lasts,
        ),
        None => {
            live.unset_typing(connection.session);
        }
    }
    let fact = Fact::Typing {
        typist: connection.session,
        but: Some(connection),
        user: &member.identity,
        lasts,
    };
    // So small that nobody has to be waited for.
    let _ = live.tell(&fact).await;
    Ok(())
}

/// Someone types on a connection of another server, or, without a time, ceased to. Those here are
/// told of the end also when that server does not say it any more.
pub async fn typing_elsewhere(
    relay: &Arc<Relay>,
    conversation: &ConversationId,
    typist: Uuid,
    user: &Identity,
    lasts: Option<Duration>,
) {
    let mut live = relay.conversations.live(conversation).await;
    match lasts {
        Some(lasts) => start(relay, &mut live, typist, user, lasts + ON_ITS_WAY),
        None => {
            live.unset_typing(typist);
        }
    }
    tell_here(&live, typist, user, lasts).await;
}

/// How late another server may say that someone ceased to type.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

async fn tell_here(live: &Live<'_>, typist: Uuid, user: &Identity, lasts: Option<Duration>) {
    let fact = Fact::Typing {
        typist,
        but: None,
        user,
        lasts,
    };
    // So small that nobody has to be waited for.
    let _ = live.tell_here(&fact).await;
}

fn start(relay: &Arc<Relay>, live: &mut Live<'_>, typist: Uuid, user: &Identity, lasts: Duration) {
    let until = Instant::now() + lasts;
    if live.set_typing(typist, user, until) {
        let end = end(relay.clone(), typist, live.id().clone(), until);
        tokio::spawn(end);
    }
}

/// Ends the typing on a connection when it was not said again for long enough.
async fn end(relay: Arc<Relay>, typist: Uuid, conversation: ConversationId, mut until: Instant) {
    loop {
        tokio::time::sleep_until(until).await;
        let mut live = relay.conversations.live(&conversation).await;
        match live.types_until(typist) {
            Some(later) if later > until => until = later,
            Some(_) => return stop(&mut live, typist).await,
            None => return,
        }
    }
}

async fn stop(live: &mut Live<'_>, typist: Uuid) {
    let here = live.connection(typist);
    match here {
        Some(connection) => live.stop_typing(&connection).await,
        None => {
            if let Some(user) = live.unset_typing(typist) {
                tell_here(live, typist, &user, None).await;
            }
        }
    }
}
