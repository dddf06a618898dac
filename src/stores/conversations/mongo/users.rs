//! Users.

use std::sync::Arc;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::collections::{all, each, one, upsert};
use super::db::{Db, gone};
use super::documents::{UserDocument, date};
use super::store::MongoConversations;
use crate::model::conversation::{UserChange, UserRecord, UserStatus};
use crate::model::{TokenUser, UserId};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::users::UserStore;
use crate::stores::drivers::mongo::Mongo;

#[async_trait]
impl UserStore for MongoConversations {
    async fn upsert(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        let user = user.clone();
        self.write_user(|db| async move { store(&db, &user).await })
            .await
    }

    async fn find(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.run(find(&self.db, user)).await
    }

    async fn find_all(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError> {
        self.run(find_all(&self.db, users)).await
    }

    async fn addressed(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
        self.run(addressed(&self.db, names)).await
    }

    async fn change(&self, user: &UserId, change: &UserChange) -> Result<UserRecord, StoreError> {
        let (user, changed) = (user.clone(), change.clone());
        self.write_user(|db| async move { self::change(&db, &user, &changed).await })
            .await
    }

    async fn read_id_types(&self) -> Result<(), StoreError> {
        self.run(read_id_types(&self.db)).await
    }

    async fn record_last_seen(&self, user: &UserId, at: u64) -> Result<(), StoreError> {
        let user = user.clone();
        self.write_user(|db| async move { record_last_seen(&db, &user, at).await })
            .await
    }
}

impl MongoConversations {
    /// Whether a user is suspended, for a look from outside: nothing is made or changed. `None`: it cannot be read.
    pub(crate) async fn is_suspended(mongo: &Mongo, user: &UserId) -> Option<bool> {
        let users = mongo.primary::<UserDocument>("users");
        let found = one(users.find_one(doc! { "id": user.as_str() }))
            .await
            .ok()?;
        let record = found.and_then(UserDocument::record);
        Some(record.is_some_and(|record| record.status == UserStatus::Suspended))
    }
}

async fn store(db: &Db, token: &TokenUser) -> Result<UserRecord, StoreError> {
    let mut set = Document::new();
    set.extend(text("name", token.name.as_ref()));
    set.extend(text("avatarUrl", token.avatar_url.as_ref()));
    if token.name.is_some() {
        set.insert("username", token.username.as_deref().unwrap_or(""));
    }
    if let Some(is_number) = token.stored_id_type() {
        set.insert("numericId", is_number);
    }
    write(db, &token.id, set, &[]).await
}

async fn read_id_types(db: &Db) -> Result<(), StoreError> {
    let stored = db.users.find(doc! { "numericId": { "$exists": true } });
    each(stored, |user| {
        user.record();
        true
    })
    .await
}

pub(super) async fn change(
    db: &Db,
    user: &UserId,
    change: &UserChange,
) -> Result<UserRecord, StoreError> {
    let mut set = Document::new();
    set.extend(text("name", change.name.as_ref()));
    set.extend(text("givenName", change.name.as_ref()));
    let status = change.status.map(UserStatus::as_str);
    set.extend(status.map(|status| ("status".to_owned(), status.into())));
    match &change.avatar_url {
        None => write(db, user, set, &[]).await,
        Some(None) => write(db, user, set, &["avatarUrl"]).await,
        Some(url) => {
            set.extend(text("avatarUrl", url.as_ref()));
            write(db, user, set, &[]).await
        }
    }
}

fn text(name: &str, value: Option<&Arc<str>>) -> Option<(String, Bson)> {
    value.map(|value| (name.to_owned(), (&**value).into()))
}

/// Updates a user, or inserts an unknown one.
async fn write(
    db: &Db,
    user: &UserId,
    set: Document,
    unset: &[&str],
) -> Result<UserRecord, StoreError> {
    let mut update = on_insert(user, &set);
    if !set.is_empty() {
        update.insert("$set", set);
    }
    if !unset.is_empty() {
        let fields = unset.iter().map(|field| ((*field).to_owned(), "".into()));
        update.insert("$unset", fields.collect::<Document>());
    }
    let write = || {
        db.users
            .find_one_and_update(doc! { "id": user.as_str() }, update.clone())
            .upsert(true)
            .return_document(ReturnDocument::After)
    };
    let written = upsert(write).await?;
    let record = written.and_then(|document| document.record());
    record.ok_or_else(|| gone("users"))
}

/// The fields of a new user besides those of `set`.
fn on_insert(user: &UserId, set: &Document) -> Document {
    let mut first = doc! { "_id": user.as_str() };
    for (field, value) in [
        ("name", user.as_str()),
        ("status", UserStatus::Active.as_str()),
    ] {
        if !set.contains_key(field) {
            first.insert(field, value);
        }
    }
    doc! { "$setOnInsert": first }
}

async fn record_last_seen(db: &Db, user: &UserId, at: u64) -> Result<(), StoreError> {
    let mut update = on_insert(user, &Document::new());
    update.insert("$max", doc! { "lastSeenAt": date(at) });
    let write = || {
        let filter = doc! { "id": user.as_str() };
        db.users.update_one(filter, update.clone()).upsert(true)
    };
    upsert(write).await.map(drop)
}

async fn find(db: &Db, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
    let found = one(db.users.find_one(doc! { "id": user.as_str() })).await?;
    Ok(found.and_then(|document| document.record()))
}

pub(super) async fn find_all(db: &Db, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError> {
    let ids: Vec<_> = users.iter().map(UserId::as_str).collect();
    by(db, doc! { "id": { "$in": ids } }).await
}

async fn addressed(db: &Db, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
    let names = names.iter().map(|name| &**name);
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    let is_one = doc! { "$in": names };
    let any = [
        doc! { "id": &is_one },
        doc! { "givenName": &is_one },
        doc! { "username": &is_one },
        doc! { "name": is_one, "username": null },
    ];
    by(db, doc! { "$or": any.to_vec() }).await
}

async fn by(db: &Db, filter: Document) -> Result<Vec<UserRecord>, StoreError> {
    let found = all(db.users.find(filter)).await?;
    let records = found.into_iter().filter_map(|document| document.record());
    Ok(records.collect())
}
