//! The collections, and how they are queried. It must not know the queries.

use std::future::IntoFuture;
use std::time::Duration;

use mongodb::Collection;
use mongodb::action::{Find, FindOne};
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use serde::de::DeserializeOwned;

use super::documents::{
    BlockDocument, ChangeDocument, ConversationDocument, MessageDocument,
    ParticipantChangeDocument, ParticipantDocument, ReactionDocument, ReceiptDocument,
    RevocationDocument, UserDocument,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::mongo::{DUPLICATE, Mongo, MongoError, within};

/// Timeout of one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// The collections of one database.
#[derive(Debug)]
pub(super) struct Collections {
    pub(super) users: Collection<UserDocument>,
    pub(super) conversations: Collection<ConversationDocument>,
    pub(super) participants: Collection<ParticipantDocument>,
    pub(super) messages: Collection<MessageDocument>,
    pub(super) receipts: Collection<ReceiptDocument>,
    pub(super) reactions: Collection<ReactionDocument>,
    pub(super) changes: Collection<ChangeDocument>,
    /// The changes of participants of all conversations, in one order.
    pub(super) participant_changes: Collection<ParticipantChangeDocument>,
    pub(super) blocks: Collection<BlockDocument>,
    pub(super) revocations: Collection<RevocationDocument>,
    /// Which form the documents have.
    pub(super) schema: Collection<Document>,
}

impl Collections {
    pub(super) fn of(mongo: &Mongo) -> Self {
        // The state of a secondary may be older than what this node has answered.
        Self {
            users: mongo.primary("users"),
            conversations: mongo.primary("conversations"),
            participants: mongo.primary("participants"),
            messages: mongo.primary("messages"),
            receipts: mongo.primary("receipts"),
            reactions: mongo.primary("reactions"),
            changes: mongo.primary("changes"),
            participant_changes: mongo.primary("participantChanges"),
            blocks: mongo.primary("blocks"),
            revocations: mongo.primary("revocations"),
            schema: mongo.primary("schema"),
        }
    }

    /// Whether users can be read, whatever another program has written there.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let users = self.users.clone_with_type::<Document>();
        let any = users.find_one(doc! {}).projection(doc! { "_id": 1 });
        execute(any).await.map(drop)
    }
}

/// Runs one command.
pub(super) async fn execute<T>(
    command: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<T, StoreError> {
    Ok(within(COMMAND_TIMEOUT, command).await?)
}

/// Runs one command. `None`: a unique index has such a document already.
pub(super) async fn unless_there<T>(
    command: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<Option<T>, StoreError> {
    match within(COMMAND_TIMEOUT, command).await {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_duplicate() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Runs an upsert. Of two at once one fails, and then finds the document of the other.
///
/// # Errors
/// Also when another document has its key: this helps against nothing else.
pub(super) async fn upsert<T, C>(command: impl Fn() -> C) -> Result<T, StoreError>
where
    C: IntoFuture<Output = mongodb::error::Result<T>>,
{
    match unless_there(command()).await? {
        Some(done) => Ok(done),
        None => execute(command()).await,
    }
}

/// Inserts those of these documents that no unique index has already, and returns the positions of the
/// others.
pub(super) async fn insert_missing<T: Send + Sync>(
    collection: &Collection<T>,
    documents: &[Document],
) -> Result<Vec<usize>, StoreError> {
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let collection = collection.clone_with_type::<Document>();
    let insert = async {
        match collection.insert_many(documents).ordered(false).await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => existing_of(&error).ok_or(error),
        }
    };
    execute(insert).await
}

/// The positions of the documents that exist already. `None`: there was another failure.
fn existing_of(error: &Error) -> Option<Vec<usize>> {
    let ErrorKind::InsertMany(failure) = &*error.kind else {
        return None;
    };
    let errors = failure.write_errors.as_deref().unwrap_or_default();
    let only_that =
        failure.write_concern_error.is_none() && errors.iter().all(|error| error.code == DUPLICATE);
    only_that.then(|| errors.iter().map(|error| error.index).collect())
}

/// All documents that are found. Those of another program that do not fit the contract are skipped.
pub(super) async fn all<T: DeserializeOwned + Send + Sync>(
    find: Find<'_, T>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    each(find, |document| {
        found.push(document);
        true
    })
    .await?;
    Ok(found)
}

/// Hands one document after the other to `take`, as long as that returns `true`.
pub(super) async fn each<T: DeserializeOwned + Send + Sync>(
    find: Find<'_, T>,
    mut take: impl FnMut(T) -> bool,
) -> Result<(), StoreError> {
    let reading = async {
        let mut cursor = find.await?;
        while cursor.advance().await? {
            let document = read(cursor.deserialize_current());
            if document.is_some_and(|document| !take(document)) {
                break;
            }
        }
        Ok(())
    };
    execute(reading).await
}

/// The document that is found.
pub(super) async fn one<T: DeserializeOwned + Send + Sync>(
    find: FindOne<'_, T>,
) -> Result<Option<T>, StoreError> {
    execute(find).await
}

fn read<T>(document: mongodb::error::Result<T>) -> Option<T> {
    document
        .inspect_err(|_| tracing::warn!("passed over a document that is not as documented"))
        .ok()
}

impl From<MongoError> for StoreError {
    fn from(error: MongoError) -> Self {
        // It shows nothing of what is in documents.
        Self::Failed(std::sync::Arc::new(error))
    }
}
