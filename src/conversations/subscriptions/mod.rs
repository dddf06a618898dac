//! Conversations as they are on this server: who is subscribed to them in which shape, in one order
//! of events for all. It must not know any event: the dialects' [`Teller`]s say what happened.

mod event;
mod local;
mod room_presence;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

use crate::cluster::{Body, Cluster, Told, Topic};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::clock::Clock;
use crate::model::conversation::{ConversationId, Role, Shape, ShownId, View};
use crate::model::{Identity, UserId};
use crate::payload::FrameSizes;
use crate::stores::conversations::{ConversationStores, StoreError};
use crate::users::Users;
pub use event::{ConversationEvent, Participation, Teller, UserNotification};
use local::{Here, Subscriber, Typist};
pub use room_presence::Unsaid;

/// All conversations: where they are kept, and who is subscribed to them here.
#[derive(Debug)]
pub struct Conversations {
    stores: ConversationStores,
    clock: Arc<dyn Clock>,
    here: DashMap<ConversationId, Arc<Mutex<Here>>>,
    /// To what the connections of this server are subscribed, and how.
    subscriptions: DashMap<Uuid, HashMap<ConversationId, View>>,
    /// How many of these see the shape `chat`.
    chats: AtomicUsize,
    tellers: OnceLock<Vec<Teller>>,
    cluster: Option<Arc<Cluster>>,
}

/// One conversation. While someone has it, nobody else on this server is at it: what is kept and
/// what is told of it are in one order. So it must not be held while waiting for a client.
#[derive(Debug)]
pub struct ConversationGuard<'a> {
    conversations: &'a Conversations,
    id: ConversationId,
    here: OwnedMutexGuard<Here>,
}

impl Conversations {
    /// Conversations that are kept in this store, which these nodes share.
    pub fn new(
        stores: ConversationStores,
        clock: Arc<dyn Clock>,
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        Self {
            stores,
            clock,
            here: DashMap::new(),
            subscriptions: DashMap::new(),
            chats: AtomicUsize::new(0),
            tellers: OnceLock::new(),
            cluster,
        }
    }

    /// Sets who tells what happened; once, when the server is put together.
    pub fn set_tellers(&self, tellers: Vec<Teller>) {
        // A second time does not come.
        let _ = self.tellers.set(tellers);
    }

    /// Where they are kept.
    pub fn stores(&self) -> &ConversationStores {
        &self.stores
    }

    /// Now, in milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// A conversation, which may not exist.
    pub async fn lock(&self, id: &ConversationId) -> ConversationGuard<'_> {
        let here = self.here.entry(id.clone()).or_default().clone();
        ConversationGuard {
            conversations: self,
            id: id.clone(),
            here: here.lock_owned().await,
        }
    }

    /// What is being done in a conversation now is done, and told, when this returns.
    pub async fn settled(&self, id: &ConversationId) {
        let here = self.here.get(id).map(|here| here.clone());
        if let Some(here) = here {
            drop(here.lock_owned().await);
        }
    }

    /// To what a connection is subscribed.
    pub fn subscriptions_of(&self, connection: &Connection) -> Vec<ConversationId> {
        let subscribed = self.subscriptions.get(&connection.id.uuid());
        subscribed.map_or_else(Vec::new, |subscribed| subscribed.keys().cloned().collect())
    }

    /// How a connection sees a conversation.
    pub fn view_of(&self, connection: &Connection, id: &ConversationId) -> Option<View> {
        let subscribed = self.subscriptions.get(&connection.id.uuid())?;
        subscribed.get(id).copied()
    }

    /// Those that somebody here is subscribed to.
    pub fn all_here(&self) -> Vec<ConversationId> {
        self.here.iter().map(|here| here.key().clone()).collect()
    }

    /// Whether anybody here sees a conversation as a chat.
    pub fn has_chats(&self) -> bool {
        self.chats.load(Ordering::Relaxed) > 0
    }

    /// What is said to the nodes that somebody is subscribed on.
    pub fn send(&self, id: &ConversationId, body: &Body) {
        if let Some(cluster) = &self.cluster {
            let _ = cluster.bus().post(&Topic::Conversation(id.clone()), body);
        }
    }

    /// Tells single users, wherever they are.
    pub fn notify(&self, users: &Users, id: &ConversationId, notification: &UserNotification<'_>) {
        self.notify_here(users, id, notification);
        let Some(cluster) = &self.cluster else {
            return;
        };
        for (user, told) in Told::to_each(notification) {
            let body = Body::Notice {
                conversation: id.clone(),
                notice: told,
            };
            let _ = cluster.bus().post(&Topic::User(user), &body);
        }
    }

    /// Tells those of them who are connected here.
    pub fn notify_here(
        &self,
        users: &Users,
        id: &ConversationId,
        notification: &UserNotification<'_>,
    ) {
        for teller in self.tellers.get().into_iter().flatten() {
            (teller.people)(users, self, id, notification);
        }
    }
}

impl ConversationGuard<'_> {
    /// Its id.
    pub fn id(&self) -> &ConversationId {
        &self.id
    }

    /// The distinct users who are subscribed, in any shape, by id.
    pub fn users(&self) -> BTreeSet<&UserId> {
        self.here.subscribers().map(|one| &one.user).collect()
    }

    /// How many connections see this shape.
    pub fn count(&self, shape: Shape) -> usize {
        let subscribers = self.here.subscribers();
        subscribers.filter(|one| one.view.shape == shape).count()
    }

    /// Whether a user has a connection that sees this shape.
    pub fn has(&self, user: &UserId, shape: Shape) -> bool {
        self.here.has(user, shape)
    }

    /// How a connection sees it.
    pub fn view_of(&self, connection: &Connection) -> Option<View> {
        self.here.view_of(connection)
    }

    /// Subscribes a connection; what it was subscribed as before ends.
    pub async fn subscribe(&mut self, connection: &Arc<Connection>, user: &UserId, view: View) {
        if let Some(cluster) = &self.conversations.cluster
            && self.here.heard.is_none()
        {
            let topic = Topic::Conversation(self.id.clone());
            self.here.heard = Some(cluster.bus().subscribe(topic).await);
        }
        let new = Subscriber {
            connection: connection.clone(),
            user: user.clone(),
            view,
        };
        let before = self.here.add(&self.id, new);
        self.count_chats(before, Some(view));
        let all = &self.conversations.subscriptions;
        let mut subscribed = all.entry(connection.id.uuid()).or_default();
        subscribed.insert(self.id.clone(), view);
    }

    /// Takes a connection out; how it saw the conversation.
    pub fn unsubscribe(&mut self, connection: &Connection) -> Option<View> {
        let removed = self.here.remove(connection)?;
        self.count_chats(Some(removed.view), None);
        let all = &self.conversations.subscriptions;
        if let Some(mut subscribed) = all.get_mut(&connection.id.uuid()) {
            subscribed.remove(&self.id);
        }
        all.remove_if(&connection.id.uuid(), |_, subscribed| subscribed.is_empty());
        Some(removed.view)
    }

    fn count_chats(&self, before: Option<View>, after: Option<View>) {
        let is_chat = |view: Option<View>| view.is_some_and(|view| view.shape == Shape::Chat);
        let chats = &self.conversations.chats;
        match (is_chat(before), is_chat(after)) {
            (false, true) => chats.fetch_add(1, Ordering::Relaxed),
            (true, false) => chats.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// All connections that are subscribed.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        let all = self.here.subscribers();
        all.map(|one| one.connection.clone()).collect()
    }

    /// The connection with this id, if it is subscribed here.
    pub fn connection(&self, name: Uuid) -> Option<Arc<Connection>> {
        self.here.connection(name)
    }

    /// The connections of a user that are subscribed.
    pub fn connections_of(&self, user: &UserId) -> Vec<Arc<Connection>> {
        let theirs = self.here.subscribers().filter(|one| one.user == *user);
        theirs.map(|one| one.connection.clone()).collect()
    }

    /// Sends an event to those who see this shape, with a payload that names the conversation as they
    /// do, and which becomes frames of these sizes.
    pub async fn send_sized<'s, T: Serialize + Sync>(
        &'s self,
        shape: Shape,
        to: To<'_>,
        event: &'static str,
        frames: &FrameSizes,
        payload: impl Fn(ShownId<'s>) -> T,
    ) -> Lagging {
        let mut lagging = Lagging::default();
        for (view, room) in self.here.rooms(shape) {
            let payload = payload(self.id.shown(view.id));
            lagging = lagging.and(room.send_sized(to, event, &payload, frames).await);
        }
        lagging
    }

    // Who takes part.

    /// What someone may do in it.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    pub async fn role_of(&mut self, users: &Users, user: &UserId) -> Result<Role, StoreError> {
        let role = match self.here.role_of(user) {
            Some(role) => role,
            None => {
                self.ask_members(users).await?;
                self.here.role_of(user).flatten()
            }
        };
        role.ok_or(StoreError::NotParticipant)
    }

    /// Sees that nobody is told who does not take part any more. When the store does not answer,
    /// those are told who did last.
    pub async fn check_members(&mut self, users: &Users) {
        if !self.here.knows_members()
            && let Err(error) = self.ask_members(users).await
        {
            tracing::warn!(%error, "who takes part in a conversation could not be read");
        }
    }

    /// It has to be asked again who takes part.
    pub fn forget_members(&mut self) {
        self.here.forget_members();
    }

    async fn ask_members(&mut self, users: &Users) -> Result<(), StoreError> {
        let participants = self
            .conversations
            .stores
            .participants
            .list(&self.id)
            .await?;
        for stranger in self.here.set_members(&participants) {
            self.put_out(users, &stranger.connection, &stranger.user)
                .await;
        }
        Ok(())
    }

    /// Takes the connection of someone out who does not take part any more, and tells it and others.
    pub async fn put_out(&mut self, users: &Users, connection: &Arc<Connection>, user: &UserId) {
        self.stop_typing(connection).await;
        let Some(view) = self.unsubscribe(connection) else {
            return;
        };
        let notification = UserNotification::PutOut { connection, view };
        self.conversations
            .notify_here(users, &self.id, &notification);
        if view.shape == Shape::Conversation {
            let at = self.conversations.now_ms();
            self.exited(user, Some(at)).await;
        }
    }

    // Telling.

    /// Tells all who are subscribed, wherever they are.
    pub async fn tell(&self, event: &ConversationEvent<'_>) -> Lagging {
        let lagging = self.tell_here(event).await;
        if self.conversations.cluster.is_some() {
            self.conversations.send(&self.id, &Body::Fact(event.into()));
        }
        lagging
    }

    /// Tells all who are subscribed on this server.
    pub async fn tell_here(&self, event: &ConversationEvent<'_>) -> Lagging {
        let mut lagging = Lagging::default();
        for teller in self.conversations.tellers.get().into_iter().flatten() {
            lagging = lagging.and((teller.room)(self, event).await);
        }
        lagging
    }

    // Typing and coming back.

    /// Someone types on a connection until then. `true`: they did not before.
    pub fn set_typing(&mut self, typist: Uuid, user: &Identity, until: Instant) -> bool {
        let user = user.clone();
        let before = self.here.typing.insert(typist, Typist { user, until });
        before.is_none()
    }

    /// Until when someone types on a connection.
    pub fn types_until(&self, typist: Uuid) -> Option<Instant> {
        self.here.typing.get(&typist).map(|typist| typist.until)
    }

    /// Nobody types on a connection any more; who did.
    pub fn unset_typing(&mut self, typist: Uuid) -> Option<Identity> {
        let typist = self.here.typing.remove(&typist);
        typist.map(|typist| typist.user)
    }

    /// Ends the typing on a connection of this server, and tells others if somebody did.
    pub async fn stop_typing(&mut self, connection: &Connection) {
        if let Some(user) = self.unset_typing(connection.id.uuid()) {
            let event = ConversationEvent::Typing {
                typist: connection.id.uuid(),
                but: Some(connection),
                user: &user,
                lasts: None,
            };
            // So small that nobody has to be waited for.
            let _ = self.tell(&event).await;
        }
    }

    /// A user left the room `conversation`, of which others are not told yet.
    pub fn set_absent(&mut self, user: &UserId, at: u64) {
        self.here.absent.insert(user.clone(), at);
    }

    /// The user is not absent any more; since when they were.
    pub fn unset_absent(&mut self, user: &UserId) -> Option<u64> {
        self.here.absent.remove(user)
    }

    /// Since when a user is absent.
    pub fn absent_since(&self, user: &UserId) -> Option<u64> {
        self.here.absent.get(user).copied()
    }
}

impl Drop for ConversationGuard<'_> {
    fn drop(&mut self) {
        if self.here.is_idle() {
            // Whoever waits for it holds it, too, and removes it in turn.
            const MINE_AND_THE_MAPS: usize = 2;
            self.conversations.here.remove_if(&self.id, |_, here| {
                Arc::strong_count(here) <= MINE_AND_THE_MAPS
            });
        }
    }
}
