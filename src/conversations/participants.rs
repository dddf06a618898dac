//! Making conversations, and letting people take part in them. Their live connections follow.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{Actor, joining};
use crate::app::Relay;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{Body, Topic};
use crate::conversations::{Live, Notice, Participation};
use crate::model::conversation::{
    Added, ConversationId, Created, Ending, NewConversation, NewParticipant, Participant, Role,
};
use crate::model::{Dialect, UserId};
use crate::stores::conversations::StoreError;

/// By whom, and by which right, participants are managed.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// By a user, who takes part.
    Participant(Actor<'a>),
    /// By an administrator of the server, whom records name like this.
    Admin(&'a Arc<Source>),
}

impl<'a> By<'a> {
    /// The name that is told.
    fn name(self) -> &'a str {
        match self {
            Self::Participant(actor) => &actor.identity.name,
            Self::Admin(_) => "admin",
        }
    }

    fn user(self) -> Option<&'a UserId> {
        match self {
            Self::Participant(actor) => Some(&actor.identity.user),
            Self::Admin(_) => None,
        }
    }

    /// Whether they may manage the participants of a conversation.
    async fn may_manage(self, relay: &Relay, live: &mut Live<'_>) -> Result<(), NotManaged> {
        let Some(user) = self.user() else {
            return Ok(());
        };
        match live.role_of(&relay.users, user).await? {
            Role::Admin => Ok(()),
            Role::Member => Err(NotManaged::NotAdmin),
        }
    }

    fn record(
        self,
        relay: &Relay,
        action: AdminAction,
        id: &ConversationId,
        recipient: Option<&UserId>,
    ) {
        let event = Event::Admin {
            action,
            recipient: recipient.map(|user| AuditText::new(user.as_str())),
            conversation_id: Some(AuditText::new(id.as_str())),
            count: None,
        };
        match self {
            Self::Participant(actor) => actor.record(relay, event),
            Self::Admin(source) => relay.audit.record(Record::new(source, None, event)),
        }
    }
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
    by: By<'_>,
    new: &NewConversation,
) -> Result<Created, StoreError> {
    let created = relay.conversations.store().create_conversation(new).await?;
    let id = &created.conversation.id;
    by.record(relay, AdminAction::ConversationCreated, id, None);
    // It may have been asked for in vain just before, which is remembered for a moment.
    relay.conversations.live(id).await.forget_members();
    relay.conversations.say(id, &Body::Participants);
    let all = created.participants.iter();
    join_all(all.map(|one| put_in_everywhere(relay, id, &one.user))).await;
    let told: Vec<_> = users(&created.participants);
    let names = names(relay, &told).await;
    let own = created.participants.iter();
    let own = own.filter(|one| Some(&one.user) == by.user());
    let keys = own.chain(&created.participants);
    let key = keys.flat_map(|one| &one.key).next();
    let participation = Participation {
        told: &told,
        names: &names,
        by: by.name(),
        key_number: key.map(|key| key.number),
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
    by: By<'_>,
    id: &ConversationId,
    new: &NewParticipant,
) -> Result<Added, NotManaged> {
    let mut live = relay.conversations.live(id).await;
    by.may_manage(relay, &mut live).await?;
    let added = relay.conversations.store().add_participant(id, new).await?;
    live.forget_members();
    relay.conversations.say(id, &Body::Participants);
    drop(live);
    if added.repeated {
        return Ok(added);
    }
    by.record(relay, AdminAction::ParticipantAdded, id, Some(&new.user));
    put_in_everywhere(relay, id, &new.user).await;
    let told = active(relay, id).await?;
    let names = names(relay, std::slice::from_ref(&new.user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: by.name(),
        key_number: added.participant.key.as_ref().map(|key| key.number),
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
    by: By<'_>,
    id: &ConversationId,
    user: &UserId,
) -> Result<Participant, NotManaged> {
    let mut live = relay.conversations.live(id).await;
    let ending = match by.user() {
        Some(own) if own == user => {
            live.role_of(&relay.users, user).await?;
            Ending::Left
        }
        _ => {
            by.may_manage(relay, &mut live).await?;
            Ending::Removed
        }
    };
    let store = relay.conversations.store();
    let ended = store.end_participation(id, user, ending).await?;
    let ended = ended.ok_or(NotManaged::NotFound)?;
    live.forget_members();
    for connection in live.connections_of(user) {
        live.put_out(&relay.users, &connection, user).await;
    }
    // Before anything else is said of the conversation, by any server.
    relay.conversations.say(id, &Body::Participants);
    drop(live);
    if let Some(nodes) = &relay.nodes {
        nodes.bus().flush().await;
    }
    by.record(relay, AdminAction::ParticipantRemoved, id, Some(user));
    let mut told = active(relay, id).await?;
    told.push(user.clone());
    let names = names(relay, std::slice::from_ref(user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: by.name(),
        key_number: None,
    };
    let notice = Notice::Removed(&participation);
    relay.conversations.notify(&relay.users, id, &notice);
    Ok(ended)
}

/// The same for all of their connections, wherever these are.
async fn put_in_everywhere(relay: &Relay, id: &ConversationId, user: &UserId) {
    put_in(relay, id, user).await;
    if let Some(nodes) = &relay.nodes {
        // What is said of the conversation next is to reach them.
        let topic = Topic::User(user.clone());
        nodes.have_done(&topic, &Body::PutIn(id.clone())).await;
    }
}

/// Those of a user's connections here that are in all their chats are in this one, too.
pub async fn put_in(relay: &Relay, id: &ConversationId, user: &UserId) {
    for connection in relay.users.connections(user.as_str()) {
        if connection.dialect() != Dialect::Chat {
            continue;
        }
        match joining::follow(relay, &connection, user, id).await {
            Ok(()) | Err(StoreError::NotParticipant) => {}
            Err(error) => tracing::warn!(%error, "a connection was not put into a new chat"),
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
