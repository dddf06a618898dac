//! Participants who are not there when a message is sent: counted, and recorded where a backend wants to know, so that it
//! can wake their devices. It must not decide who receives a message.

use std::collections::HashSet;
use std::sync::Arc;

use super::messages::undelivered_record;
use super::{Actor, ConversationGuard, Conversations};
use crate::audit::{AuditText, Event, Undelivered};
use crate::metrics::traffic;
use crate::model::conversation::{ConversationId, Message, Participant};
use crate::model::{Dialect, FactType, UserId};

/// The most users in one record.
const MOST: usize = 256;
/// Of so many who are not here it is asked whether they are elsewhere, for what is only counted.
const ASKED: usize = 8;

impl Conversations {
    /// Those whom a message is for, if a backend wants to know whom it did not reach. Read while it is stored: nobody
    /// waits for both, one after the other.
    pub(super) async fn recipients_if_wanted(&self, id: &ConversationId) -> Vec<Participant> {
        let wants = self
            .config
            .now()
            .webhooks_want(FactType::MessageUndelivered);
        if !wants {
            return Vec::new();
        }
        let participants = self.stores().participants.list(id).await;
        participants.unwrap_or_else(|error| {
            tracing::warn!(%error, "it cannot be read whom a message does not reach; endpoints are not told");
            Vec::new()
        })
    }

    /// Records which of the participants have no connection on any node, but for those who have blocked the author. Of a message
    /// that is sent again, the same records as before.
    pub(super) async fn record_undelivered(
        &self,
        actor: Actor<'_>,
        message: &Message,
        size: usize,
        participants: Vec<Participant>,
    ) {
        if participants.is_empty() {
            return;
        }
        let absent = self.absent_of(&actor.identity.user, participants).await;
        for (index, some) in absent.chunks(MOST).enumerate() {
            let event = Event::MessageUndelivered(Undelivered {
                recipients: some.iter().map(|user| user.shared().into()).collect(),
                message_id: Some(AuditText::new(&message.id.to_string())),
                conversation_id: Some(AuditText::new(message.conversation.as_str())),
                message_type: None,
                bytes: size as u64,
                urgent: true,
            });
            actor.record_as(&self.audit, undelivered_record(message, index), event);
        }
    }

    /// Counts a message for which somebody is not there, without making its author wait.
    pub(super) fn count_undelivered(
        self: &Arc<Self>,
        guard: &ConversationGuard,
        actor: Actor<'_>,
        message: &Message,
        recipients: &[Participant],
    ) {
        let dialect = actor.dialect.unwrap_or(Dialect::Conversation);
        let is_absent = |user: &&UserId| {
            **user != message.sender && self.users.connection_count(user.as_str()) == 0
        };
        let active = recipients
            .iter()
            .filter(|one| one.is_active() && !one.pending);
        let absent: Vec<_> = match guard.known_participants() {
            Some(known) => known.filter(is_absent).take(ASKED).cloned().collect(),
            None => {
                let active = active.map(|one| &one.user);
                active.filter(is_absent).take(ASKED).cloned().collect()
            }
        };
        match &self.cluster {
            None if !absent.is_empty() => traffic::undelivered(dialect),
            Some(cluster) if !absent.is_empty() => {
                let cluster = cluster.clone();
                self.presence.drain().spawn(async move {
                    if cluster.online(&absent).await.len() < absent.len() {
                        traffic::undelivered(dialect);
                    }
                });
            }
            _ => {}
        }
    }

    async fn absent_of(&self, author: &UserId, participants: Vec<Participant>) -> Vec<UserId> {
        let active = participants.into_iter();
        let active = active.filter(|one| one.is_active() && !one.pending && one.user != *author);
        let absent = active.map(|one| one.user);
        let absent = absent.filter(|user| self.users.connections(user.as_str()).is_empty());
        let mut absent: Vec<_> = absent.collect();
        if let Some(cluster) = &self.cluster {
            let online = cluster.online(&absent).await;
            let online: HashSet<_> = online.into_iter().map(|(user, _)| user).collect();
            absent.retain(|user| !online.contains(user));
        }
        let blockers = self
            .users
            .blockers_among(author, absent.iter().cloned())
            .await;
        absent.retain(|user| !blockers.contains(user));
        absent
    }
}
