//! What this server knows of one session: its members that are connected here.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::typists::Typists;
use crate::cluster::Subscription;
use crate::config::LiveConfig;
use crate::connection::Connection;
use crate::connection::rooms::{self, Room};
use crate::limits::{Action, Limit};
use crate::model::UserId;

/// The part of a session that belongs to this server.
#[derive(Debug)]
pub(super) struct LocalState {
    pub(super) room: Room,
    pub(super) members: Vec<LocalMember>,
    pub(super) typists: Typists,
    /// To what other nodes publish, while the session has members on this server.
    pub(super) subscription: Option<Subscription>,
    /// The revision of each state that members were sent last.
    pub(super) newest: HashMap<String, u64>,
    /// [`Action::Output`]: lists of keys for all its members.
    pub(super) output: Arc<Limit>,
    /// The keys of the members are sent when that is allowed.
    pub(super) defers_keys: bool,
}

/// A connection to this server that a member joined on.
#[derive(Debug, Clone)]
pub(crate) struct LocalMember {
    /// The id that it joined under.
    pub(crate) user: UserId,
    /// The name shown to others with what is sent on it.
    pub(crate) display_name: Arc<str>,
    /// The connection.
    pub(crate) connection: Arc<Connection>,
    /// The name under which others were told that it is typing, on it, while it is.
    pub(crate) typing_as: Option<Arc<str>>,
    /// The revision by which it joined.
    pub(super) joined_by: u64,
}

impl LocalState {
    pub(super) fn new(config: &LiveConfig) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            room: Room::new(rooms::of_sessions()),
            members: Vec::new(),
            typists: Typists::default(),
            subscription: None,
            newest: HashMap::new(),
            output: Arc::new(Limit::new(config, Action::Output)),
            defers_keys: false,
        }))
    }
}
