//! Conversations in MongoDB: the collections `users`, `conversations`, `participants`, `messages`,
//! `receipts` and `reactions`, which other programs may read, and of which they may write users,
//! conversations and participants. Nothing is kept of them here that must be right.
//!
//! An operation changes several documents one after the other, since not every server of MongoDB's
//! protocol has transactions. What tells others that something happened is one document; whatever is
//! counted can be counted again (`counts`).

mod changes;
mod collections;
mod counts;
mod documents;
mod gate;
mod history;
mod listing;
mod members;
mod messages;
mod newest;
mod participants;
mod reactions;
mod receipts;
mod tails;
mod users;

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{ConversationStore, StoreError};
use crate::model::clock::Clock;
use crate::model::conversation::{
    Added, Appended, Conversation, ConversationId, Created, Deleted, Delivered, Edit, Emoji,
    Ending, Listed, Message, MessageId, NewConversation, NewMessage, NewParticipant, Page,
    PageLimit, Participant, Reacted, Reaction, ReactionId, Read, Receipt, Slice, UserChange,
    UserRecord, Window,
};
use crate::model::{TokenUser, UserId};
use crate::stores::drivers::mongo::Mongo;
use collections::Collections;
use gate::Gate;
use tails::{Ids, Tails};

/// How often it is looked whether a MongoDB that is away is back.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The conversations of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MongoConversations {
    db: Arc<Db>,
    gate: Arc<Gate>,
}

/// What operations work with.
#[derive(Debug)]
struct Db {
    collections: Collections,
    clock: Arc<dyn Clock>,
    tails: Tails,
    ids: Ids,
    /// The indexes are there, and what was left in the middle is done.
    prepared: OnceCell<()>,
}

impl Deref for Db {
    type Target = Collections;

    fn deref(&self) -> &Collections {
        &self.collections
    }
}

impl Db {
    fn now(&self) -> u64 {
        self.clock.now_ms()
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let prepare = async || {
            self.make_indexes().await?;
            counts::finish_deletions(self).await
        };
        self.prepared.get_or_try_init(prepare).await.map(drop)
    }
}

/// A document is not where it has to be: somebody else has changed it all the time, or removed it.
#[derive(Debug, thiserror::Error)]
#[error("a document of {0} is not as it was left")]
struct Gone(&'static str);

fn gone(collection: &'static str) -> StoreError {
    StoreError::Failed(Arc::new(Gone(collection)))
}

impl MongoConversations {
    /// Needs no server yet: as long as there is none, operations fail. To be asked for its health
    /// at the start, since that makes the indexes.
    pub fn new(mongo: &Mongo, clock: Arc<dyn Clock>) -> Self {
        Self {
            db: Arc::new(Db {
                collections: Collections::of(mongo),
                clock,
                tails: Tails::new(),
                ids: Ids::default(),
                prepared: OnceCell::new(),
            }),
            gate: Arc::new(Gate::new()),
        }
    }

    /// Does an operation.
    async fn run<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _place = self.gate.enter().await?;
        let outcome = match self.db.prepare().await {
            Ok(()) => operation.await,
            Err(error) => Err(error),
        };
        if self.gate.note(&outcome) {
            tokio::spawn(self.clone().look_until_it_is_back());
        }
        outcome
    }

    async fn look_until_it_is_back(self) {
        while self.gate.is_waiting() {
            tokio::time::sleep(TRY_AGAIN).await;
            let answered = match self.db.prepare().await {
                Ok(()) => users::are_readable(&self.db).await,
                Err(error) => Err(error),
            };
            // It was away before, and somebody looks.
            let _ = self.gate.note(&answered);
        }
    }
}

/// Does a read, with references to these arguments.
macro_rules! read {
    ($self:ident, |$db:ident| $operation:expr) => {{
        let $db = &*$self.db;
        $self.run($operation).await
    }};
}

/// Does a write to its end, also if nobody waits for it any more, with clones of these arguments.
macro_rules! write {
    ($self:ident, |$db:ident $(, $argument:ident)*| $operation:expr) => {{
        $(let $argument = $argument.to_owned();)*
        let store = $self.clone();
        let writing = tokio::spawn(async move {
            let $db = &*store.db;
            store.run($operation).await
        });
        writing.await.unwrap_or_else(|error| Err(StoreError::Failed(Arc::new(error))))
    }};
}

#[async_trait]
impl ConversationStore for MongoConversations {
    async fn upsert_user(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        // Most who connect are known, and a read is cheaper.
        match self.user(&user.id).await? {
            Some(record) if record.says(user) => Ok(record),
            _ => write!(self, |db, user| users::upsert(db, &user)),
        }
    }

    async fn user(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
        read!(self, |db| users::find(db, user))
    }

    async fn users(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError> {
        read!(self, |db| users::find_all(db, users))
    }

    async fn users_named(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
        read!(self, |db| users::named(db, names))
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
    ) -> Result<UserRecord, StoreError> {
        write!(self, |db, user, change| users::change(db, &user, &change))
    }

    async fn saw_user(&self, user: &UserId, at: u64) -> Result<(), StoreError> {
        write!(self, |db, user| users::saw(db, &user, at))
    }

    async fn create_conversation(&self, new: &NewConversation) -> Result<Created, StoreError> {
        write!(self, |db, new| listing::create(db, &new))
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        read!(self, |db| listing::find(db, id))
    }

    async fn conversations_of(
        &self,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        read!(self, |db| listing::of(db, user, limit))
    }

    async fn conversation_of(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError> {
        read!(self, |db| listing::one_of(db, id, user))
    }

    async fn conversation_ids_of(&self, user: &UserId) -> Result<Vec<ConversationId>, StoreError> {
        read!(self, |db| listing::ids_of(db, user))
    }

    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        read!(self, |db| listing::partners_of(db, user))
    }

    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Vec<Arc<str>>)>, StoreError> {
        read!(self, |db| participants::names_in(db, conversations))
    }

    async fn participants(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        read!(self, |db| participants::everyone(db, id))
    }

    async fn participant(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Participant>, StoreError> {
        read!(self, |db| participants::find(db, id, user))
    }

    async fn add_participant(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
    ) -> Result<Added, StoreError> {
        write!(self, |db, id, new| participants::add(db, &id, &new))
    }

    async fn end_participation(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError> {
        write!(self, |db, id, user| participants::end(
            db, &id, &user, ending
        ))
    }

    async fn append(&self, new: &NewMessage) -> Result<Appended, StoreError> {
        write!(self, |db, new| messages::append(db, &new))
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        read!(self, |db| messages::find(db, id))
    }

    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Message, StoreError> {
        write!(self, |db, conversation, author, edit| changes::edit(
            db,
            &conversation,
            message,
            &author,
            &edit
        ))
    }

    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Deleted, StoreError> {
        write!(self, |db, conversation, user| changes::delete(
            db,
            &conversation,
            message,
            &user
        ))
    }

    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        write!(self, |db, conversation, user| changes::hide(
            db,
            &conversation,
            message,
            &user
        ))
    }

    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        read!(self, |db| history::page(
            db,
            conversation,
            user,
            window,
            limit
        ))
    }

    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError> {
        read!(self, |db| history::slice(
            db,
            conversation,
            user,
            offset,
            limit
        ))
    }

    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError> {
        write!(self, |db, conversation, user, messages| {
            receipts::mark_read(db, &conversation, &user, &messages)
        })
    }

    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError> {
        write!(self, |db, conversation, user| {
            receipts::mark_delivered(db, &conversation, &user, limit)
        })
    }

    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        write!(self, |db, conversation, users| {
            receipts::mark_delivered_to(db, &conversation, message, &users)
        })
    }

    async fn receipts(&self, message: MessageId) -> Result<Vec<Receipt>, StoreError> {
        read!(self, |db| receipts::of(db, message))
    }

    async fn add_reaction(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
        emoji: &Emoji,
    ) -> Result<Reacted, StoreError> {
        write!(self, |db, conversation, user, emoji| {
            reactions::add(db, &conversation, message, &user, &emoji)
        })
    }

    async fn remove_reaction(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Reaction, StoreError> {
        write!(self, |db, conversation, user| {
            reactions::remove(db, &conversation, message, reaction, &user)
        })
    }

    async fn reactions(&self, message: MessageId) -> Result<Vec<Reaction>, StoreError> {
        read!(self, |db| reactions::of(db, message))
    }

    fn failing(&self) -> &'static str {
        "MongoDB does not keep conversations"
    }

    async fn health(&self) -> Result<(), StoreError> {
        read!(self, |db| users::are_readable(db))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.gate.close().await;
        Ok(())
    }
}
