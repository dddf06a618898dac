//! The JSON types of the ids of conversations, for those who have not said which they use: that with which the
//! conversation was made. It must not know who is told an id.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Conversations;
use crate::model::conversation::{ConversationId, IdType};

/// Maximum number of ids whose types are remembered. They never change, so that all are forgotten at once when there
/// are more.
const MAX_REMEMBERED: usize = 16_384;

/// The types of the ids that look like numbers, and were asked for.
#[derive(Debug, Default)]
pub(super) struct IdTypes(Mutex<HashMap<ConversationId, IdType>>);

impl IdTypes {
    fn get(&self, id: &ConversationId) -> Option<IdType> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).copied()
    }

    fn remember(&self, id: &ConversationId, id_type: IdType) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(id.clone(), id_type);
    }
}

impl Conversations {
    /// The type of a conversation's id. Text while there is no such conversation, or the store does not answer.
    pub(crate) async fn id_type(&self, id: &ConversationId) -> IdType {
        if !id.is_number() {
            return IdType::Text;
        }
        if let Some(known) = self.id_types.get(id) {
            return known;
        }
        match self.stores().conversations.find(id).await {
            Ok(Some(conversation)) => {
                self.id_types.remember(id, conversation.id_type);
                conversation.id_type
            }
            Ok(None) => IdType::Text,
            Err(error) => {
                tracing::debug!(%error, "the type of a conversation's id is not known");
                IdType::Text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let types = IdTypes::default();
        for number in 0..2 * MAX_REMEMBERED as i64 + 1 {
            types.remember(&number.into(), IdType::Number);
        }
        assert_eq!(types.0.lock().unwrap().len(), 1);
        let last = ConversationId::from(2 * MAX_REMEMBERED as i64);
        assert_eq!(types.get(&last), Some(IdType::Number));
    }
}
