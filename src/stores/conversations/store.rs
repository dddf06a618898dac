//! What a store of conversations does. Each operation is whole: others see all of it or nothing, and
//! when it has answered, it outlives the end of this process. What is noted of several messages, and
//! what is counted of a conversation (its last message, what is unread), may be seen one by one, but
//! all of it before the answer: so a database that changes one document at a time will do. A store
//! must not know connections, events, or who is online.
//!
//! What is done for a user in a conversation is done only while they actively take part in it; else
//! [`StoreError::NotParticipant`]. Who may manage participants and users, the caller decides.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::conversation::{
    Added, Appended, Conversation, ConversationId, Created, Deleted, Delivered, Edit, Emoji,
    Ending, Listed, Message, MessageId, NewConversation, NewMessage, NewParticipant, Page,
    PageLimit, Participant, Reacted, Reaction, ReactionId, Read, Receipt, Slice, UserChange,
    UserRecord, Window,
};
use crate::model::{TokenUser, UserId};

/// Why something was not done. No variant holds anything of what users write.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A conversation with this id exists.
    #[error("the conversation exists")]
    ConversationExists,
    /// There is no such conversation to add someone to.
    #[error("no such conversation")]
    NoConversation,
    /// There is no such conversation, or the user does not take part in it.
    #[error("not a participant of the conversation")]
    NotParticipant,
    /// There is no such message or reaction in the conversation, or it is not for this user to
    /// change.
    #[error("not found, or not allowed")]
    NotAllowed,
    /// The store was closed.
    #[error("the store of conversations is closed")]
    Closed,
    /// The database failed. Nothing was done, or, if it failed in the very moment of keeping it,
    /// perhaps all of it.
    #[error("the store of conversations failed: {0}")]
    Failed(Arc<dyn Error + Send + Sync>),
}

/// Keeps conversations.
#[async_trait]
pub trait ConversationStore: Debug + Send + Sync {
    /// Keeps what a user's token tells, and returns what is known of them.
    async fn upsert_user(&self, user: &TokenUser) -> Result<UserRecord, StoreError>;

    /// What is known of a user.
    async fn user(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError>;

    /// What is known of these users, in no order; nothing of those who are not known.
    async fn users(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError>;

    /// All users who have one of these names now, each once, in no order. Names are not unique.
    async fn users_named(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError>;

    /// Changes a user for an administrator, who may tell of them before they come.
    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
    ) -> Result<UserRecord, StoreError>;

    /// Notes that a user was connected at this time; an earlier one changes nothing.
    async fn saw_user(&self, user: &UserId, at: u64) -> Result<(), StoreError>;

    /// Makes a conversation.
    ///
    /// # Errors
    /// [`StoreError::ConversationExists`]
    async fn create_conversation(&self, new: &NewConversation) -> Result<Created, StoreError>;

    /// A conversation, whoever asks.
    async fn conversation(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// The conversations that a user takes part in, the one with the newest message first, at most
    /// so many.
    async fn conversations_of(
        &self,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError>;

    /// One conversation that a user takes part in, as it is in that list. `None`: they do not.
    async fn conversation_of(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError>;

    /// The ids of all conversations that a user takes part in, in no order.
    async fn conversation_ids_of(&self, user: &UserId) -> Result<Vec<ConversationId>, StoreError>;

    /// All others who take part in a conversation that this user takes part in, each once, in no
    /// order.
    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError>;

    /// For each of these conversations the names of those who take part in it, by their ids; the id
    /// of one who is not known. Each conversation once, in no order; none in which nobody takes
    /// part.
    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Vec<Arc<str>>)>, StoreError>;

    /// All who take or took part, the longest first; of those added at the same time by id.
    async fn participants(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError>;

    /// One who takes or took part.
    async fn participant(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Participant>, StoreError>;

    /// Adds someone, who may have taken part before. What was sent until then counts neither as
    /// unread nor as to be delivered.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`]
    async fn add_participant(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
    ) -> Result<Added, StoreError>;

    /// Ends someone's taking part. `None`: they did not.
    async fn end_participation(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError>;

    /// Keeps a message at the end of the history. No message with a smaller id is ever seen in it
    /// after one with a greater. A message that its sender sent under the same `temp_id` before is
    /// returned as it is kept now.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn append(&self, new: &NewMessage) -> Result<Appended, StoreError>;

    /// A message, whoever asks.
    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// Changes a message of its author that was not deleted.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`]
    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Message, StoreError>;

    /// Deletes what a message says, for its author or an admin of the conversation.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`]
    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Deleted, StoreError>;

    /// Leaves a message out of the history for one user. `false`: it was left out already.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`]
    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError>;

    /// A part of the history, without what the user has hidden. It ends, with more to come, before
    /// the message with which it would have more than [`PageLimit::MAX_BYTES`] (8 MiB), unless that
    /// is its first. A store reads at most one message more than it answers.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError>;

    /// The same by position: so many messages of the history after the first `offset`. It ends
    /// early as a page does, which changes nothing about the total.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError>;

    /// Notes that a user has read these messages of others; what they had read before, and what is
    /// no message of another in this conversation, is left out. The caller bounds how many there are.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError>;

    /// Notes that all messages of others since the user was added have reached them, and returns
    /// those that had not: the oldest `limit` of them, noting no others. Without those that were
    /// deleted or that the user has hidden.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError>;

    /// Notes that a message has reached these users, and returns those whom it had not: others than
    /// its sender, who take part.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`]: there is no such message in this conversation.
    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;

    /// What was received of a message, whoever asks, in no order.
    async fn receipts(&self, message: MessageId) -> Result<Vec<Receipt>, StoreError>;

    /// Keeps a reaction to a message that was not deleted. Of the same user with the same emoji the
    /// one that is kept is returned.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`]
    async fn add_reaction(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
        emoji: &Emoji,
    ) -> Result<Reacted, StoreError>;

    /// Deletes a user's own reaction, and returns it.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAllowed`]
    async fn remove_reaction(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Reaction, StoreError>;

    /// The reactions to a message, whoever asks, the oldest first.
    async fn reactions(&self, message: MessageId) -> Result<Vec<Reaction>, StoreError>;

    /// What the readiness check says while it does not read and write.
    fn failing(&self) -> &'static str;

    /// Whether it reads and writes.
    async fn health(&self) -> Result<(), StoreError>;

    /// Finishes what waits to be written and takes no more.
    async fn close(&self) -> Result<(), StoreError>;
}
