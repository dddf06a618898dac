//! The participants of conversations.

use async_trait::async_trait;

use super::keys::{keys_in, rotate};
use super::leaving::end;
use super::membership::add;
use super::participant_rows::{all, names_in, page};
use super::roles::set_role;
use super::store::SqliteConversations;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, KeyRotation, Logged, NewParticipant, Participant, Role,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{
    ParticipantKeys, ParticipantNames, ParticipantStore,
};

#[async_trait]
impl ParticipantStore for SqliteConversations {
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| all(db, &id)).await
    }

    async fn page(
        &self,
        id: &ConversationId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Participant>, StoreError> {
        let (id, after) = (id.clone(), after.cloned());
        self.readers
            .read(move |db| page(db, &id, after.as_ref(), limit))
            .await
    }

    async fn add(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
        by: &ChangedBy,
        max_active: usize,
    ) -> Result<Logged<Participant>, StoreError> {
        let (id, new, by) = (id.clone(), new.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                add(writing, &id, &new, by.clone(), max_active)
            })
            .await
    }

    async fn rotate_key(
        &self,
        id: &ConversationId,
        by: &UserId,
        new: &KeyRotation,
    ) -> Result<Logged<()>, StoreError> {
        let (id, by, new) = (id.clone(), by.clone(), new.clone());
        self.writer
            .write_rows(Some(by.clone()), new.encrypted.len(), move |writing| {
                rotate(writing, &id, &by, &new)
            })
            .await
    }

    async fn keys_in(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantKeys>, StoreError> {
        let (user, conversations) = (user.clone(), conversations.to_owned());
        self.readers
            .read(move |db| keys_in(db, &user, conversations))
            .await
    }

    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user, by) = (id.clone(), user.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                end(writing, &id, &user, by.clone())
            })
            .await
    }

    async fn set_role(
        &self,
        id: &ConversationId,
        user: &UserId,
        role: Role,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user, by) = (id.clone(), user.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                set_role(writing, &id, &user, role, &by)
            })
            .await
    }

    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantNames>, StoreError> {
        let conversations = conversations.to_owned();
        self.readers
            .read(move |db| names_in(db, conversations))
            .await
    }
}
