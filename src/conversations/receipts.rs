//! Which messages reached whom, and which were read.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{Actor, Conversations, Stored};
use crate::audit::{AuditText, Event};
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, MAX_READ, MessageId, PageLimit, Read, ReadMessages, UserNotification,
};
use crate::stores::conversations::StoreError;

/// The most messages that are marked as read when all are meant.
const MAX_UNREAD: usize = 100_000;

impl Conversations {
    /// Notes that a user has read these messages, or of all the newest [`MAX_UNREAD`]. Their senders are notified of
    /// those that are read for the first time, and before that of their delivery; so are the reader's own
    /// connections, without the one that says so.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(crate) async fn mark_read(
        self: &Arc<Self>,
        actor: Actor<'_>,
        on: Option<Uuid>,
        conversation: &ConversationId,
        messages: &ReadMessages,
    ) -> Result<Stored<()>, StoreError> {
        let reader = &actor.identity.user;
        let receipts = &self.stores().receipts;
        let all;
        let messages = match messages {
            ReadMessages::These(messages) => messages,
            ReadMessages::All => {
                all = receipts.unread(conversation, reader, MAX_UNREAD).await?;
                &all
            }
        };
        // Also of none: it is looked whether they are a participant.
        let (first, rest) = messages.split_at(messages.len().min(MAX_READ));
        let read = receipts.mark_read(conversation, reader, first).await?;
        let mut stored = self.note_read((actor, on), conversation, read);
        for part in rest.chunks(MAX_READ) {
            stored.publish().await;
            let read = receipts.mark_read(conversation, reader, part).await?;
            stored = self.note_read((actor, on), conversation, read);
        }
        Ok(stored)
    }

    /// Records what was read for the first time, and is yet to be told.
    fn note_read(
        self: &Arc<Self>,
        (actor, on): (Actor<'_>, Option<Uuid>),
        conversation: &ConversationId,
        read: Read,
    ) -> Stored<()> {
        let reader = actor.identity.user.clone();
        let count = read.messages.iter().map(|(_, ids)| ids.len() as u64).sum();
        if count > 0 {
            let conversation_id = AuditText::new(conversation.as_str());
            let event = Event::MessageRead {
                conversation_id,
                count,
            };
            actor.record(&self.audit, event);
        }
        let (conversations, conversation) = (self.clone(), conversation.clone());
        let rest = async move {
            let notified = conversations.notify_read(&conversation, &reader, on, read);
            notified.await;
        };
        Stored::new(self.presence.drain(), (), rest)
    }

    /// Notifies those whom it concerns of what a user has read on this connection, or over REST.
    async fn notify_read(
        self: &Arc<Self>,
        conversation: &ConversationId,
        reader: &UserId,
        on: Option<Uuid>,
        read: Read,
    ) {
        if read.messages.is_empty() {
            return;
        }
        // Nobody is told that they have read what they do not know yet.
        self.close_gap(conversation, read.newest).await;
        let _order = self.deliveries_noted(conversation).await;
        let elsewhere = UserNotification::ReadElsewhere {
            reader: reader.clone(),
            at: read.at,
            messages: read.all(),
            newest: read.newest,
        };
        let notified = self.notify_elsewhere(conversation, reader, &elsewhere, on);
        notified.await;
        for (sender, messages) in by_sender(read.delivered) {
            let notification = UserNotification::Delivered {
                to: vec![reader.clone()],
                at: read.at,
                messages,
            };
            self.notify(conversation, &sender, &notification).await;
        }
        for (sender, messages) in read.messages {
            let notification = UserNotification::Read {
                reader: reader.clone(),
                at: read.at,
                messages,
            };
            self.notify(conversation, &sender, &notification).await;
        }
    }

    /// Notes that a message reached these users, and notifies its sender. The message is published
    /// already: when this fails, it counts as delivered at the next join.
    pub(super) async fn note_delivered(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        sender: UserId,
        users: &[UserId],
    ) {
        if users.is_empty() {
            return;
        }
        let _order = self.noting_deliveries(conversation).await;
        let at = self.now_ms();
        let receipts = &self.stores().receipts;
        let reached = receipts.mark_delivered_to(conversation, message, &sender, users);
        match reached.await {
            Ok(reached) if reached.is_empty() => {}
            Ok(reached) => {
                let notification = UserNotification::Delivered {
                    to: reached,
                    at,
                    messages: vec![message],
                };
                let notified = self.notify(conversation, &sender, &notification);
                notified.await;
            }
            Err(error) => tracing::warn!(%error, "that a message was delivered was not noted"),
        }
    }

    /// Notes that everything sent while a user was away has reached them, and notifies the senders.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(super) async fn mark_all_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
    ) -> Result<(), StoreError> {
        loop {
            let _order = self.noting_deliveries(conversation).await;
            let delivered =
                self.stores()
                    .receipts
                    .mark_delivered(conversation, user, PageLimit::MAX);
            let delivered = delivered.await?;
            if !delivered.messages.is_empty() {
                // A sender knows of no delivery before the answer that the message is stored.
                self.settled(conversation).await;
                for (sender, messages) in by_sender(delivered.messages) {
                    let notification = UserNotification::Delivered {
                        to: vec![user.clone()],
                        at: delivered.at,
                        messages,
                    };
                    let notified = self.notify(conversation, &sender, &notification);
                    notified.await;
                }
            }
            if !delivered.more {
                return Ok(());
            }
        }
    }
}

/// The messages of each sender, in their order.
fn by_sender(messages: Vec<(MessageId, UserId)>) -> HashMap<UserId, Vec<MessageId>> {
    let mut by_sender: HashMap<UserId, Vec<MessageId>> = HashMap::new();
    for (message, sender) in messages {
        by_sender.entry(sender).or_default().push(message);
    }
    by_sender
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_sender_is_notified_of_their_own_messages_in_order() {
        let (ann, eve) = (UserId::parse("ann").unwrap(), UserId::parse("eve").unwrap());
        let ids: Vec<_> = (0..3)
            .map(|_| MessageId::new(Uuid::now_v7()).unwrap())
            .collect();
        let messages = vec![
            (ids[0], ann.clone()),
            (ids[1], eve.clone()),
            (ids[2], ann.clone()),
        ];
        let grouped = by_sender(messages);
        assert_eq!(grouped.len(), 2);
        assert_eq!(grouped[&ann], [ids[0], ids[2]]);
        assert_eq!(grouped[&eve], [ids[1]]);
    }
}
