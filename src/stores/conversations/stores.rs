//! The stores of conversations, as services hold them.

use std::sync::Arc;

use super::conversation::ConversationStore;
use super::health::StoreHealth;
use super::messages::MessageStore;
use super::participants::ParticipantStore;
use super::reactions::ReactionStore;
use super::receipts::ReceiptStore;
use super::users::UserStore;

/// The stores of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConversationStores {
    /// Users.
    pub(crate) users: Arc<dyn UserStore>,
    /// Conversations.
    pub(crate) conversations: Arc<dyn ConversationStore>,
    /// Their participants.
    pub(crate) participants: Arc<dyn ParticipantStore>,
    /// Their messages.
    pub(crate) messages: Arc<dyn MessageStore>,
    /// What was delivered and read.
    pub(crate) receipts: Arc<dyn ReceiptStore>,
    /// Reactions to messages.
    pub(crate) reactions: Arc<dyn ReactionStore>,
    /// The state of the database.
    pub(crate) health: Arc<dyn StoreHealth>,
}

impl ConversationStores {
    /// The stores of a database that has all of them.
    pub(crate) fn of<S>(database: Arc<S>) -> Self
    where
        S: UserStore
            + ConversationStore
            + ParticipantStore
            + MessageStore
            + ReceiptStore
            + ReactionStore
            + StoreHealth
            + 'static,
    {
        Self {
            users: database.clone(),
            conversations: database.clone(),
            participants: database.clone(),
            messages: database.clone(),
            receipts: database.clone(),
            reactions: database.clone(),
            health: database,
        }
    }
}
