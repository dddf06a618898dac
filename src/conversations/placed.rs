//! What is sent to the participants of a conversation and is none of its events, at a place among them: behind all that
//! was confirmed before. It must not know what that is.

use std::sync::Arc;

use super::Conversations;
use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationId, Snapshot};
use crate::stores::conversations::StoreError;

impl Conversations {
    /// The active participants of a conversation, and the last change that was stored. One that does not exist has none.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn placed(
        &self,
        id: &ConversationId,
    ) -> Result<(ChangeNumber, Vec<UserId>), StoreError> {
        let Snapshot {
            number,
            participants,
        } = self.stores().log.snapshot(id).await?;
        Ok((number, participants.into_keys().collect()))
    }

    /// Returns once the subscribers here have received a change, and all before it.
    pub(crate) async fn received_to(self: &Arc<Self>, id: &ConversationId, last: ChangeNumber) {
        self.close_gap(id, last).await;
    }
}
