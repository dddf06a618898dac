//! The changes of participants of all conversations, in one sequence: a node that was not told of one
//! finds it here. They are few beside messages, which are in no such sequence.

use std::collections::HashMap;

use futures_util::future::try_join;
use mongodb::bson::doc;

use super::collections::{all, execute, one, unless_there};
use super::db::{Db, gone};
use super::documents::{ChangeDocument, ParticipantChangeDocument, date};
use super::log_range::change_number;
use crate::model::UserId;
use crate::model::conversation::ConversationId;
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::shared_log::{ParticipantsChanged, Position};

/// How often an insertion is tried that conflicts with those of other nodes.
const ATTEMPTS: usize = 256;
/// How many are read at once.
const BATCH: i64 = 1_000;
/// How long they are kept, in milliseconds.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;

/// The number of the last one; 0 if there is none.
async fn last(db: &Db) -> Result<i64, StoreError> {
    let find = db.participant_changes.find_one(doc! {});
    let last = one(find.sort(doc! { "_id": -1 })).await?;
    Ok(last.map_or(0, |last| last.id))
}

/// Appends a change to the sequence, unless it is there. Each takes the number behind one that is
/// there, so whoever sees one has seen all before it.
pub(super) async fn sequence(db: &Db, change: &ChangeDocument) -> Result<(), StoreError> {
    let this = doc! { "conversationId": &change.conversation_id, "number": change.number };
    for _ in 0..ATTEMPTS {
        let known = one(db.participant_changes.find_one(this.clone()));
        let (known, last) = try_join(known, last(db)).await?;
        if known.is_some() {
            return Ok(());
        }
        let next = ParticipantChangeDocument {
            id: last + 1,
            conversation_id: change.conversation_id.clone(),
            number: change.number,
            at: change.at,
        };
        if unless_there(db.participant_changes.insert_one(next))
            .await?
            .is_some()
        {
            return Ok(());
        }
    }
    Err(gone("participantChanges"))
}

/// Those behind a position, and the position behind them.
pub(super) async fn participants_changed(
    db: &Db,
    after: Option<Position>,
) -> Result<(Position, Vec<ParticipantsChanged>), StoreError> {
    let Some(after) = after else {
        return Ok((Position(last(db).await?), Vec::new()));
    };
    let find = db
        .participant_changes
        .find(doc! { "_id": { "$gt": after.0 } });
    let found = all(find.sort(doc! { "_id": 1 }).limit(BATCH)).await?;
    let end = found.last().map_or(after, |last| Position(last.id));
    if found.is_empty() {
        return Ok((end, Vec::new()));
    }
    let mut ids: Vec<_> = found
        .iter()
        .map(|one| one.conversation_id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let find = db
        .participants
        .find(doc! { "conversationId": { "$in": ids } });
    let fields = doc! { "conversationId": 1, "userId": 1 };
    let mut users: HashMap<String, Vec<UserId>> = HashMap::new();
    for one in all(find.projection(fields)).await? {
        let user = UserId::parse(&one.user_id);
        users.entry(one.conversation_id).or_default().extend(user);
    }
    let changed = found.into_iter().filter_map(|one| {
        Some(ParticipantsChanged {
            conversation: ConversationId::parse(&one.conversation_id)?,
            number: change_number(one.number),
            users: users.get(&one.conversation_id).cloned().unwrap_or_default(),
        })
    });
    Ok((end, changed.collect()))
}

/// Removes what is old, but for the last one: the sequence goes on behind it.
pub(super) async fn forget_old(db: &Db) -> Result<(), StoreError> {
    let before = date(db.now().saturating_sub(KEPT_MS));
    let old = doc! { "_id": { "$lt": last(db).await? }, "at": { "$lt": before } };
    execute(db.participant_changes.delete_many(old))
        .await
        .map(drop)
}
