//! Stored conversations: what is done in them, each operation once, whether it comes over a socket or
//! over REST; who is subscribed on this node; and the order of their events. A change is stored,
//! recorded, and published to everybody it concerns, in this order. This knows no event name and no
//! route: how an operation is requested, answered and worded is for the dialects and `http`.

mod actor;
mod addressing;
mod arriving;
mod blocking;
mod follow;
mod gaps;
mod hidden;
mod id_types;
mod importing;
mod invitations;
mod joining;
mod listed;
mod membership;
mod messages;
mod naming;
mod newcomers;
mod notify;
mod online;
mod others;
mod participants;
mod participants_told;
mod placed;
mod publish;
mod reactions;
mod reading;
mod receipts;
mod remote;
mod render;
mod retention;
mod stored;
mod subscriptions;
#[cfg(test)]
mod tests;
mod typing;
mod undelivered;
mod upkeep;

use std::fmt;
use std::sync::Arc;

use crate::audit::Audit;
use crate::cluster::Cluster;
use crate::config::LiveConfig;
use crate::model::clock::Clock;
use crate::stores::conversations::ConversationStores;
use crate::users::{Presence, Users};

pub(crate) use actor::Actor;
pub(crate) use addressing::{Addressee, KnownBy};
pub(crate) use blocking::Blocking;
pub(crate) use messages::Sent;

use id_types::IdTypes;
use listed::Listed;
use others::Noticed;
pub(crate) use participants::Initiator;
pub(crate) use render::{Rendered, RenderedEvents, Renderer, Renderers};
pub(crate) use stored::Stored;
use subscriptions::Subscriptions;
pub(crate) use subscriptions::{ConversationGuard, Unpublished};
pub(crate) use typing::Typing;
use upkeep::{ChangedHere, Unsure};

/// The service.
pub(crate) struct Conversations {
    stores: ConversationStores,
    clock: Arc<dyn Clock>,
    config: LiveConfig,
    users: Arc<Users>,
    presence: Arc<Presence>,
    audit: Audit,
    cluster: Option<Arc<Cluster>>,
    subscriptions: Subscriptions,
    changed: ChangedHere,
    unsure: Unsure,
    noticed: Noticed,
    id_types: IdTypes,
    listed: Listed,
    renderers: Renderers,
}

impl Conversations {
    /// Conversations in these stores, whose events go to the users of `presence`, on this node and the others.
    pub(crate) fn new(
        stores: ConversationStores,
        clock: Arc<dyn Clock>,
        config: LiveConfig,
        presence: Arc<Presence>,
        audit: Audit,
        cluster: Option<Arc<Cluster>>,
        renderers: Renderers,
    ) -> Self {
        Self {
            stores,
            clock,
            config,
            users: presence.users().clone(),
            audit,
            cluster,
            subscriptions: Subscriptions::new(presence.chats()),
            presence,
            changed: ChangedHere::default(),
            unsure: Unsure::default(),
            noticed: Noticed::default(),
            id_types: IdTypes::default(),
            listed: Listed::default(),
            renderers,
        }
    }

    /// Where they are stored.
    pub(crate) fn stores(&self) -> &ConversationStores {
        &self.stores
    }

    /// Now, in milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

impl fmt::Debug for Conversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversations").finish_non_exhaustive()
    }
}
