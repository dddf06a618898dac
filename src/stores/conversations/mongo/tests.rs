//! Tests of the store in MongoDB: the contract, and what only this store does.

mod applications;
mod collections;
mod documents;
mod golden;
mod log;
mod log_pages;
mod nodes;
mod recovery;
mod revocations;
mod stored;
mod upgrade;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{join_all, try_join_all};
use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use tempfile::tempdir;

use super::store::MongoConversations;
use crate::config::{MongoPrefix, MongoUri};
use crate::model::TokenUser;
use crate::model::clock::{Clock, ManualClock};
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ContentKey, ConversationId, Emoji, MessageId,
    NewMessage, ParticipantStatus, Role, TempId, UserStatus, Window,
};
use crate::payload::OwnedValue;
use crate::stores::conversations::ConversationStores;
use crate::stores::conversations::SharedLog as _;
use crate::stores::conversations::contract::contract_suite;
use crate::stores::conversations::contract::subject::*;
use crate::stores::conversations::health::StoreHealth as _;
use crate::stores::drivers::mongo::Mongo;
use test_support::mongo::{Database, Server, is_ready};

async fn store_at(uri: &str, clock: Arc<ManualClock>) -> Arc<MongoConversations> {
    Arc::new(MongoConversations::new(
        &mongo_at(uri, MongoPrefix::default()).await,
        clock,
        true,
    ))
}

async fn mongo_at(uri: &str, prefix: MongoPrefix) -> Mongo {
    let uri = MongoUri::parse(uri).unwrap();
    Mongo::open(&uri, &prefix).await.unwrap()
}

async fn stores_at(uri: &str, clock: Arc<ManualClock>) -> ConversationStores {
    let store = store_at(uri, clock).await;
    let stores = ConversationStores::of(store.clone()).shared(store);
    stores.health.check().await.unwrap();
    stores
}

async fn open(clock: Arc<ManualClock>) -> Option<(Arc<MongoConversations>, Database)> {
    let database = Database::new()?;
    let store = store_at(database.uri(), clock).await;
    store.check().await.unwrap();
    Some((store, database))
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}

/// A database as an application sees it, and a node's store of it.
struct Stage {
    clock: Arc<ManualClock>,
    stores: ConversationStores,
    store: Arc<MongoConversations>,
    subject: Subject,
    database: mongodb::Database,
    uri: String,
}

impl Stage {
    async fn set() -> Option<Self> {
        let database = Database::new()?;
        let uri = database.uri().to_owned();
        let clock = Arc::new(ManualClock::new());
        let store = store_at(&uri, clock.clone()).await;
        let stores = ConversationStores::of(store.clone()).shared(store.clone());
        stores.health.check().await.unwrap();
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        Some(Self {
            subject: Subject::new(stores.clone(), store.clone(), clock.clone(), database),
            database: client.default_database().unwrap(),
            clock,
            stores,
            store,
            uri,
        })
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.database
            .collection(&MongoPrefix::default().before(name))
    }

    async fn insert(&self, name: &str, document: Document) {
        self.collection(name).insert_one(document).await.unwrap();
    }

    async fn update(&self, name: &str, filter: Document, update: Document) {
        let updated = self.collection(name).update_one(filter, update).await;
        assert_eq!(updated.unwrap().modified_count, 1);
    }

    async fn found(&self, name: &str, filter: Document) -> Document {
        let found = self.collection(name).find_one(filter).await.unwrap();
        found.unwrap_or_else(|| panic!("nothing in {name}"))
    }

    /// Another node, or the same one after it was killed.
    async fn another(&self, clock: &Arc<ManualClock>) -> ConversationStores {
        stores_at(&self.uri, clock.clone()).await
    }

    async fn unread(&self, who: &str) -> u64 {
        self.subject.unread("c", who).await
    }

    /// All changes of the conversation `c` as a node reads them, each in a short form.
    async fn log(&self, stores: &ConversationStores) -> Vec<String> {
        let (c, start) = (conversation("c"), ChangeNumber::START);
        let page = stores.log.changes(&c, start, 200).await.unwrap();
        assert_eq!(page.last.get(), page.changes.len() as u64);
        page.changes.iter().map(short).collect()
    }
}

/// Number, author and kind of a change, and what it is about.
fn short(change: &Change) -> String {
    let by = match &change.by {
        ChangedBy::User(user) => user.as_str(),
        ChangedBy::Admin => "admin",
        ChangedBy::Application => "application",
    };
    let what = match &change.what {
        Changed::Created { participants, .. } => format!("created with {}", participants.len()),
        Changed::Sent(message) => format!("sent {}", text_of(message)),
        Changed::Edited(message) => format!("edited {}", text_of(message)),
        Changed::Deleted(message) => format!("deleted {}", text_of(message)),
        Changed::Reacted(reaction) => format!("reacted {}", reaction.emoji.as_str()),
        Changed::Unreacted(reaction) => format!("unreacted {}", reaction.emoji.as_str()),
        Changed::Added { user, role, .. } => format!("added {} {role:?}", user.as_str()),
        Changed::Updated { user, role, .. } => format!("changed {} {role:?}", user.as_str()),
        Changed::KeyRotated { key_number } => format!("key rotated {key_number}"),
        Changed::Described(description) => format!("{description:?}"),
        Changed::Left(user) => format!("left {}", user.as_str()),
        Changed::Removed(user) => format!("removed {}", user.as_str()),
        Changed::Invited { user, .. } => format!("invited {}", user.as_str()),
        Changed::Uninvited(user) => format!("uninvited {}", user.as_str()),
        Changed::Dismissed(user) => format!("dismissed {}", user.as_str()),
        Changed::Forgotten => "forgotten".to_owned(),
    };
    format!("{} {by} {what}", change.number.get())
}

fn by(who: &str) -> ChangedBy {
    ChangedBy::User(user(who))
}

fn date(ms: u64) -> DateTime {
    DateTime::from_millis(ms as i64)
}

fn named(at: &str, who: &str, what: &str, name: &str) -> NewMessage {
    NewMessage {
        temp_id: TempId::parse(name),
        ..new_message(at, who, what)
    }
}

fn names(document: &Document) -> Vec<&str> {
    document.keys().map(String::as_str).collect()
}
