//! What is so of one conversation on this server: who is subscribed and how, who types, who may come
//! back. It must not know the store or what anybody is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;
use uuid::Uuid;

use super::room_presence::Unpublished;
use crate::cluster::Subscription;
use crate::connection::Connection;
use crate::connection::rooms::{self, Room};
use crate::model::conversation::{ConversationId, IdType, Participant, Role, Shape, View};
use crate::model::{Identity, UserId};

/// How long it is believed who takes part, before the store is asked again (protocol,
/// `conversation`).
const CACHE_TTL: Duration = Duration::from_secs(5);

/// A conversation on this server.
#[derive(Debug, Default)]
pub(in crate::conversations) struct LocalState {
    rooms: SmallVec<[(View, Room); 1]>,
    subscribers: HashMap<Uuid, Subscriber>,
    members: Option<Members>,
    /// Who types, by connection, wherever that is.
    pub(super) typing: HashMap<Uuid, Typist>,
    /// What other nodes say of it is heard while somebody here is subscribed.
    pub(super) subscription: Option<Subscription>,
    /// Users who left the room `conversation` by a disconnect of which others are not told yet, and
    /// when, in milliseconds since the epoch.
    pub(super) absent: HashMap<UserId, u64>,
    /// Of whom other servers could not be told.
    pub(super) unpublished: HashMap<UserId, Unpublished>,
}

/// Someone who types.
#[derive(Debug, Clone)]
pub(super) struct Typist {
    pub(super) user: Identity,
    /// Until when they are believed to.
    pub(super) until: Instant,
}

/// A connection that gets the conversation's events.
#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) connection: Arc<Connection>,
    pub(super) user: UserId,
    pub(super) view: View,
}

#[derive(Debug)]
struct Members {
    since: Instant,
    active: HashMap<UserId, Role>,
}

impl LocalState {
    /// Nobody is here, and nothing has to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.subscribers.is_empty() && self.absent.is_empty() && self.unpublished.is_empty()
    }

    /// What someone may do; `None` when it is not known any more who takes part.
    pub(super) fn role_of(&self, user: &UserId) -> Option<Option<Role>> {
        let members = self.members.as_ref();
        let members = members.filter(|members| members.since.elapsed() < CACHE_TTL)?;
        Some(members.active.get(user).copied())
    }

    /// Whether it is known who takes part.
    pub(super) fn knows_members(&self) -> bool {
        let since = self.members.as_ref().map(|members| members.since);
        since.is_some_and(|since| since.elapsed() < CACHE_TTL)
    }

    /// It is known now who takes part; the subscribers who do not.
    pub(super) fn set_members(&mut self, participants: &[Participant]) -> Vec<Subscriber> {
        let active = participants.iter().filter(|one| one.is_active());
        let active: HashMap<_, _> = active.map(|one| (one.user.clone(), one.role)).collect();
        let strangers = self.subscribers.values();
        let strangers = strangers.filter(|one| !active.contains_key(&one.user));
        let strangers = strangers.cloned().collect();
        self.members = Some(Members {
            since: Instant::now(),
            active,
        });
        strangers
    }

    /// It has to be asked again who takes part.
    pub(super) fn forget_members(&mut self) {
        self.members = None;
    }

    pub(super) fn subscribers(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.values()
    }

    pub(super) fn view_of(&self, connection: &Connection) -> Option<View> {
        let subscriber = self.subscribers.get(&connection.id.uuid())?;
        Some(subscriber.view)
    }

    pub(super) fn connection(&self, name: Uuid) -> Option<Arc<Connection>> {
        let subscriber = self.subscribers.get(&name)?;
        Some(subscriber.connection.clone())
    }

    /// Whether a user has a connection that sees this shape.
    pub(super) fn has(&self, user: &UserId, shape: Shape) -> bool {
        let mut subscribers = self.subscribers.values();
        subscribers.any(|one| one.user == *user && one.view.shape == shape)
    }

    pub(in crate::conversations) fn rooms(
        &self,
        shape: Shape,
    ) -> impl Iterator<Item = (View, &Room)> {
        let rooms = self.rooms.iter();
        rooms
            .filter(move |(view, _)| view.shape == shape)
            .map(|(view, room)| (*view, room))
    }

    /// Adds a subscriber; what it was subscribed as before ends, and is returned.
    pub(super) fn add(&mut self, id: &ConversationId, new: Subscriber) -> Option<View> {
        let before = self.view_of(&new.connection);
        if before == Some(new.view) {
            return before;
        }
        self.remove(&new.connection);
        let is_it = |(view, _): &(View, Room)| *view == new.view;
        let at = match self.rooms.iter().position(is_it) {
            Some(at) => at,
            None => {
                let name = room_name(new.view, id);
                self.rooms.push((new.view, Room::new(name)));
                self.rooms.len() - 1
            }
        };
        if let Some((_, room)) = self.rooms.get_mut(at) {
            room.enter(&new.connection);
        }
        self.subscribers.insert(new.connection.id.uuid(), new);
        before
    }

    pub(super) fn remove(&mut self, connection: &Connection) -> Option<Subscriber> {
        let removed = self.subscribers.remove(&connection.id.uuid())?;
        for (_, room) in self
            .rooms
            .iter_mut()
            .filter(|(view, _)| *view == removed.view)
        {
            room.leave(&removed.connection);
        }
        self.rooms.retain(|(_, room)| !room.is_empty());
        Some(removed)
    }
}

/// The library's name for the room of those who see a conversation so.
fn room_name(view: View, id: &ConversationId) -> String {
    let written = match view.id {
        IdType::Text => "text",
        IdType::Number => "number",
    };
    rooms::conversation(view.shape.dialect().as_str(), written, id.as_str())
}
