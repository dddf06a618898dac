//! Creating conversations, and managing their participants. The participants' connections follow.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Actor, Conversations};
use crate::audit::{AdminAction, Audit, AuditText, Event, Record, Source};
use crate::config::WhoMayAdd;
use crate::model::conversation::{
    Change, Changed, ChangedBy, Conversation, ConversationId, Created, DescriptionChange, Extra,
    History, KeyRotation, NewConversation, NewParticipant, Participant, Role,
};
use crate::model::{Identity, Refusal, UserId, Why};
use crate::stores::conversations::StoreError;

/// A participant who was added.
#[derive(Debug)]
pub(crate) struct Added {
    /// As they are stored now.
    pub(crate) participant: Participant,
    /// They were an active participant already, and nothing was changed.
    pub(crate) repeated: bool,
}

/// Who manages participants, and by which right.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Initiator<'a> {
    /// A user, as a participant.
    Participant(Actor<'a>),
    /// An administrator of the server, whom records name like this.
    Admin(&'a Arc<Source>),
}

impl<'a> Initiator<'a> {
    fn author(self) -> ChangedBy {
        match self {
            Self::Participant(actor) => ChangedBy::User(actor.identity.user.clone()),
            Self::Admin(_) => ChangedBy::Admin,
        }
    }

    fn identity(self) -> Option<&'a Identity> {
        match self {
            Self::Participant(actor) => Some(actor.identity),
            Self::Admin(_) => None,
        }
    }

    pub(super) fn record(
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
        self.record_event(audit, event);
    }

    fn record_event(self, audit: &Audit, event: Event) {
        match self {
            Self::Participant(actor) => actor.record(audit, event),
            Self::Admin(source) => audit.record(Record::new(source, None, event)),
        }
    }

    fn record_created(self, audit: &Audit, id: &ConversationId) {
        let conversation_id = AuditText::new(id.as_str());
        self.record_event(audit, Event::ConversationCreated { conversation_id });
    }

    pub(super) fn record_added(self, audit: &Audit, id: &ConversationId, user: &UserId) {
        let event = Event::ParticipantAdded {
            recipient: AuditText::new(user.as_str()),
            conversation_id: AuditText::new(id.as_str()),
        };
        self.record_event(audit, event);
    }

    fn record_removed(self, audit: &Audit, id: &ConversationId, user: &UserId) {
        let event = Event::ParticipantRemoved {
            recipient: AuditText::new(user.as_str()),
            conversation_id: AuditText::new(id.as_str()),
        };
        self.record_event(audit, event);
    }
}

impl Conversations {
    /// Creates a conversation, and notifies its participants. What the client says beside is told and not stored, here and
    /// below.
    ///
    /// # Errors
    /// [`Why::ConversationExists`], [`Why::NoSharedConversation`], or the store fails.
    pub(crate) async fn create(
        self: &Arc<Self>,
        by: Initiator<'_>,
        new: &NewConversation,
        extra: Extra,
    ) -> Result<Created, Refusal> {
        self.require_consent(by, &new.participants).await?;
        let new = &*self.with_invitations(by, new);
        let created = self.stores().conversations.create(new, &by.author()).await;
        let logged = self.noted(&new.id, created)?;
        by.record_created(&self.audit, &new.id);
        let guard = self.lock(&new.id).await;
        self.publish_participants_saying(guard, by.identity(), logged.change, extra)
            .await;
        let pending = new.participants.iter().filter(|one| one.pending);
        self.claim_missed(pending.map(|one| &one.user)).await?;
        Ok(logged.value)
    }

    /// Adds a participant, and notifies all of them.
    ///
    /// # Errors
    /// [`Why::NotAdmin`], [`Why::NotParticipant`], [`Why::ConversationNotFound`], [`Why::ConversationFull`],
    /// [`Why::NoSharedConversation`], or the store fails.
    pub(crate) async fn add_participant(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        new: &NewParticipant,
        extra: Extra,
    ) -> Result<Added, Refusal> {
        self.require_consent(by, std::slice::from_ref(new)).await?;
        if let Some(added) = self.accept_for_oneself(by, id, new).await? {
            return Ok(added);
        }
        let new = &self.with_invitation(by, new);
        let guard = self.lock(id).await;
        let (stores, author) = (self.stores(), by.author());
        let most = self.config.now().max_participants;
        let added = stores.participants.add(id, new, &author, most).await;
        let logged = self.noted(id, added)?;
        let repeated = logged.change.is_none();
        if !repeated {
            by.record_added(&self.audit, id, &new.user);
        }
        self.publish_participants_saying(guard, by.identity(), logged.change, extra)
            .await;
        let pending = new.pending.then_some(&new.user);
        self.claim_missed(pending.into_iter()).await?;
        Ok(Added {
            participant: logged.value,
            repeated,
        })
    }

    /// Gives participants a new content key, by one of them, and notifies all.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::KeyExists`], [`StoreError::TooLarge`], or the store fails.
    pub(crate) async fn rotate_key(
        self: &Arc<Self>,
        actor: Actor<'_>,
        id: &ConversationId,
        new: &KeyRotation,
    ) -> Result<(), StoreError> {
        let by = Initiator::Participant(actor);
        let guard = self.lock(id).await;
        let participants = &self.stores().participants;
        let rotated = participants.rotate_key(id, &actor.identity.user, new).await;
        let logged = self.noted(id, rotated)?;
        by.record(&self.audit, AdminAction::KeyRotated, id, None);
        self.publish_participants(guard, Some(actor.identity), logged.change)
            .await;
        Ok(())
    }

    /// Fails if a user may not add all of these (setting `who_may_add`). Of a name that nobody has yet it is not known
    /// whom it will mean.
    async fn require_consent(
        &self,
        by: Initiator<'_>,
        new: &[NewParticipant],
    ) -> Result<(), Refusal> {
        let Initiator::Participant(actor) = by else {
            return Ok(());
        };
        let user = &actor.identity.user;
        let others = new.iter().filter(|one| one.user != *user);
        let others: Vec<_> = others.collect();
        if self.config.now().who_may_add != WhoMayAdd::SharesConversation || others.is_empty() {
            return Ok(());
        }
        let partners = self.stores().conversations.partners_of(user).await?;
        let partners: HashSet<_> = partners.into_iter().collect();
        let shares = |one: &&NewParticipant| !one.pending && partners.contains(&one.user);
        match others.iter().all(shares) {
            true => Ok(()),
            false => Err(Refusal::new(Why::NoSharedConversation)),
        }
    }

    /// Removes a participant: the subscriptions of their connections end at once; they and the other
    /// participants are notified. A repetition by the same user is not published.
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
        let guard = self.lock(id).await;
        let ended = self.stores().participants.end(id, user, &by.author()).await;
        let ended = self.noted(id, ended)?;
        let logged = ended.ok_or(Refusal::new(Why::ParticipantNotFound))?;
        if logged.change.is_some() {
            by.record_removed(&self.audit, id, user);
        }
        self.publish_participants(guard, by.identity(), logged.change)
            .await;
        if let Some(promoted) = logged.consequence {
            self.publish_promoted(by, id, promoted).await;
        }
        Ok(logged.value)
    }

    /// Sets which messages those see who are added from now on.
    ///
    /// # Errors
    /// [`Why::NotAdmin`], [`Why::NotParticipant`], [`Why::ConversationNotFound`], or the store fails.
    pub(crate) async fn set_history(
        &self,
        by: Initiator<'_>,
        id: &ConversationId,
        history: History,
    ) -> Result<Conversation, Refusal> {
        let conversations = &self.stores().conversations;
        let changed = conversations.set_history(id, history, &by.author()).await?;
        by.record(&self.audit, AdminAction::HistoryChanged, id, None);
        Ok(changed)
    }

    /// Changes the title or the picture of a conversation, and notifies its participants.
    ///
    /// # Errors
    /// As for [`set_history`](Self::set_history).
    pub(crate) async fn describe(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        change: &DescriptionChange,
        extra: Extra,
    ) -> Result<Conversation, Refusal> {
        let guard = self.lock(id).await;
        let conversations = &self.stores().conversations;
        let described = conversations.describe(id, change, &by.author()).await;
        let logged = self.noted(id, described)?;
        if logged.change.is_some() {
            by.record(&self.audit, AdminAction::ConversationDescribed, id, None);
        }
        self.publish_participants_saying(guard, by.identity(), logged.change, extra)
            .await;
        Ok(logged.value)
    }

    /// Gives a participant another role.
    ///
    /// # Errors
    /// As for [`add_participant`](Self::add_participant), [`Why::ParticipantNotFound`], [`Why::LastAdmin`]
    pub(crate) async fn set_role(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        user: &UserId,
        role: Role,
    ) -> Result<Participant, Refusal> {
        let guard = self.lock(id).await;
        let participants = &self.stores().participants;
        let changed = participants.set_role(id, user, role, &by.author()).await;
        let changed = self.noted(id, changed)?;
        let logged = changed.ok_or(Refusal::new(Why::ParticipantNotFound))?;
        if logged.change.is_some() {
            by.record(&self.audit, AdminAction::RoleChanged, id, Some(user));
        }
        self.publish_participants(guard, by.identity(), logged.change)
            .await;
        Ok(logged.value)
    }

    /// Somebody became an admin, since there was none any more.
    async fn publish_promoted(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        promoted: Change,
    ) {
        if let Changed::Updated { user, .. } = &promoted.what {
            by.record(&self.audit, AdminAction::RoleChanged, id, Some(user));
        }
        let guard = self.lock(id).await;
        self.publish_participants(guard, by.identity(), Some(promoted))
            .await;
    }
}
