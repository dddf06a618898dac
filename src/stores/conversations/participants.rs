//! The store of participants.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, GivenKey, KeyRotation, Logged, NewParticipant, Participant, Role,
};

/// The names of a conversation's active participants.
pub(crate) type ParticipantNames = (ConversationId, Vec<Arc<str>>);

/// The content keys that somebody was given in a conversation, by their numbers.
pub(crate) type ParticipantKeys = (ConversationId, Vec<GivenKey>);

/// The most content keys of one participant.
pub(crate) const MAX_KEYS: usize = 1_000;
/// How much of content keys is read at once, in bytes, beyond those of the first conversation.
pub(crate) const MAX_KEYS_BYTES: usize = 1 << 22;

/// The most names that others are told of one conversation, in a list or when it is created: whoever adds
/// participants makes others read them.
pub(crate) const MAX_NAMES: u32 = 100;

/// Stores who participates in conversations.
#[async_trait]
pub(crate) trait ParticipantStore: Debug + Send + Sync {
    /// All present and former participants, by the time when they were added last; of those added
    /// at the same time by id.
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError>;

    /// At most `limit` of them, by id; behind a user, who need not be one.
    async fn page(
        &self,
        id: &ConversationId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Participant>, StoreError>;

    /// Adds a participant, who may be a former one; an active one is not changed. Messages sent until
    /// then count neither as unread nor as undelivered for them. One who is to be invited has nothing of it until they
    /// accept. A user must be an admin of the
    /// conversation to do so. With them it may have so many active ones.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`], [`StoreError::NotParticipant`], [`StoreError::NotAdmin`],
    /// [`StoreError::ConversationFull`]; [`StoreError::TooLarge`]: they would have more than [`MAX_KEYS`].
    async fn add(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
        by: &ChangedBy,
        max_active: usize,
    ) -> Result<Logged<Participant>, StoreError>;

    /// Gives those of these users who are participants, or invited, a content key with a number above that of all
    /// others. Any participant may do so.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::KeyExists`]; [`StoreError::TooLarge`]: somebody has [`MAX_KEYS`].
    async fn rotate_key(
        &self,
        id: &ConversationId,
        by: &UserId,
        new: &KeyRotation,
    ) -> Result<Logged<()>, StoreError>;

    /// The content keys that a user was given in these conversations, whether they are still a participant or not: of
    /// those that come first if they are more than [`MAX_KEYS_BYTES`].
    async fn keys_in(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantKeys>, StoreError>;

    /// Ends a user's participation: they leave, if they do it themselves, or else are removed, by a
    /// user who must be an admin of the conversation. An invitation ends likewise. Where an admin goes and
    /// there is no other, whoever joined first of those who are left becomes one in the same step: the
    /// consequence. What this user has done before is not done again. `None`: they were neither an active participant
    /// nor invited.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAdmin`]
    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError>;

    /// Gives a participant another role; who is invited keeps theirs. A user must be an admin of the
    /// conversation to do so. `None`: they are not a participant.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotAdmin`], [`StoreError::LastAdmin`]
    async fn set_role(
        &self,
        id: &ConversationId,
        user: &UserId,
        role: Role,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError>;

    /// For each of these conversations the names of its active participants, the first [`MAX_NAMES`] by
    /// their ids; the id for an unknown user. Each conversation once, in no order; none without active
    /// participants.
    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantNames>, StoreError>;
}
