//! The state of one conversation on this node: who is subscribed and how, who types, who may come
//! back. It must not know the store or what is published.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;
use uuid::Uuid;

use super::followed::Followed;
use crate::cluster::Subscription;
use crate::connection::Connection;
use crate::connection::rooms::{self, Room};
use crate::metrics::present::PresentConversation;
use crate::model::conversation::{ConversationDialect, ConversationId, View};
use crate::model::{Identity, UserId};

/// A conversation on this node.
#[derive(Debug, Default)]
pub(in crate::conversations) struct LocalState {
    rooms: SmallVec<[(View, Room); 1]>,
    subscribers: HashMap<Uuid, Subscriber>,
    /// Its log, while somebody is subscribed.
    pub(in crate::conversations) followed: Option<Followed>,
    /// Who types, by the id of the connection, on whichever node.
    pub(super) typing: HashMap<Uuid, Typist>,
    /// Messages of other nodes about it, received while somebody is subscribed on this node.
    pub(super) subscription: Option<Subscription>,
    /// Users who left the room `conversation` by a disconnect that is not published yet, and when, in
    /// milliseconds since the epoch.
    pub(super) absent: HashMap<UserId, u64>,
    /// What other nodes could not be sent.
    pub(super) unpublished: HashMap<UserId, Unpublished>,
    _present: PresentConversation,
}

/// What other nodes could not be sent about a user in the room `conversation`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unpublished {
    /// They entered the room.
    Entered,
    /// They left it, at this time in milliseconds since the epoch.
    Left(u64),
}

/// Someone who types.
#[derive(Debug, Clone)]
pub(super) struct Typist {
    pub(super) user: Identity,
    /// Until when, unless it is renewed.
    pub(super) until: Instant,
}

/// A connection that receives the conversation's events.
#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) connection: Arc<Connection>,
    pub(super) identity: Identity,
    pub(super) view: View,
}

impl LocalState {
    /// Nobody is subscribed, and nothing has to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        !self.has_subscribers() && self.absent.is_empty() && self.unpublished.is_empty()
    }

    pub(super) fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }

    pub(super) fn subscribers(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.values()
    }

    pub(super) fn view_of(&self, connection: &Connection) -> Option<View> {
        let subscriber = self.subscribers.get(&connection.id.uuid())?;
        Some(subscriber.view)
    }

    pub(super) fn connection(&self, id: Uuid) -> Option<Arc<Connection>> {
        let subscriber = self.subscribers.get(&id)?;
        Some(subscriber.connection.clone())
    }

    /// Whether a user has a connection that is subscribed by this dialect.
    pub(super) fn has(&self, user: &UserId, dialect: ConversationDialect) -> bool {
        let mut subscribers = self.subscribers.values();
        subscribers.any(|one| one.identity.user == *user && one.view.dialect == dialect)
    }

    /// The connections of each view.
    pub(in crate::conversations) fn rooms(&self) -> impl Iterator<Item = (View, &Room)> {
        self.rooms.iter().map(|(view, room)| (*view, room))
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
                let origin = rooms::of_conversation(id.as_str());
                self.rooms.push((new.view, Room::new(origin)));
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
