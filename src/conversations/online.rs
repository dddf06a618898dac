//! Who is subscribed to a conversation, on all nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ConversationGuard, Conversations};
use crate::cluster::{Answer, ConversationMessage};
use crate::connection::rooms::of_conversation;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, TypedId, UserRecord};
use crate::stores::conversations::StoreError;
use crate::users::Member;

/// The users who are subscribed to a conversation. It stays locked while this is held, so that a
/// later change is not sent before it.
#[derive(Debug)]
pub(crate) struct OnlineUsers {
    /// By id.
    pub(crate) users: Vec<UserRecord>,
    _guard: ConversationGuard,
}

impl Conversations {
    /// Who is subscribed to a conversation, by any dialect and on any node, for a connection of a participant. It is
    /// sent when one of them is not any more.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(crate) async fn online(
        self: &Arc<Self>,
        member: &Member,
        conversation: &TypedId,
    ) -> Result<OnlineUsers, StoreError> {
        let (user, id_type) = (&member.user.id, conversation.id_type);
        let conversation = &conversation.id;
        self.require_participant(user, conversation).await?;
        let remote = self.online_remote(conversation).await;
        let mut guard = self.lock(conversation).await;
        guard.role_of(user).await?;
        let local = guard.users().into_iter().cloned();
        let all: BTreeSet<_> = local.chain(remote).collect();
        let blockers = self.users.blockers_among(user, all.iter().cloned()).await;
        let users = all.into_iter().filter(|one| !blockers.contains(one));
        let users: Vec<_> = users.collect();
        let mut users = self.stores().users.find_all(&users).await?;
        users.sort_by(|one, other| one.id.cmp(&other.id));
        let connection = &member.connection;
        connection.send_deferred_of(|| of_conversation(conversation.as_str()));
        let ids = users.iter().map(|user| &user.id);
        guard.note_listed(member, id_type, ids).await;
        Ok(OnlineUsers {
            users,
            _guard: guard,
        })
    }

    /// Who is subscribed on other nodes.
    pub(super) async fn online_remote(&self, conversation: &ConversationId) -> Vec<UserId> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let question = ConversationMessage::ListSubscribers;
        let answers = cluster.ask(conversation, &question).await.into_iter();
        let users = answers.flat_map(|answer| match answer {
            Answer::Users(users) => users,
            _ => Vec::new(),
        });
        users.collect()
    }

    /// Fails unless a user is a participant of a conversation.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]: they are none. Or the store fails.
    pub(crate) async fn require_participant(
        self: &Arc<Self>,
        user: &UserId,
        conversation: &ConversationId,
    ) -> Result<(), StoreError> {
        let mut guard = self.lock(conversation).await;
        guard.role_of(user).await.map(|_| ())
    }
}
