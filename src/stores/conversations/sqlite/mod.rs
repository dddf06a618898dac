//! Conversations in an SQLite file of the data folder, `conversations.db`. Nothing here blocks the
//! tasks that call it: one thread writes, a small pool reads.

mod changes;
mod columns;
mod history;
mod listing;
mod messages;
mod order;
mod participants;
mod reactions;
mod readers;
mod receipts;
mod schema;
mod users;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{ConversationStore, StoreError};
use crate::model::clock::Clock;
use crate::model::conversation::{
    Added, Appended, Conversation, ConversationId, Created, Deleted, Delivered, Edit, Emoji,
    Ending, Listed, Message, MessageId, NewConversation, NewMessage, NewParticipant, Page,
    PageLimit, Participant, Reacted, Reaction, ReactionId, Read, Receipt, Slice, UserChange,
    UserRecord, Window,
};
use crate::model::{TokenUser, UserId};
use crate::stores::drivers::sqlite::{self, OpenError};
use readers::Readers;
use writer::Writer;

/// The file's name in the data folder.
const FILE_NAME: &str = "conversations.db";
/// How long a batch waits for another process that holds the file's write lock.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;

/// The conversations of one data folder.
#[derive(Debug)]
pub struct SqliteConversations {
    writer: Writer,
    readers: Readers,
}

impl SqliteConversations {
    /// Opens `conversations.db` in `data_dir`, and starts the thread that writes it.
    ///
    /// # Errors
    /// Those of [`sqlite::open`]; [`OpenError::Create`] also when the system has no thread to
    /// give.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let connection = sqlite::open(data_dir, FILE_NAME, schema::SETTINGS, schema::MIGRATIONS)?;
        connection.busy_timeout(WRITE_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let path = data_dir.join(FILE_NAME);
        let no_thread = |source: io::Error| OpenError::Create {
            path: path.clone(),
            source,
        };
        Ok(Self {
            writer: Writer::start(connection, clock).map_err(no_thread)?,
            readers: Readers::new(path),
        })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // It names statements and columns, and never what is bound to them or read from them.
        Self::Failed(Arc::new(error))
    }
}

/// Does a write on the thread that writes, with clones of these arguments.
macro_rules! write {
    ($self:ident, |$writing:ident $(, $argument:ident)*| $operation:expr) => {{
        $(let $argument = $argument.to_owned();)*
        $self.writer.write(move |$writing| $operation).await
    }};
}

/// Does a read where it may block, with clones of these arguments.
macro_rules! read {
    ($self:ident, |$db:ident $(, $argument:ident)*| $operation:expr) => {{
        $(let $argument = $argument.to_owned();)*
        $self.readers.read(move |$db| $operation).await
    }};
}

#[async_trait]
impl ConversationStore for SqliteConversations {
    async fn upsert_user(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        // Most who connect are known, and a read costs no disk flush.
        match self.user(&user.id).await? {
            Some(record) if record.says(user) => Ok(record),
            _ => write!(self, |writing, user| users::upsert(writing.db, &user)),
        }
    }

    async fn user(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
        read!(self, |db, user| users::find(db, &user))
    }

    async fn users(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError> {
        read!(self, |db, users| {
            let found = users.iter().map(|user| users::find(db, user));
            found.filter_map(Result::transpose).collect()
        })
    }

    async fn users_named(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
        read!(self, |db, names| users::named(db, names))
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
    ) -> Result<UserRecord, StoreError> {
        write!(self, |writing, user, change| {
            users::change(writing.db, &user, &change)
        })
    }

    async fn saw_user(&self, user: &UserId, at: u64) -> Result<(), StoreError> {
        write!(self, |writing, user| users::saw(writing.db, &user, at))
    }

    async fn create_conversation(&self, new: &NewConversation) -> Result<Created, StoreError> {
        write!(self, |writing, new| listing::create(writing, &new))
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        read!(self, |db, id| listing::find(db, &id))
    }

    async fn conversations_of(
        &self,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        read!(self, |db, user| listing::of(db, &user, limit))
    }

    async fn conversation_of(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError> {
        read!(self, |db, id, user| listing::one_of(db, &id, &user))
    }

    async fn conversation_ids_of(&self, user: &UserId) -> Result<Vec<ConversationId>, StoreError> {
        read!(self, |db, user| listing::ids_of(db, &user))
    }

    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        read!(self, |db, user| listing::partners_of(db, &user))
    }

    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Vec<Arc<str>>)>, StoreError> {
        read!(self, |db, conversations| participants::names_in(
            db,
            conversations
        ))
    }

    async fn participants(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        read!(self, |db, id| participants::all(db, &id))
    }

    async fn participant(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Participant>, StoreError> {
        read!(self, |db, id, user| participants::find(db, &id, &user))
    }

    async fn add_participant(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
    ) -> Result<Added, StoreError> {
        write!(self, |writing, id, new| participants::add(
            writing, &id, &new
        ))
    }

    async fn end_participation(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError> {
        write!(self, |writing, id, user| {
            participants::end(writing.db, &id, &user, ending)
        })
    }

    async fn append(&self, new: &NewMessage) -> Result<Appended, StoreError> {
        write!(self, |writing, new| messages::append(writing, &new))
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
        write!(self, |writing, conversation, author, edit| {
            changes::edit(writing, &conversation, message, &author, &edit)
        })
    }

    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Deleted, StoreError> {
        write!(self, |writing, conversation, user| {
            changes::delete(writing, &conversation, message, &user)
        })
    }

    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        write!(self, |writing, conversation, user| {
            changes::hide(writing.db, &conversation, message, &user)
        })
    }

    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        read!(self, |db, conversation, user| {
            history::page(db, &conversation, &user, window, limit)
        })
    }

    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError> {
        read!(self, |db, conversation, user| {
            history::slice(db, &conversation, &user, offset, limit)
        })
    }

    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError> {
        write!(self, |writing, conversation, user, messages| {
            receipts::mark_read(writing, &conversation, &user, messages)
        })
    }

    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError> {
        write!(self, |writing, conversation, user| {
            receipts::mark_delivered(writing, &conversation, &user, limit)
        })
    }

    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        write!(self, |writing, conversation, users| {
            receipts::mark_delivered_to(writing, &conversation, message, &users)
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
        write!(self, |writing, conversation, user, emoji| {
            reactions::add(writing, &conversation, message, &user, &emoji)
        })
    }

    async fn remove_reaction(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Reaction, StoreError> {
        write!(self, |writing, conversation, user| {
            reactions::remove(writing.db, &conversation, message, reaction, &user)
        })
    }

    async fn reactions(&self, message: MessageId) -> Result<Vec<Reaction>, StoreError> {
        read!(self, |db| reactions::of(db, message))
    }

    fn failing(&self) -> &'static str {
        "the store of conversations does not work"
    }

    async fn health(&self) -> Result<(), StoreError> {
        // A transaction without a change takes the lock of the file and writes nothing.
        write!(self, |_writing| Ok(()))?;
        read!(self, |db| {
            db.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)")?
                .query_row([], |_| Ok(()))?;
            Ok(())
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await;
        Ok(())
    }
}
