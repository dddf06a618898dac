//! Tokens that are taken back: a document for each kind and subject, which stays for a while when the revocation is taken
//! back, so that other nodes see that it was. When it was changed is said by the clock of the database.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;
use uuid::Uuid;

use super::collections::{all, execute, one, unless_there};
use super::db::{Db, gone};
use super::documents::{RevocationDocument, damaged, date, text_of};
use super::store::MongoConversations;
use crate::metrics::stores::Work;
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::{Revocation, RevocationKind, TokenFacts};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::revocations::{RevocationChange, RevocationStore};
use crate::stores::drivers::mongo::Mongo;

const NAME: &str = "revocations";
/// How often a change is tried that conflicts with concurrent ones.
const ATTEMPTS: usize = 16;
/// How long one that was taken back is kept. Nodes that could not read for half of this time read everything anew.
const KEPT: Duration = Duration::from_secs(3600);

impl MongoConversations {
    /// Whether such a token of a user was taken back, for a look from outside: nothing is made or changed. `None`: it
    /// cannot be read.
    pub(crate) async fn is_revoked(mongo: &Mongo, user: &str, token: &TokenFacts) -> Option<bool> {
        let revocations = mongo.primary::<RevocationDocument>(NAME);
        let of = |kind: RevocationKind, subject: Option<&str>| {
            subject.map(|subject| doc! { "kind": kind.as_str(), "subject": subject })
        };
        let subjects = [
            of(RevocationKind::Token, token.id()),
            of(RevocationKind::User, Some(user)),
            of(RevocationKind::Session, token.session()),
        ];
        let subjects: Vec<_> = subjects.into_iter().flatten().collect();
        let filter = doc! { "$and": [{ "$or": subjects }, in_effect(SystemClock.now_ms())] };
        let found = all(revocations.find(filter)).await.ok()?;
        let mut found = found.iter().filter_map(RevocationDocument::revocation);
        Some(found.any(|revocation| revocation.covers(user, token)))
    }
}

#[async_trait]
impl RevocationStore for MongoConversations {
    async fn revoke(&self, new: &Revocation) -> Result<Revocation, StoreError> {
        let new = new.clone();
        self.write_of(Work::WriteRevocations, |db| async move {
            revoke(&db, &new).await
        })
        .await
    }

    async fn take_back(&self, id: Uuid) -> Result<Option<Revocation>, StoreError> {
        self.write_of(Work::WriteRevocations, move |db| async move {
            take_back(&db, id).await
        })
        .await
    }

    async fn list(
        &self,
        kind: Option<RevocationKind>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError> {
        let listed = list(&self.db, kind, after, limit);
        self.run_of(Work::ReadRevocations, listed).await
    }

    async fn remove_expired(&self) -> Result<(), StoreError> {
        self.write_of(Work::WriteRevocations, |db| async move {
            remove_expired(&db).await
        })
        .await
    }

    async fn last_change(&self) -> Result<Option<u64>, StoreError> {
        let last = last_change(&self.db);
        self.run_of(Work::ReadRevocations, last).await
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<RevocationChange>, StoreError> {
        let changes = changes(&self.db, since, limit);
        self.run_of(Work::ReadRevocations, changes).await
    }
}

fn in_effect(now: u64) -> Document {
    doc! { "expiresAt": { "$gt": date(now) }, "takenBack": { "$exists": false } }
}

fn noted() -> Document {
    doc! { "changedAt": true }
}

async fn revoke(db: &Db, new: &Revocation) -> Result<Revocation, StoreError> {
    let subject = doc! { "kind": new.kind.as_str(), "subject": &*new.subject };
    for _ in 0..ATTEMPTS {
        let stored = match widen(db, &subject, new).await? {
            Some(widened) => Some(widened),
            // Of two at once one fails, and then finds the document of the other.
            None => make(db, &subject, new).await?,
        };
        if let Some(stored) = stored {
            return stored.revocation().ok_or_else(damaged(NAME));
        }
    }
    Err(gone(NAME))
}

async fn widen(
    db: &Db,
    subject: &Document,
    new: &Revocation,
) -> Result<Option<RevocationDocument>, StoreError> {
    let mut filter = subject.clone();
    filter.extend(in_effect(db.now()));
    let mut most = doc! { "expiresAt": date(new.expires_at) };
    if let Some(before) = new.before {
        most.insert("before", date(before));
    }
    let update = doc! { "$max": most, "$currentDate": noted() };
    let widened = db.revocations.find_one_and_update(filter, update);
    execute(widened.return_document(ReturnDocument::After)).await
}

/// `None`: there is one that is in effect.
async fn make(
    db: &Db,
    subject: &Document,
    new: &Revocation,
) -> Result<Option<RevocationDocument>, StoreError> {
    let ended = doc! { "expiresAt": { "$lte": date(db.now()) } };
    let mut filter = subject.clone();
    filter.insert("$or", vec![ended, doc! { "takenBack": true }]);
    let mut set = doc! {
        "id": text_of(&new.id),
        "createdAt": date(new.created_at),
        "expiresAt": date(new.expires_at),
    };
    let mut unset = doc! { "takenBack": "" };
    match new.before {
        Some(before) => set.insert("before", date(before)),
        None => unset.insert("before", ""),
    };
    let update = doc! { "$set": set, "$unset": unset, "$currentDate": noted() };
    let made = db.revocations.find_one_and_update(filter, update);
    let made = made.upsert(true).return_document(ReturnDocument::After);
    Ok(unless_there(made).await?.flatten())
}

async fn take_back(db: &Db, id: Uuid) -> Result<Option<Revocation>, StoreError> {
    let mut filter = doc! { "id": text_of(&id) };
    filter.extend(in_effect(db.now()));
    let update = doc! { "$set": { "takenBack": true }, "$currentDate": noted() };
    let taken = execute(db.revocations.find_one_and_update(filter, update)).await?;
    let taken = taken.map(|document| document.revocation().ok_or_else(damaged(NAME)));
    taken.transpose()
}

async fn list(
    db: &Db,
    kind: Option<RevocationKind>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Revocation>, StoreError> {
    let mut filter = in_effect(db.now());
    if let Some(kind) = kind {
        filter.insert("kind", kind.as_str());
    }
    if let Some(after) = after {
        filter.insert("id", doc! { "$gt": text_of(&after) });
    }
    let find = db.revocations.find(filter).sort(doc! { "id": 1 });
    let found = all(find.limit(most(limit))).await?;
    let found = found.iter().filter_map(RevocationDocument::revocation);
    Ok(found.collect())
}

async fn remove_expired(db: &Db) -> Result<(), StoreError> {
    // The clock of the database may be another, and others may be about to see that they have expired.
    let long_ago = db.now().saturating_sub(KEPT.as_millis() as u64);
    let ended = doc! { "expiresAt": { "$lt": date(long_ago) } };
    let taken_back = doc! { "takenBack": true, "changedAt": { "$lt": date(long_ago) } };
    for filter in [ended, taken_back] {
        execute(db.revocations.delete_many(filter)).await?;
    }
    Ok(())
}

async fn last_change(db: &Db) -> Result<Option<u64>, StoreError> {
    let newest = db.revocations.find_one(doc! {});
    let newest = one(newest.sort(doc! { "changedAt": -1 })).await?;
    let change = newest.as_ref().and_then(RevocationDocument::change);
    Ok(change.map(|change| change.changed_at))
}

async fn changes(db: &Db, since: u64, limit: usize) -> Result<Vec<RevocationChange>, StoreError> {
    let filter = doc! { "changedAt": { "$gte": date(since) } };
    let find = db.revocations.find(filter).sort(doc! { "changedAt": 1 });
    let found = all(find.limit(most(limit))).await?;
    let found = found.iter().filter_map(RevocationDocument::change);
    Ok(found.collect())
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
