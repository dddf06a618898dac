//! The store of what is brought in from elsewhere: many lines at once, each as if it were alone.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::conversation::{Import, Imported};

/// Stores lines of an import.
#[async_trait]
pub(crate) trait ImportStore: Debug + Send + Sync {
    /// Stores these, of one user or conversation in their order, and answers when all of them are stored; of each what it has
    /// changed, or why it is not stored. A conversation may have so many active participants. What a line says that was said
    /// before changes nothing.
    ///
    /// # Errors
    /// The store fails; some of them may be stored. Of a line: [`StoreError::ConversationExists`] where another user has made
    /// the conversation; [`StoreError::NoConversation`], [`StoreError::ConversationFull`], [`StoreError::LastAdmin`].
    async fn import(
        &self,
        lines: Vec<Import>,
        max_active: usize,
    ) -> Result<Vec<Result<Imported, StoreError>>, StoreError>;
}

/// What became of one line, where the store has not failed.
pub(super) fn of_line<T>(done: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match done {
        Err(error @ (StoreError::Failed(_) | StoreError::Closed)) => Err(error),
        done => Ok(done),
    }
}
