//! The stores of conversations, as services hold them.

use std::sync::Arc;

use super::blocks::BlockStore;
use super::conversation::ConversationStore;
use super::health::StoreHealth;
use super::import::ImportStore;
use super::invitations::InvitationStore;
use super::log::LogStore;
use super::messages::MessageStore;
use super::participants::ParticipantStore;
use super::pending::PendingStore;
use super::reactions::ReactionStore;
use super::receipts::ReceiptStore;
use super::retention::RetentionStore;
use super::revocations::RevocationStore;
use super::shared_log::SharedLog;
use super::users::UserStore;
use crate::stores::ApplicationUsers;

/// The stores of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConversationStores {
    /// Users.
    pub(crate) users: Arc<dyn UserStore>,
    /// Whom they have blocked.
    pub(crate) blocks: Arc<dyn BlockStore>,
    /// Conversations.
    pub(crate) conversations: Arc<dyn ConversationStore>,
    /// Their participants.
    pub(crate) participants: Arc<dyn ParticipantStore>,
    /// Those of them who are invited.
    pub(crate) invitations: Arc<dyn InvitationStore>,
    /// What is brought in from elsewhere.
    pub(crate) imports: Arc<dyn ImportStore>,
    /// Those of them who are pending.
    pub(crate) pending: Arc<dyn PendingStore>,
    /// Their messages.
    pub(crate) messages: Arc<dyn MessageStore>,
    /// What was delivered and read.
    pub(crate) receipts: Arc<dyn ReceiptStore>,
    /// Reactions to messages.
    pub(crate) reactions: Arc<dyn ReactionStore>,
    /// The log of all of these.
    pub(crate) log: Arc<dyn LogStore>,
    /// How long all of it is kept.
    pub(crate) retention: Arc<dyn RetentionStore>,
    /// Tokens of users that are taken back.
    pub(crate) revocations: Arc<dyn RevocationStore>,
    /// What others do to it; none where no others can.
    pub(crate) shared_log: Option<Arc<dyn SharedLog>>,
    /// The users of an application, by whose names users are called whose tokens have none.
    pub(crate) application: Option<Arc<ApplicationUsers>>,
    /// The state of the database.
    pub(crate) health: Arc<dyn StoreHealth>,
}

impl ConversationStores {
    /// The stores of a database that has all of them.
    pub(crate) fn of<S>(database: Arc<S>) -> Self
    where
        S: UserStore
            + BlockStore
            + ConversationStore
            + ParticipantStore
            + InvitationStore
            + ImportStore
            + PendingStore
            + MessageStore
            + ReceiptStore
            + ReactionStore
            + LogStore
            + RetentionStore
            + RevocationStore
            + StoreHealth
            + 'static,
    {
        Self {
            users: database.clone(),
            blocks: database.clone(),
            conversations: database.clone(),
            participants: database.clone(),
            invitations: database.clone(),
            imports: database.clone(),
            pending: database.clone(),
            messages: database.clone(),
            receipts: database.clone(),
            reactions: database.clone(),
            log: database.clone(),
            retention: database.clone(),
            revocations: database.clone(),
            shared_log: None,
            application: None,
            health: database,
        }
    }

    /// The same of a database that others can reach.
    pub(crate) fn shared(mut self, log: Arc<dyn SharedLog>) -> Self {
        self.shared_log = Some(log);
        self
    }

    /// The same beside the users of an application.
    pub(crate) fn beside(mut self, application: Option<ApplicationUsers>) -> Self {
        self.application = application.map(Arc::new);
        self
    }
}
