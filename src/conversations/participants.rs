//! Making conversations, and letting people take part in them. Their live connections follow.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{Actor, joining};
use crate::app::App;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{Body, Topic};
use crate::conversations::{ConversationGuard, Participation, UserNotification};
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
    async fn may_manage(
        self,
        app: &App,
        guard: &mut ConversationGuard<'_>,
    ) -> Result<(), NotManaged> {
        let Some(user) = self.user() else {
            return Ok(());
        };
        match guard.role_of(&app.users, user).await? {
            Role::Admin => Ok(()),
            Role::Member => Err(NotManaged::NotAdmin),
        }
    }

    fn record(
        self,
        app: &App,
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
            Self::Participant(actor) => actor.record(app, event),
            Self::Admin(source) => app.audit.record(Record::new(source, None, event)),
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
pub async fn create(app: &App, by: By<'_>, new: &NewConversation) -> Result<Created, StoreError> {
    let created = app.conversations.stores().conversations.create(new).await?;
    let id = &created.conversation.id;
    by.record(app, AdminAction::ConversationCreated, id, None);
    // It may have been asked for in vain just before, which is remembered for a moment.
    app.conversations.lock(id).await.forget_members();
    app.conversations.send(id, &Body::Participants);
    let all = created.participants.iter();
    join_all(all.map(|one| put_in_everywhere(app, id, &one.user))).await;
    let told: Vec<_> = users(&created.participants);
    let names = names(app, &told).await;
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
    let notification = UserNotification::Created(&participation);
    app.conversations.notify(&app.users, id, &notification);
    Ok(created)
}

/// Lets someone take part, and tells those who do.
///
/// # Errors
/// [`NotManaged::NotAdmin`], [`StoreError::NotParticipant`], [`StoreError::NoConversation`], or the
/// store fails.
pub async fn add_participant(
    app: &App,
    by: By<'_>,
    id: &ConversationId,
    new: &NewParticipant,
) -> Result<Added, NotManaged> {
    let mut guard = app.conversations.lock(id).await;
    by.may_manage(app, &mut guard).await?;
    let added = app.conversations.stores().participants.add(id, new).await?;
    guard.forget_members();
    app.conversations.send(id, &Body::Participants);
    drop(guard);
    if added.repeated {
        return Ok(added);
    }
    by.record(app, AdminAction::ParticipantAdded, id, Some(&new.user));
    put_in_everywhere(app, id, &new.user).await;
    let told = active(app, id).await?;
    let names = names(app, std::slice::from_ref(&new.user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: by.name(),
        key_number: added.participant.key.as_ref().map(|key| key.number),
    };
    let notification = UserNotification::Added(&participation);
    app.conversations.notify(&app.users, id, &notification);
    Ok(added)
}

/// Ends someone's taking part: their connections are taken out at once, and those who still take
/// part are told.
///
/// # Errors
/// As for [`add_participant`]; anybody may end their own. [`NotManaged::NotFound`]
pub async fn end_participation(
    app: &App,
    by: By<'_>,
    id: &ConversationId,
    user: &UserId,
) -> Result<Participant, NotManaged> {
    let mut guard = app.conversations.lock(id).await;
    let ending = match by.user() {
        Some(own) if own == user => {
            guard.role_of(&app.users, user).await?;
            Ending::Left
        }
        _ => {
            by.may_manage(app, &mut guard).await?;
            Ending::Removed
        }
    };
    let stores = app.conversations.stores();
    let ended = stores.participants.end(id, user, ending).await?;
    let ended = ended.ok_or(NotManaged::NotFound)?;
    guard.forget_members();
    for connection in guard.connections_of(user) {
        guard.put_out(&app.users, &connection, user).await;
    }
    // Before anything else is said of the conversation, by any server.
    app.conversations.send(id, &Body::Participants);
    drop(guard);
    if let Some(cluster) = &app.cluster {
        cluster.bus().flush().await;
    }
    by.record(app, AdminAction::ParticipantRemoved, id, Some(user));
    let mut told = active(app, id).await?;
    told.push(user.clone());
    let names = names(app, std::slice::from_ref(user)).await;
    let participation = Participation {
        told: &told,
        names: &names,
        by: by.name(),
        key_number: None,
    };
    let notification = UserNotification::Removed(&participation);
    app.conversations.notify(&app.users, id, &notification);
    Ok(ended)
}

/// The same for all of their connections, wherever these are.
async fn put_in_everywhere(app: &App, id: &ConversationId, user: &UserId) {
    put_in(app, id, user).await;
    if let Some(cluster) = &app.cluster {
        // What is said of the conversation next is to reach them.
        let topic = Topic::User(user.clone());
        cluster.have_done(&topic, &Body::PutIn(id.clone())).await;
    }
}

/// Those of a user's connections here that are in all their chats are in this one, too.
pub async fn put_in(app: &App, id: &ConversationId, user: &UserId) {
    for connection in app.users.connections(user.as_str()) {
        if connection.dialect() != Dialect::Chat {
            continue;
        }
        match joining::follow(app, &connection, user, id).await {
            Ok(()) | Err(StoreError::NotParticipant) => {}
            Err(error) => tracing::warn!(%error, "a connection was not put into a new chat"),
        }
    }
}

async fn active(app: &App, id: &ConversationId) -> Result<Vec<UserId>, StoreError> {
    let all = app.conversations.stores().participants.list(id).await?;
    Ok(users(all.iter().filter(|one| one.is_active())))
}

fn users<'a>(participants: impl IntoIterator<Item = &'a Participant>) -> Vec<UserId> {
    let users = participants.into_iter().map(|one| one.user.clone());
    users.collect()
}

/// The names of users, in the same order; the id of one who is not known. What is told must not
/// fail because of them.
async fn names(app: &App, users: &[UserId]) -> Vec<Arc<str>> {
    let known = app.conversations.stores().users.find_all(users).await;
    let known = known.unwrap_or_else(|error| {
        tracing::warn!(%error, "the names of participants could not be read");
        Vec::new()
    });
    let known: HashMap<_, _> = known.into_iter().map(|user| (user.id, user.name)).collect();
    let name = |user: &UserId| known.get(user).unwrap_or(user.shared()).clone();
    users.iter().map(name).collect()
}
