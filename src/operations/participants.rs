//! Making conversations, and letting people take part in them. Their live connections follow.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Actor, subscriptions};
use crate::audit::{AdminAction, AuditText, Event};
use crate::conversations::{
    Added, ContentKey, ConversationId, Created, Ending, NewConversation, NewParticipant, Notice,
    Participant, Participation, Role, StoreError,
};
use crate::dialect::Dialect;
use crate::identity::UserId;
use crate::relay::Relay;

/// By which right someone manages participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// As one who takes part.
    Participant,
    /// As an administrator of the server.
    Admin,
}

/// Why participants are not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotManaged {
    /// The user takes part, but is no admin of the conversation.
    #[error("not an admin of the conversation")]
    NotAdmin,
    /// Who should be removed does not take part.
    #[error("not found")]
    NotFound,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a conversation, and tells those who take part.
///
/// # Errors
/// [`StoreError::ConversationExists`], or the store fails.
pub async fn create(
    relay: &Relay,
    actor: Actor<'_>,
    new: &NewConversation,
) -> Result<Created, StoreError> {
    let created = relay.conversations.store().create_conversation(new).await?;
    let id = &created.conversation.id;
    record(relay, actor, AdminAction::ConversationCreated, id, None);
    // It may have been asked for in vain just before, which is remembered for a moment.
    relay.conversations.live(id).await.forget_members();
    for participant in &created.participants {
        put_in(relay, id, &participant.user).await;
    }
    let told: Vec<_> = users(&created.participants);
    let names = names(relay, &told).await;
    let own = created.participants.iter();
    let own = own.filter(|one| one.user == actor.identity.user);
    let keys = own.chain(&created.participants);
    let key: Option<&ContentKey> = keys.flat_map(|one| &one.key).next();
    let participation = Participation {
        told: &told,
        names: &names,
        by: &actor.identity.name,
        key,
    };
    let notice = Notice::Created(&participation);
    relay.conversations.notify(&relay.users, id, &notice);
    Ok(created)
}

/// Lets someone take part, and tells those who do.
///
/// # Errors
/// [`NotManaged::NotAdmin`], [`StoreError::NotParticipant`], [`StoreError::NoConversation`], or the
/// store fails.
pub async fn add_participant(
    relay: &Relay,
    actor: Actor<'_>,
    authority: Authority,
    id: &ConversationId,
    new: &NewParticipant,
) -> Result<Added, NotManaged> {
    let mut live = relay.conversations.live(id).await;
    if authority == Authority::Participant {
        let role = live.role_of(&relay.users, &actor.identity.user).await?;
        if role != Role::Admin {
            return Err(NotManaged::NotAdmin);
        }
    }
    let added = relay.conversations.store().add_participant(id, new).await?;
    live.forget_members();
    drop(live);
    if added.repeated {
        return Ok(added);
    }
    let action = AdminAction::ParticipantAdded;
    record(relay, actor, action, id, Some(&new.user));
    put_in(relay, id, &new.user).await;
    let told = active(relay, id).await?;
    let names = names(relay, std::slice::from_ref(&new.user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: &actor.identity.name,
        key: added.participant.key.as_ref(),
    };
    let notice = Notice::Added(&participation);
    relay.conversations.notify(&relay.users, id, &notice);
    Ok(added)
}

/// Ends someone's taking part: their connections are taken out at once, and those who still take
/// part are told.
///
/// # Errors
/// As for [`add_participant`]; anybody may end their own. [`NotManaged::NotFound`]
pub async fn end_participation(
    relay: &Relay,
    actor: Actor<'_>,
    authority: Authority,
    id: &ConversationId,
    user: &UserId,
) -> Result<Participant, NotManaged> {
    let leaves = authority == Authority::Participant && actor.identity.user == *user;
    let mut live = relay.conversations.live(id).await;
    if authority == Authority::Participant {
        let role = live.role_of(&relay.users, &actor.identity.user).await?;
        if role != Role::Admin && !leaves {
            return Err(NotManaged::NotAdmin);
        }
    }
    let ending = match leaves {
        true => Ending::Left,
        false => Ending::Removed,
    };
    let store = relay.conversations.store();
    let ended = store.end_participation(id, user, ending).await?;
    let ended = ended.ok_or(NotManaged::NotFound)?;
    live.forget_members();
    for connection in live.connections_of(user) {
        live.put_out(&relay.users, &connection, user).await;
    }
    drop(live);
    let action = AdminAction::ParticipantRemoved;
    record(relay, actor, action, id, Some(user));
    let mut told = active(relay, id).await?;
    told.push(user.clone());
    let names = names(relay, std::slice::from_ref(user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: &actor.identity.name,
        key: None,
    };
    let notice = Notice::Removed(&participation);
    relay.conversations.notify(&relay.users, id, &notice);
    Ok(ended)
}

/// Those of a user's connections that are in all their chats are in this one, too.
async fn put_in(relay: &Relay, id: &ConversationId, user: &UserId) {
    for connection in relay.users.connections(user.as_str()) {
        if connection.dialect() == Dialect::Chat {
            subscriptions::put_in(relay, &connection, user, id).await;
        }
    }
}

async fn active(relay: &Relay, id: &ConversationId) -> Result<Vec<UserId>, StoreError> {
    let all = relay.conversations.store().participants(id).await?;
    Ok(users(all.iter().filter(|one| one.is_active())))
}

fn users<'a>(participants: impl IntoIterator<Item = &'a Participant>) -> Vec<UserId> {
    let users = participants.into_iter().map(|one| one.user.clone());
    users.collect()
}

/// The names of users, in the same order; the id of one who is not known. What is told must not
/// fail because of them.
async fn names(relay: &Relay, users: &[UserId]) -> Vec<Arc<str>> {
    let known = relay.conversations.store().users(users).await;
    let known = known.unwrap_or_else(|error| {
        tracing::warn!(%error, "the names of participants could not be read");
        Vec::new()
    });
    let known: HashMap<_, _> = known.into_iter().map(|user| (user.id, user.name)).collect();
    let name = |user: &UserId| known.get(user).unwrap_or(user.shared()).clone();
    users.iter().map(name).collect()
}

fn record(
    relay: &Relay,
    actor: Actor<'_>,
    action: AdminAction,
    id: &ConversationId,
    user: Option<&UserId>,
) {
    let event = Event::Admin {
        action,
        recipient: user.map(|user| AuditText::new(user.as_str())),
        conversation_id: Some(AuditText::new(id.as_str())),
        count: None,
    };
    actor.record(relay, event);
}
