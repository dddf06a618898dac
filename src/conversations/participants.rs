//! Creating conversations, and managing their participants. The participants' connections follow.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{Actor, ConversationGuard, Conversations};
use crate::audit::{AdminAction, Audit, AuditText, Event, Record, Source};
use crate::cluster::{ConversationMessage, UserMessage};
use crate::model::conversation::{
    Added, ConversationId, Created, Ending, NewConversation, NewParticipant, Participant,
    ParticipantsChange, Role, UserNotification,
};
use crate::model::{Dialect, Refusal, UserId, Why};
use crate::stores::conversations::StoreError;

/// Who manages participants, and by which right.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Initiator<'a> {
    /// A user, as a participant.
    Participant(Actor<'a>),
    /// An administrator of the server, whom records name like this.
    Admin(&'a Arc<Source>),
}

impl<'a> Initiator<'a> {
    /// The name that clients see.
    fn name(self) -> Arc<str> {
        match self {
            Self::Participant(actor) => actor.identity.name.clone(),
            Self::Admin(_) => "admin".into(),
        }
    }

    fn user(self) -> Option<&'a UserId> {
        match self {
            Self::Participant(actor) => Some(&actor.identity.user),
            Self::Admin(_) => None,
        }
    }

    fn record(
        self,
        audit: &Audit,
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
            Self::Participant(actor) => actor.record(audit, event),
            Self::Admin(source) => audit.record(Record::new(source, None, event)),
        }
    }
}

impl Conversations {
    /// Creates a conversation, and notifies its participants.
    ///
    /// # Errors
    /// [`StoreError::ConversationExists`], or the store fails.
    pub(crate) async fn create(
        self: &Arc<Self>,
        by: Initiator<'_>,
        new: &NewConversation,
    ) -> Result<Created, StoreError> {
        let created = self.stores().conversations.create(new).await?;
        let id = &created.conversation.id;
        by.record(&self.audit, AdminAction::ConversationCreated, id, None);
        // It may have been looked up in vain just before, which is cached for a moment.
        self.lock(id).await.forget_participants();
        self.send_to_nodes(id, &ConversationMessage::ParticipantsChanged);
        let all = created.participants.iter();
        join_all(all.map(|one| self.auto_join_everywhere(id, &one.user))).await;
        let to: Vec<_> = users(&created.participants);
        let names = self.names(&to).await;
        let own = created.participants.iter();
        let own = own.filter(|one| Some(&one.user) == by.user());
        let keys = own.chain(&created.participants);
        let key = keys.flat_map(|one| &one.key).next();
        let change = ParticipantsChange {
            names,
            by: by.name(),
            key_number: key.map(|key| key.number),
        };
        self.notify(id, &to, &UserNotification::Created(change));
        Ok(created)
    }

    /// Adds a participant, and notifies all of them.
    ///
    /// # Errors
    /// [`Why::NotAdmin`], [`Why::NotParticipant`], [`Why::ConversationNotFound`], or the store fails.
    pub(crate) async fn add_participant(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        new: &NewParticipant,
    ) -> Result<Added, Refusal> {
        let mut guard = self.lock(id).await;
        guard.require_admin(by).await?;
        let added = self.stores().participants.add(id, new).await?;
        guard.forget_participants();
        self.send_to_nodes(id, &ConversationMessage::ParticipantsChanged);
        drop(guard);
        if added.repeated {
            return Ok(added);
        }
        let action = AdminAction::ParticipantAdded;
        by.record(&self.audit, action, id, Some(&new.user));
        self.auto_join_everywhere(id, &new.user).await;
        let to = self.participants(id).await?;
        let names = self.names(std::slice::from_ref(&new.user)).await;
        let change = ParticipantsChange {
            names,
            by: by.name(),
            key_number: added.participant.key.as_ref().map(|key| key.number),
        };
        self.notify(id, &to, &UserNotification::Added(change));
        Ok(added)
    }

    /// Removes a participant: the subscriptions of their connections end at once; they and the other
    /// participants are notified.
    ///
    /// # Errors
    /// As for [`add_participant`](Self::add_participant), but anybody may remove themselves.
    /// [`Why::ParticipantNotFound`]
    pub(crate) async fn remove_participant(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Participant, Refusal> {
        let mut guard = self.lock(id).await;
        let ending = match by.user() {
            Some(own) if own == user => {
                guard.role_of(user).await?;
                Ending::Left
            }
            _ => {
                guard.require_admin(by).await?;
                Ending::Removed
            }
        };
        let ended = self.stores().participants.end(id, user, ending).await?;
        let ended = ended.ok_or(Refusal::new(Why::ParticipantNotFound))?;
        guard.forget_participants();
        for connection in guard.connections_of(user) {
            guard.evict(&connection, user).await;
        }
        // Before anything else is sent of the conversation, by any node.
        self.send_to_nodes(id, &ConversationMessage::ParticipantsChanged);
        drop(guard);
        if let Some(cluster) = &self.cluster {
            cluster.bus().flush().await;
        }
        let action = AdminAction::ParticipantRemoved;
        by.record(&self.audit, action, id, Some(user));
        let mut to = self.participants(id).await?;
        to.push(user.clone());
        let names = self.names(std::slice::from_ref(user)).await;
        let change = ParticipantsChange {
            names,
            by: by.name(),
            key_number: None,
        };
        self.notify(id, &to, &UserNotification::Removed(change));
        Ok(ended)
    }

    /// Subscribes the connections of a new participant that are subscribed to all chats of their
    /// user, on every node.
    async fn auto_join_everywhere(self: &Arc<Self>, id: &ConversationId, user: &UserId) {
        self.auto_join(id, user).await;
        if let Some(cluster) = &self.cluster {
            // What is sent of the conversation next has to reach them.
            let message = UserMessage::AutoJoin(id.clone());
            cluster.execute(user, &message).await;
        }
    }

    /// The same for their connections to this node.
    pub(super) async fn auto_join(self: &Arc<Self>, id: &ConversationId, user: &UserId) {
        for member in self.users.members(user.as_str()) {
            if member.connection.dialect() != Dialect::Chat {
                continue;
            }
            match self.auto_join_connection(&member, id).await {
                Ok(()) | Err(StoreError::NotParticipant) => {}
                Err(error) => tracing::warn!(%error, "a connection did not join a new chat"),
            }
        }
    }

    async fn participants(&self, id: &ConversationId) -> Result<Vec<UserId>, StoreError> {
        let all = self.stores().participants.list(id).await?;
        Ok(users(all.iter().filter(|one| one.is_active())))
    }

    /// The names of users, in the same order; the id of one who is not known. A failure of the store
    /// must not keep anybody from being notified.
    async fn names(&self, users: &[UserId]) -> Vec<Arc<str>> {
        let known = self
            .stores()
            .users
            .find_all(users)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the names of participants could not be read");
                Vec::new()
            });
        let known: HashMap<_, _> = known.into_iter().map(|user| (user.id, user.name)).collect();
        let name = |user: &UserId| known.get(user).unwrap_or(user.shared()).clone();
        users.iter().map(name).collect()
    }
}

impl ConversationGuard {
    /// Fails unless the participants of the conversation may be managed.
    async fn require_admin(&mut self, by: Initiator<'_>) -> Result<(), Refusal> {
        let Some(user) = by.user() else {
            return Ok(());
        };
        match self.role_of(user).await? {
            Role::Admin => Ok(()),
            Role::Member => Err(Refusal::new(Why::NotAdmin)),
        }
    }
}

fn users<'a>(participants: impl IntoIterator<Item = &'a Participant>) -> Vec<UserId> {
    let users = participants.into_iter().map(|one| one.user.clone());
    users.collect()
}
