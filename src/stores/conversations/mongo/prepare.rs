//! Making the database ready, once: what an earlier version made is taken over, and the collections and indexes
//! are made that are needed. Users always; what conversations need if a dialect shows them, or somebody makes
//! one nevertheless. It must not know which dialects there are.

use futures_util::future::try_join_all;
use mongodb::bson::doc;
use tokio::sync::OnceCell;

use super::collections::one;
use super::db::Db;
use super::deletions::{finish_deletions, forget_removed_reactions};
use super::participant_changes::forget_old;
use super::shapes;
use super::upgrade::{MARKER, upgrade};
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::mongo::{adopt, prepare};

/// How far the database is ready.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Whether conversations are shown to anybody.
    shows_conversations: bool,
    /// Of users; and whether conversations were kept here before.
    users: OnceCell<bool>,
    conversations: OnceCell<()>,
}

impl Prepared {
    pub(super) fn new(shows_conversations: bool) -> Self {
        Self {
            shows_conversations,
            users: OnceCell::new(),
            conversations: OnceCell::new(),
        }
    }

    /// Makes it ready for what is done at any time.
    pub(super) async fn ready(&self, db: &Db) -> Result<(), StoreError> {
        let were_kept = *self.users.get_or_try_init(|| prepare_users(db)).await?;
        match self.shows_conversations || were_kept {
            true => self.ready_for_conversations(db).await,
            false => Ok(()),
        }
    }

    /// Makes it ready for changes of conversations.
    pub(super) async fn ready_for_conversations(&self, db: &Db) -> Result<(), StoreError> {
        self.users.get_or_try_init(|| prepare_users(db)).await?;
        let prepare = || prepare_conversations(db);
        self.conversations.get_or_try_init(prepare).await.map(drop)
    }

    /// Whether it is ready for these.
    pub(super) fn is_ready_for_conversations(&self) -> bool {
        self.conversations.initialized()
    }
}

/// Takes over all collections, so that none is made before the one of an earlier version has its name.
async fn prepare_users(db: &Db) -> Result<bool, StoreError> {
    let of_users = [shapes::users(), shapes::blocks(), shapes::revocations()];
    let all: Vec<_> = of_users
        .iter()
        .cloned()
        .chain(shapes::of_conversations())
        .collect();
    adopt(&db.mongo, &all).await?;
    for shape in &of_users {
        prepare(&db.mongo, shape).await?;
    }
    let marker = one(db.schema.find_one(doc! { "_id": MARKER })).await?;
    Ok(marker.is_some())
}

async fn prepare_conversations(db: &Db) -> Result<(), StoreError> {
    let shapes = shapes::of_conversations();
    try_join_all(shapes.iter().map(|shape| prepare(&db.mongo, shape))).await?;
    upgrade(db).await?;
    finish_deletions(db).await?;
    // What is left of them harms nobody.
    let forgotten = tokio::try_join!(forget_removed_reactions(db), forget_old(db));
    let _ = forgotten.inspect_err(|error| tracing::warn!(%error, "what is old was not removed"));
    Ok(())
}
