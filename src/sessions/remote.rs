//! Messages of other nodes to the members of a session.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::local::LocalMember;
use super::session::Session;
use super::{SessionUpdate, Sessions};
use crate::cluster::{SessionMembers, SessionMessage, Typing};
use crate::connection::Connection;
use crate::model::UserId;
use crate::model::session::SessionId;
use crate::payload::EncodedEvent;

/// Connections to this server that a member is on no more.
#[derive(Debug)]
pub(crate) struct Displaced {
    /// Which.
    pub(crate) connections: Vec<LocalMember>,
    /// An earlier release says nothing to their clients.
    pub(crate) is_told: bool,
}

impl Sessions {
    /// The connections to this server that a member joined on.
    pub(crate) async fn connections_of(
        &self,
        id: &SessionId,
        user: &UserId,
    ) -> Vec<Arc<Connection>> {
        let Some(session) = self.lock_local(id).await else {
            return Vec::new();
        };
        let members = session.local.members.iter();
        let own = members.filter(|one| one.user == *user);
        own.map(|one| one.connection.clone()).collect()
    }

    /// The connections to this server that any member joined on, in the session's own order with what is done by
    /// `send` meanwhile.
    pub(crate) async fn with_members(
        &self,
        id: &SessionId,
        mut send: impl FnMut(&Arc<Connection>),
    ) {
        if let Some(session) = self.lock_local(id).await {
            let members = session.local.members.iter();
            members.for_each(|member| send(&member.connection));
        }
    }

    /// How many connections of a member to this server have handed over something that is not handled yet.
    pub(crate) async fn count_busy(&self, id: &SessionId, user: &UserId) -> usize {
        let connections = self.connections_of(id, user).await;
        let busy = connections.iter().filter(|one| one.flow().is_busy());
        busy.count()
    }

    /// Handles a message of another node. Which connections to this server a member is on no more by it.
    pub(crate) async fn receive(
        &self,
        id: &SessionId,
        message: SessionMessage,
    ) -> Option<(Session<'_>, Displaced)> {
        let mut session = self.lock_local(id).await?;
        match message {
            SessionMessage::Event {
                revision,
                newest,
                to,
                event,
                typing,
            } => {
                let newest = newest.as_deref();
                let update = SessionUpdate { revision, newest };
                session.deliver(&to, update, &event, typing.as_ref());
                None
            }
            // It is answered by `count_busy`.
            SessionMessage::CountBusy { .. } => None,
            SessionMessage::Displaced {
                user,
                revision,
                connections,
            } => {
                let displaced = Displaced {
                    is_told: connections.is_some(),
                    connections: session.displaced_remotely(
                        &user,
                        revision,
                        connections.as_deref(),
                    ),
                };
                session.forget(&displaced.connections).await;
                Some((session, displaced))
            }
        }
    }
}

impl Session<'_> {
    /// Sends an event to the members on this server that it is for. Who joined by a later change has
    /// been answered this one.
    fn deliver(
        &mut self,
        to: &SessionMembers,
        update: SessionUpdate<'_>,
        event: &EncodedEvent,
        typing: Option<&Typing>,
    ) {
        let typists = &mut self.local.typists;
        let is_sent = typing.is_none_or(|typing| typists.note(typing, Instant::now()));
        if !is_sent || !self.note_newest(update) {
            return;
        }
        let is_later = |joined_by: u64| update.revision.is_none_or(|revision| revision > joined_by);
        let is_own = |user: &UserId| typing.is_some_and(|typing| typing.user == *user);
        for member in &self.local.members {
            let is_addressed = match to {
                SessionMembers::All => !is_own(&member.user),
                SessionMembers::Member(user) => member.user == *user,
            };
            if is_addressed && is_later(member.joined_by) {
                member.connection.send_encoded(event);
            }
        }
    }

    /// A member is none on these connections any more, `None` on any, by this change; it may have joined later.
    fn displaced_remotely(
        &mut self,
        user: &UserId,
        revision: u64,
        connections: Option<&[Uuid]>,
    ) -> Vec<LocalMember> {
        let is_meant = |id: Uuid| connections.is_none_or(|connections| connections.contains(&id));
        let members = self.local.members.iter();
        let displaced = members.filter(|member| {
            member.user == *user
                && member.joined_by < revision
                && is_meant(member.connection.id.uuid())
        });
        let displaced: Vec<_> = displaced.map(|member| member.connection.clone()).collect();
        let displaced = displaced
            .iter()
            .filter_map(|connection| self.remove(connection));
        displaced.collect()
    }
}
