//! What other nodes and applications do in this database.

use async_trait::async_trait;

use super::applications::log_applications;
use super::participant_changes::participants_changed;
use super::read_log::last;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{Change, ChangeNumber, ConversationId, NumberedEvent};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::shared_log::{ParticipantsChanged, Position, SharedLog};

#[async_trait]
impl SharedLog for MongoConversations {
    fn heard(&self, conversation: &ConversationId, change: &NumberedEvent) {
        self.db.heads.follow(conversation, change);
    }

    async fn last(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
        self.run(last(&self.db, conversations)).await
    }

    async fn participants_changed(
        &self,
        after: Option<Position>,
    ) -> Result<(Position, Vec<ParticipantsChanged>), StoreError> {
        self.run(participants_changed(&self.db, after)).await
    }

    async fn log_applications(
        &self,
        users: &[UserId],
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Change)>, StoreError> {
        if users.is_empty() && conversations.is_empty() {
            return Ok(Vec::new());
        }
        let (users, conversations) = (users.to_owned(), conversations.to_owned());
        self.write(|db| async move { log_applications(&db, &users, &conversations).await })
            .await
    }
}
