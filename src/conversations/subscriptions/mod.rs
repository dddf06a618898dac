//! Who is subscribed to which conversation on this node, and how. A conversation that anything is done
//! in is locked, which orders its events. It must not know any event's name or payload.

mod followed;
mod guard;
mod local;
mod locking;
mod room_presence;
mod turns;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use dashmap::DashMap;
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use uuid::Uuid;

use super::Conversations;
use crate::connection::Connection;
use crate::model::conversation::{ChangeNumber, ConversationDialect, ConversationId, View};
pub(super) use followed::{Followed, Newcomers};
pub(crate) use guard::ConversationGuard;
use local::LocalState;
pub(crate) use local::Unpublished;
use turns::Turns;

/// The conversations that somebody is subscribed to on this node.
#[derive(Debug)]
pub(super) struct Subscriptions {
    local: DashMap<ConversationId, Local>,
    /// What each connection is subscribed to, and how.
    views: DashMap<Uuid, HashMap<ConversationId, View>, RandomState>,
    /// How many of these are of `chat`.
    chats: Arc<AtomicUsize>,
    /// The last change that was published here of conversations that nobody is subscribed to any more.
    last_published: Mutex<LruCache<ConversationId, ChangeNumber>>,
}

/// A conversation that somebody is subscribed to.
#[derive(Debug, Clone, Default)]
struct Local {
    turns: Turns,
    state: Arc<AsyncMutex<LocalState>>,
    /// Shared by those who note that messages were delivered, until the senders are notified of it; alone has it
    /// who notifies them that these were read.
    deliveries: Arc<RwLock<()>>,
}

/// Of how many conversations the last change is remembered.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

impl Subscriptions {
    /// None yet. Those of `chat` are counted in `chats`, too.
    pub(super) fn new(chats: &Arc<AtomicUsize>) -> Self {
        Self {
            local: DashMap::new(),
            views: DashMap::default(),
            chats: chats.clone(),
            last_published: Mutex::new(LruCache::new(MAX_REMEMBERED)),
        }
    }

    /// The last change that was published here of a conversation that nobody is subscribed to.
    pub(super) fn last_published(&self, id: &ConversationId) -> Option<ChangeNumber> {
        self.last_published.lock().get(id).copied()
    }

    /// Whether somebody is subscribed to a conversation on this node, or something is being done in it.
    pub(super) fn is_followed(&self, id: &ConversationId) -> bool {
        self.local.contains_key(id)
    }

    fn add(&self, connection: &Connection, id: &ConversationId, before: Option<View>, view: View) {
        self.count_chats(before, Some(view));
        let mut views = self.views.entry(connection.id.uuid()).or_default();
        views.insert(id.clone(), view);
    }

    fn remove(&self, connection: &Connection, id: &ConversationId, view: View) {
        self.count_chats(Some(view), None);
        if let Some(mut views) = self.views.get_mut(&connection.id.uuid()) {
            views.remove(id);
        }
        self.views
            .remove_if(&connection.id.uuid(), |_, views| views.is_empty());
    }

    fn count_chats(&self, before: Option<View>, after: Option<View>) {
        let is_chat =
            |view: Option<View>| view.is_some_and(|view| view.dialect == ConversationDialect::Chat);
        match (is_chat(before), is_chat(after)) {
            (false, true) => self.chats.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.chats.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Conversations {
    /// The state of a conversation. The map is locked until this returns, so nothing may be awaited in it.
    fn local(&self, id: &ConversationId) -> Local {
        let entry = self.subscriptions.local.entry(id.clone());
        entry.or_default().clone()
    }

    /// Deliveries are being noted, until what is returned is dropped.
    pub(super) async fn noting_deliveries(
        &self,
        id: &ConversationId,
    ) -> Option<OwnedRwLockReadGuard<()>> {
        let deliveries = self.subscriptions.local.get(id)?.deliveries.clone();
        Some(deliveries.read_owned().await)
    }

    /// Returns when the senders of all messages whose delivery was being noted are notified. Others wait until
    /// what is returned is dropped.
    pub(super) async fn deliveries_noted(
        &self,
        id: &ConversationId,
    ) -> Option<OwnedRwLockWriteGuard<()>> {
        let deliveries = self.subscriptions.local.get(id)?.deliveries.clone();
        Some(deliveries.write_owned().await)
    }

    /// What a connection is subscribed to.
    pub(crate) fn subscriptions_of(&self, connection: &Connection) -> Vec<ConversationId> {
        let views = self.subscriptions.views.get(&connection.id.uuid());
        views.map_or_else(Vec::new, |views| views.keys().cloned().collect())
    }

    /// How a connection is subscribed to a conversation.
    pub(crate) fn view_of(&self, connection: &Connection, id: &ConversationId) -> Option<View> {
        let views = self.subscriptions.views.get(&connection.id.uuid())?;
        views.get(id).copied()
    }

    /// The conversations that somebody is subscribed to on this node.
    pub(crate) fn all_local(&self) -> Vec<ConversationId> {
        let all = self.subscriptions.local.iter();
        all.map(|local| local.key().clone()).collect()
    }
}
