//! Invitations: under the setting `who_may_add = invite` users make nobody a participant, but ask them. Who is
//! invited becomes a participant by their own act: they join or post. It must not know in which dialect.

use std::borrow::Cow;
use std::sync::Arc;

use super::participants::Added;
use super::{Actor, Conversations, Initiator};
use crate::config::WhoMayAdd;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Invitation, NewConversation, NewParticipant};
use crate::stores::conversations::StoreError;

/// The most invitations that a user is shown: whoever invites them makes them read it.
const MAX_SHOWN: usize = 100;

impl Conversations {
    /// The newest invitations of a user, without those by whom they have blocked.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn invitations_of(
        &self,
        user: &UserId,
    ) -> Result<Vec<Invitation>, StoreError> {
        let invitations = &self.stores().invitations;
        invitations.invitations_of(user, None, MAX_SHOWN).await
    }

    /// The invitation of a user to a conversation, if there is one that they would be shown.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn invitation(
        &self,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<Option<Invitation>, StoreError> {
        let invitations = &self.stores().invitations;
        let found = invitations.invitations_of(user, Some(id), 1).await?;
        Ok(found.into_iter().next())
    }

    /// A user who is invited becomes a participant. Who is one already stays so, and was perhaps invited until now. `None`:
    /// they are neither.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn accept(
        self: &Arc<Self>,
        actor: Actor<'_>,
        id: &ConversationId,
    ) -> Result<Option<Added>, StoreError> {
        let (by, user) = (Initiator::Participant(actor), &actor.identity.user);
        let guard = self.lock(id).await;
        let accepted = self.stores().invitations.accept(id, user).await;
        let Some(logged) = self.noted(id, accepted)? else {
            return Ok(None);
        };
        let repeated = logged.change.is_none();
        if !repeated {
            by.record_added(&self.audit, id, user);
        }
        self.publish_participants(guard, Some(actor.identity), logged.change)
            .await;
        Ok(Some(Added {
            participant: logged.value,
            repeated,
        }))
    }

    /// The same for who adds themselves. `None`: they do not, or were not invited.
    pub(super) async fn accept_for_oneself(
        self: &Arc<Self>,
        by: Initiator<'_>,
        id: &ConversationId,
        new: &NewParticipant,
    ) -> Result<Option<Added>, StoreError> {
        let accepted = match by {
            Initiator::Participant(actor) if actor.identity.user == new.user => {
                self.accept(actor, id).await?
            }
            Initiator::Participant(_) | Initiator::Admin(_) => None,
        };
        Ok(accepted.filter(|added| !added.repeated))
    }

    /// Somebody who is to be added; only asked, if another user adds them and the setting says so.
    pub(super) fn with_invitation(
        &self,
        by: Initiator<'_>,
        new: &NewParticipant,
    ) -> NewParticipant {
        let is_by_other = match by {
            Initiator::Participant(actor) => actor.identity.user != new.user,
            Initiator::Admin(_) => false,
        };
        NewParticipant {
            is_invited: is_by_other && self.config.now().who_may_add == WhoMayAdd::Invite,
            ..new.clone()
        }
    }

    /// A conversation that is to be created, with its participants so.
    pub(super) fn with_invitations<'a>(
        &self,
        by: Initiator<'_>,
        new: &'a NewConversation,
    ) -> Cow<'a, NewConversation> {
        if self.config.now().who_may_add != WhoMayAdd::Invite {
            return Cow::Borrowed(new);
        }
        let participants = new.participants.iter();
        let participants = participants.map(|one| self.with_invitation(by, one));
        Cow::Owned(NewConversation {
            participants: participants.collect(),
            ..new.clone()
        })
    }
}
