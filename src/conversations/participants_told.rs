//! The way of a change of the participants to those whom it concerns, on every node, whether they are subscribed or not.
//! What is changed is decided in `participants`.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{ConversationGuard, Conversations};
use crate::cluster::UserMessage;
use crate::model::conversation::{Change, ChangeNumber, Changed, ConversationId, Extra};
use crate::model::{Identity, UserId};

impl Conversations {
    /// Publishes a change of the participants to the subscribers, and to the others whom it concerns,
    /// on every node: new participants are subscribed to their chats when this returns.
    pub(super) async fn publish_participants(
        self: &Arc<Self>,
        guard: ConversationGuard,
        by: Option<&Identity>,
        change: Option<Change>,
    ) {
        self.publish_participants_saying(guard, by, change, Extra::default())
            .await;
    }

    /// The same with what the client of who made it says beside.
    pub(super) async fn publish_participants_saying(
        self: &Arc<Self>,
        mut guard: ConversationGuard,
        by: Option<&Identity>,
        change: Option<Change>,
        extra: Extra,
    ) {
        let Some(change) = change else {
            return;
        };
        let (id, number) = (guard.id().clone(), change.number);
        let subjects = change.what.users();
        guard.observe_from(number).await;
        let mut others: HashSet<_> = guard.participants().into_iter().collect();
        others.retain(|user| !subjects.contains(user));
        let change = self.named_by(by, change).await.saying(extra.clone());
        guard.publish_change(change).await;
        if let Some(cluster) = &self.cluster {
            let message = UserMessage::ParticipantsChanged {
                conversation: id,
                number,
                extra,
            };
            let executed = subjects.iter().map(|user| cluster.execute(user, &message));
            join_all(executed).await;
            for user in &others {
                let _ = cluster.bus().publish(user, &message);
            }
            cluster.bus().flush().await;
        }
    }

    /// A change of the participants was made on another node, and concerns users of this one.
    pub(crate) async fn observe(
        self: &Arc<Self>,
        id: &ConversationId,
        number: ChangeNumber,
        extra: Extra,
    ) {
        let mut guard = self.lock(id).await;
        guard.observe_from(number).await;
        let observed = async {
            if !extra.is_empty() {
                guard.take_saying(number, extra).await?;
            }
            guard.observe_to(number).await
        };
        if let Err(error) = observed.await {
            tracing::warn!(%error, "a change of participants could not be read");
        }
    }
}

impl Changed {
    /// The users whose participation it changes.
    pub(super) fn users(&self) -> Vec<UserId> {
        match self {
            Self::Created { participants, .. } => {
                participants.iter().map(|(user, _)| user.clone()).collect()
            }
            Self::Added { user, .. }
            | Self::Left(user)
            | Self::Removed(user)
            | Self::Dismissed(user)
            | Self::Invited { user, .. }
            | Self::Uninvited(user) => vec![user.clone()],
            _ => Vec::new(),
        }
    }
}
