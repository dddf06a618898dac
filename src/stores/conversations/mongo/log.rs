//! The log of a conversation: how a change gets its number.
//!
//! A change is committed by one update of the conversation's document: it takes the next number if no
//! other node has taken it, and leaves the whole change there as the `tail`. Then it is applied to the
//! documents that it concerns (`apply`). Whoever finds a tail that another node has left applies it
//! first; so no number is missing, and no node has to come back.
//!
//! What an operation has read before it commits (who participates, whose message it is) still holds if
//! the commit succeeds: everything that could change it takes a number.

use mongodb::bson::{Document, doc, serialize_to_bson};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::apply::{apply, complete, is_recorded, is_stored};
use super::collections::{execute, one, unless_there};
use super::db::{Db, gone};
use super::documents::{HeadDocument, Kind, ShortHeadDocument, TailDocument, damaged};
use super::heads::Head;
use super::newest::newest;
use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;

/// How often a commit is tried that conflicts with those of other nodes.
const ATTEMPTS: usize = 256;

/// The log of a conversation, which no other task of this node changes meanwhile.
pub(super) struct Log<'a> {
    db: &'a Db,
    conversation: &'a ConversationId,
    /// `None`: it has to be read.
    head: OwnedMutexGuard<Option<Head>>,
    attempts: usize,
}

impl<'a> Log<'a> {
    pub(super) async fn open(db: &'a Db, conversation: &'a ConversationId) -> Self {
        Self {
            db,
            conversation,
            head: db.heads.of(conversation).lock_owned().await,
            attempts: 0,
        }
    }

    /// The head, from which a change is to be decided.
    ///
    /// # Errors
    /// Also when other nodes have been faster too often.
    pub(super) async fn head(&mut self) -> Result<Head, StoreError> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS {
            return Err(gone("conversations"));
        }
        if let Some(known) = &*self.head {
            return Ok(known.clone());
        }
        let head = read_head(self.db, self.conversation).await?;
        // Where there is nothing, another node may create it at any time.
        *self.head = head.exists.then(|| head.clone());
        Ok(head)
    }

    /// Commits and applies a change that has the number behind the head. `false`: another node was
    /// faster, and everything has to be decided anew.
    pub(super) async fn commit(
        &mut self,
        head: &Head,
        tail: &TailDocument,
    ) -> Result<bool, StoreError> {
        let mut first = doc! { "createdAt": tail.change.at };
        let by = tail.change.user();
        first.extend(by.map(|user| ("createdBy".to_owned(), user.into())));
        self.commit_first(head, tail, first).await
    }

    /// The same with the fields that the conversation's document gets if there is none.
    pub(super) async fn commit_first(
        &mut self,
        head: &Head,
        tail: &TailDocument,
        first: Document,
    ) -> Result<bool, StoreError> {
        // An error leaves the head unknown.
        *self.head = None;
        let next = after(head, tail)?;
        if !take_number(self.db, self.conversation, head, &next, tail, first).await? {
            return Ok(false);
        }
        apply(self.db, tail).await?;
        *self.head = Some(next);
        self.attempts = 0;
        Ok(true)
    }
}

impl Head {
    /// The number of the next change.
    pub(super) const fn next(&self) -> i64 {
        self.number + 1
    }
}

/// The head after a change.
fn after(head: &Head, tail: &TailDocument) -> Result<Head, StoreError> {
    let mut next = Head {
        number: tail.last().number,
        exists: true,
        is_stored: true,
        ..head.clone()
    };
    if tail.change.kind == Kind::Sent {
        let id = tail.change.message_id.as_deref();
        next.last_message = message_id(id)?;
        next.messages += 1;
    }
    Ok(next)
}

fn message_id(id: Option<&str>) -> Result<Uuid, StoreError> {
    let id = id.and_then(MessageId::parse);
    Ok(*id.ok_or_else(damaged("conversations"))?.uuid())
}

/// Takes the next number. `false`: another node has taken it.
async fn take_number(
    db: &Db,
    conversation: &ConversationId,
    head: &Head,
    next: &Head,
    tail: &TailDocument,
    mut first: Document,
) -> Result<bool, StoreError> {
    let id = conversation.as_str();
    let whole = serialize_to_bson(tail).map_err(|_| damaged("conversations")())?;
    let mut set = doc! { "changes": next.number, "tail": whole };
    if tail.change.kind == Kind::Sent {
        set.extend(doc! {
            "messageCount": next.messages,
            "lastMessageId": &tail.change.message_id,
            "lastMessageAt": tail.change.at,
        });
    }
    if tail.change.kind == Kind::Described {
        set.extend(tail.set.clone());
    }
    if !head.exists {
        first.extend(doc! { "_id": id, "id": id });
        first.extend(set);
        let conversations = db.conversations.clone_with_type::<Document>();
        let insert = || conversations.insert_one(&first);
        if unless_there(insert()).await?.is_some() {
            return Ok(true);
        }
        // Another node was faster, or a document of another program is in the way.
        return match one(db.conversations.find_one(doc! { "id": id })).await? {
            Some(_) => Ok(false),
            None => execute(insert()).await.map(|_| true),
        };
    }
    let filter = match head.is_stored {
        true => doc! { "id": id, "changes": head.number },
        false => doc! { "id": id, "changes": null },
    };
    let update = doc! { "$set": set };
    let update = execute(db.conversations.update_one(filter, update)).await?;
    Ok(update.matched_count == 1)
}

/// Reads the head, and applies the tail that another node may have left.
pub(super) async fn read_head(db: &Db, conversation: &ConversationId) -> Result<Head, StoreError> {
    let heads = db.conversations.clone_with_type::<HeadDocument>();
    let find = heads.find_one(doc! { "id": conversation.as_str() });
    let found = one(find.projection(HeadDocument::fields())).await?;
    if let Some(tail) = found.as_ref().and_then(|head| head.tail.as_ref()) {
        complete(db, tail).await?;
    }
    let stored = found.as_ref().and_then(|head| head.changes);
    let count = found.as_ref().and_then(|head| head.message_count);
    let last = found
        .as_ref()
        .and_then(|head| head.last_message_id.as_deref());
    let mut head = Head {
        number: stored.unwrap_or(0),
        messages: count.unwrap_or(0),
        last_message: Uuid::nil(),
        exists: found.is_some(),
        is_stored: stored.is_some(),
    };
    if last.is_some() {
        head.last_message = message_id(last)?;
    } else if (stored.is_none() || head.messages > 0)
        && let Some(newest) = newest(db, conversation).await?
    {
        head.last_message = message_id(Some(&newest.id))?;
        head.number = stored.unwrap_or(newest.seq);
        head.messages = count.unwrap_or(newest.seq);
    }
    Ok(head)
}

/// The last number of a conversation, whose participants are as that says.
pub(super) struct Settled {
    pub(super) number: i64,
    /// They were not before.
    pub(super) is_news: bool,
}

/// Applies the last change if it concerns participants and another node has left it. `None`: there is
/// no such conversation.
pub(super) async fn settle(
    db: &Db,
    conversation: &ConversationId,
) -> Result<Option<Settled>, StoreError> {
    let heads = db.conversations.clone_with_type::<ShortHeadDocument>();
    let find = heads.find_one(doc! { "id": conversation.as_str() });
    let Some(found) = one(find.projection(ShortHeadDocument::fields())).await? else {
        return Ok(None);
    };
    let number = number_of(db, conversation, &found).await?;
    let concerns = found.kind().is_some_and(Kind::is_of_participants);
    let is_news = concerns && !is_recorded(db, conversation.as_str(), number).await?;
    if !is_news {
        return Ok(Some(Settled { number, is_news }));
    }
    let number = read_head(db, conversation).await?.number;
    Ok(Some(Settled { number, is_news }))
}

/// The last number, whose change is applied, whatever it is, and that up to which something may be gone;
/// 0 if there is no such conversation.
pub(super) async fn settled(
    db: &Db,
    conversation: &ConversationId,
) -> Result<(i64, i64), StoreError> {
    let heads = db.conversations.clone_with_type::<ShortHeadDocument>();
    let find = heads.find_one(doc! { "id": conversation.as_str() });
    let Some(found) = one(find.projection(ShortHeadDocument::fields())).await? else {
        return Ok((0, 0));
    };
    let number = number_of(db, conversation, &found).await?;
    let is_applied = match found.kind() {
        Some(Kind::Sent) => is_stored(db, conversation.as_str(), number).await?,
        Some(_) => is_recorded(db, conversation.as_str(), number).await?,
        None => true,
    };
    match is_applied {
        true => Ok((number, found.forgotten)),
        false => Ok((read_head(db, conversation).await?.number, found.forgotten)),
    }
}

/// The last number, which is that of the last message where another program has made the document.
pub(super) async fn number_of(
    db: &Db,
    conversation: &ConversationId,
    head: &ShortHeadDocument,
) -> Result<i64, StoreError> {
    match head.changes {
        Some(number) => Ok(number),
        None => Ok(newest(db, conversation).await?.map_or(0, |last| last.seq)),
    }
}
