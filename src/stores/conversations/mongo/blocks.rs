//! Whom users have blocked.

use std::collections::HashSet;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::collections::{all, execute, one, unless_there};
use super::db::{Db, gone};
use super::documents::{BlockDocument, date};
use super::store::MongoConversations;
use crate::model::{Block, UserId};
use crate::stores::conversations::blocks::BlockStore;
use crate::stores::conversations::error::StoreError;

#[async_trait]
impl BlockStore for MongoConversations {
    async fn block(
        &self,
        user: &UserId,
        other: &UserId,
        max: usize,
    ) -> Result<(Block, bool), StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.write(|db| async move { block(&db, &user, &other, max).await })
            .await
    }

    async fn unblock(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.write(|db| async move { unblock(&db, &user, &other).await })
            .await
    }

    async fn find(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
        self.run(find(&self.db, user, other)).await
    }

    async fn list(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Block>, StoreError> {
        self.run(list(&self.db, user, after, limit)).await
    }

    async fn blockers_of(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        self.run(blockers_of(&self.db, user, limit)).await
    }
}

fn this(user: &UserId, other: &UserId) -> Document {
    doc! { "userId": user.as_str(), "blockedId": other.as_str() }
}

async fn block(
    db: &Db,
    user: &UserId,
    other: &UserId,
    max: usize,
) -> Result<(Block, bool), StoreError> {
    if let Some(known) = find(db, user, other).await? {
        return Ok((known, false));
    }
    if count(db, user, max).await? >= max {
        return Err(StoreError::BlockListFull);
    }
    let since = db.now();
    let mut document = this(user, other);
    document.insert("since", date(since));
    let blocks = db.blocks.clone_with_type::<Document>();
    if unless_there(blocks.insert_one(document)).await?.is_none() {
        // Another request was faster.
        let known = find(db, user, other).await?;
        return known
            .map(|known| (known, false))
            .ok_or_else(|| gone("blocks"));
    }
    // So were others perhaps, with other users.
    if count(db, user, max + 1).await? > max {
        unblock(db, user, other).await?;
        return Err(StoreError::BlockListFull);
    }
    let block = Block {
        blocked: other.clone(),
        since,
    };
    Ok((block, true))
}

/// How many a user has blocked, as far as that matters.
async fn count(db: &Db, user: &UserId, most: usize) -> Result<usize, StoreError> {
    let count = db
        .blocks
        .count_documents(doc! { "userId": user.as_str() })
        .limit(most as u64);
    Ok(usize::try_from(execute(count).await?).unwrap_or(usize::MAX))
}

async fn unblock(db: &Db, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
    let removed = execute(db.blocks.find_one_and_delete(this(user, other))).await?;
    Ok(removed.as_ref().and_then(BlockDocument::block))
}

pub(super) async fn find(
    db: &Db,
    user: &UserId,
    other: &UserId,
) -> Result<Option<Block>, StoreError> {
    let found = one(db.blocks.find_one(this(user, other))).await?;
    Ok(found.as_ref().and_then(BlockDocument::block))
}

/// Those of these users who have blocked another one.
pub(super) async fn blockers_among(
    db: &Db,
    users: &[&str],
    other: &UserId,
) -> Result<HashSet<UserId>, StoreError> {
    let filter = doc! { "blockedId": other.as_str(), "userId": { "$in": users } };
    let found = all(db.blocks.find(filter)).await?;
    Ok(found.iter().filter_map(BlockDocument::user).collect())
}

/// The ids of all whom a user has blocked.
pub(super) async fn blocked_by(db: &Db, user: &UserId) -> Result<Vec<String>, StoreError> {
    let found = all(db.blocks.find(doc! { "userId": user.as_str() })).await?;
    let blocked = found.iter().filter_map(BlockDocument::block);
    Ok(blocked.map(|one| one.blocked.as_str().to_owned()).collect())
}

async fn list(
    db: &Db,
    user: &UserId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<Block>, StoreError> {
    let after = after.map_or("", UserId::as_str);
    let filter = doc! { "userId": user.as_str(), "blockedId": { "$gt": after } };
    let find = db.blocks.find(filter).sort(doc! { "blockedId": 1 });
    let found = all(find.limit(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    Ok(found.iter().filter_map(BlockDocument::block).collect())
}

async fn blockers_of(db: &Db, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
    let find = db.blocks.find(doc! { "blockedId": user.as_str() });
    let found = all(find.limit(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    Ok(found.iter().filter_map(BlockDocument::user).collect())
}
