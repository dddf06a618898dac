//! Typing: told to others, kept nowhere, and over by itself after a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::{Connection, Member};
use crate::conversations::{ConversationId, Fact, Live, Shape, StoreError, View};
use crate::relay::Relay;

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
        Some(lasts) => {
            let until = Instant::now() + lasts;
            if live.set_typing(connection, until) {
                let end = end(
                    relay.clone(),
                    connection.clone(),
                    conversation.clone(),
                    until,
                );
                tokio::spawn(end);
            }
        }
        None => {
            live.unset_typing(connection);
        }
    }
    tell(&live, connection, member, lasts.is_some()).await;
    Ok(())
}

async fn tell(live: &Live<'_>, connection: &Connection, member: &Member, is_typing: bool) {
    let fact = Fact::Typing {
        connection,
        user: &member.identity,
        is_typing,
    };
    // So small that nobody has to be waited for.
    let _ = live.tell(&fact).await;
}

/// Ends a connection's typing when it was not said again for long enough.
async fn end(
    relay: Arc<Relay>,
    connection: Arc<Connection>,
    conversation: ConversationId,
    mut until: Instant,
) {
    loop {
        tokio::time::sleep_until(until).await;
        let mut live = relay.conversations.live(&conversation).await;
        match live.types_until(&connection) {
            Some(later) if later > until => until = later,
            Some(_) => return live.stop_typing(&connection).await,
            None => return,
        }
    }
}
