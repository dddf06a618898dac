//! Sending events to the members of a session, on whichever node they are connected.
//!
//! Each change of a session has a number, its revision. The answer to a join contains all changes up
//! to its own revision, so a member is sent only the later ones.

use serde::Serialize;

use super::session::Session;
use crate::cluster::{SessionMembers, SessionMessage, Typing};
use crate::connection::rooms::{Lagging, To};
use crate::model::UserId;
use crate::payload::{EncodedEvent, FrameSizes};

/// Of how many states the newest revision is remembered; beyond that all are forgotten.
const MAX_STATES: usize = 4096;

/// What an event reports of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionUpdate<'a> {
    /// The change that it reports; `None`: none, or it is not known.
    pub(crate) revision: Option<u64>,
    /// What it is the newest state of: an older state that arrives later is dropped.
    pub(crate) newest: Option<&'a str>,
}

impl SessionUpdate<'_> {
    /// It reports no change.
    pub(crate) const SIGNAL: SessionUpdate<'static> = SessionUpdate {
        revision: None,
        newest: None,
    };

    /// It reports this change.
    pub(crate) fn of(revision: u64) -> Self {
        Self {
            revision: Some(revision),
            newest: None,
        }
    }
}

impl Session<'_> {
    /// Sends all members an event that becomes frames of these sizes. `to` excepts one on this
    /// server.
    pub(crate) async fn publish<T: Serialize + Sync>(
        &mut self,
        to: To<'_>,
        update: SessionUpdate<'_>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> Lagging {
        self.note_newest(update);
        let lagging = self.local.room.send_sized(to, None, event, payload, frames);
        self.publish_remote((SessionMembers::All, None), update, event, payload);
        lagging
    }

    /// Sends one member an event that becomes frames of these sizes, on all its connections. Its sender waits for one of
    /// them: another may be dead.
    pub(crate) fn send_to<T: Serialize>(
        &self,
        user: &UserId,
        update: SessionUpdate<'_>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> Lagging {
        let to = SessionMembers::Member(user.clone());
        self.publish_remote((to, None), update, event, payload);
        let members = self.local.members.iter();
        let connections = members.filter(|member| member.user == *user);
        let connections = connections.map(|member| &member.connection);
        for connection in connections.clone() {
            self.local.room.send_to(connection, event, payload, frames);
        }
        Lagging::any(connections, frames)
    }

    pub(super) fn publish_remote<T: Serialize>(
        &self,
        (to, typing): (SessionMembers, Option<Typing>),
        update: SessionUpdate<'_>,
        event: &str,
        payload: &T,
    ) {
        let Some(cluster) = &self.sessions.cluster else {
            return;
        };
        if let Some(event) = EncodedEvent::new(event, payload) {
            let message = SessionMessage::Event {
                revision: update.revision,
                newest: update.newest.map(str::to_owned),
                to,
                event,
                typing,
            };
            let _ = cluster.bus().publish(&self.id, &message);
        }
    }

    /// Notes the newest state that members are sent. `false`: they were sent a newer one before.
    pub(super) fn note_newest(&mut self, update: SessionUpdate<'_>) -> bool {
        let (Some(revision), Some(newest)) = (update.revision, update.newest) else {
            return true;
        };
        let known = &mut self.local.newest;
        if known.get(newest).is_some_and(|known| *known > revision) {
            return false;
        }
        if known.len() >= MAX_STATES {
            known.clear();
        }
        known.insert(newest.to_owned(), revision);
        true
    }
}
