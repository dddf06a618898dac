//! Sends an event of a backend to connections of this node: each once, behind what its client was sent before. Nobody
//! waits for a client.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use uuid::Uuid;

use super::Backend;
use crate::cluster::{Publication, PublishTarget, Reached};
use crate::connection::rooms::{of_backend, of_conversation, of_sessions};
use crate::connection::{Connection, ConnectionId};
use crate::metrics::events;
use crate::model::UserId;
use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::payload::{FrameSizes, SocketPacket};
use crate::transport::Origin;

/// How many conversations are brought up to date at once.
const AT_ONCE: usize = 16;

/// An event that is being sent.
struct Sending {
    packet: SocketPacket,
    frames: FrameSizes,
    /// The connections that were handed it, and those that did not take it.
    sent: HashMap<Uuid, bool>,
}

impl Sending {
    /// Sends it to a connection that has not got it, unless its client is about to leave. Whether it has it now.
    fn send(&mut self, connection: &Arc<Connection>, room: Option<fn() -> Origin>) -> bool {
        self.send_of(connection, || of_backend(room.map(|room| room())))
    }

    fn send_of(&mut self, connection: &Arc<Connection>, of: impl FnOnce() -> Origin) -> bool {
        let (packet, frames) = (&self.packet, &self.frames);
        let id = connection.id.uuid();
        let sent = self.sent.entry(id);
        *sent.or_insert_with(|| {
            !connection.is_draining() && connection.send_in_turn(of, packet, frames)
        })
    }
}

impl Backend {
    /// Sends an event to the connections that are meant here.
    pub(super) async fn publish_here(&self, publication: &Publication) -> Reached {
        let (packet, frames) =
            SocketPacket::verbatim(&publication.event, publication.data.as_deref());
        let mut sending = Sending {
            packet,
            frames,
            sent: HashMap::new(),
        };
        self.bring_up_to_date(&publication.targets).await;
        let guests = self.named_guests(&publication.targets).await;
        let mut targets = Vec::with_capacity(publication.targets.len());
        for target in &publication.targets {
            targets.push(match target {
                PublishTarget::User(user) => self.send_to_user(&mut sending, user, None),
                PublishTarget::Conversation {
                    id, participants, ..
                } => {
                    self.send_to_conversation(&mut sending, id, participants)
                        .await
                }
                PublishTarget::Session(id) => self.send_to_session(&mut sending, id).await,
                PublishTarget::Connection(id) => {
                    let connection = self.users.connection(ConnectionId::of(*id));
                    let connection = connection.or_else(|| guests.get(id).cloned());
                    connection.map_or(0, |one| u64::from(sending.send(&one, None)))
                }
            });
        }
        let connections = sending.sent.values().filter(|is_taken| **is_taken);
        let connections = connections.count() as u64;
        events::backend_sent(connections);
        Reached {
            connections,
            targets,
        }
    }

    /// Returns once those who are subscribed here have received what was confirmed before.
    async fn bring_up_to_date(&self, targets: &[PublishTarget]) {
        let conversations = targets.iter().filter_map(|target| match target {
            PublishTarget::Conversation { id, last, .. } => Some((id.clone(), *last)),
            _ => None,
        });
        let conversations: Vec<_> = conversations.collect();
        let done = stream::iter(conversations).for_each_concurrent(AT_ONCE, |(id, last)| {
            let conversations = self.conversations.clone();
            async move { conversations.received_to(&id, last).await }
        });
        done.await;
    }

    fn send_to_user(
        &self,
        sending: &mut Sending,
        user: &UserId,
        conversation: Option<&ConversationId>,
    ) -> u64 {
        let connections = self.users.connections(user.as_str());
        let sent = connections.iter().filter(|connection| {
            let room = || conversation.map(|id| of_conversation(id.as_str()));
            sending.send_of(connection, || of_backend(room()))
        });
        sent.count() as u64
    }

    async fn send_to_conversation(
        &self,
        sending: &mut Sending,
        id: &ConversationId,
        participants: &[UserId],
    ) -> u64 {
        // Nothing is done in it meanwhile, so what is sent has one place among its events for all.
        let _guard = self.conversations.lock(id).await;
        let sent = participants
            .iter()
            .map(|user| self.send_to_user(sending, user, Some(id)));
        sent.sum()
    }

    async fn send_to_session(&self, sending: &mut Sending, id: &str) -> u64 {
        let Some((id, _)) = SessionId::parse(id) else {
            return 0;
        };
        let mut members = HashSet::new();
        let mut sent = 0;
        let send = |connection: &Arc<Connection>| {
            if members.insert(connection.id.uuid()) {
                sent += u64::from(sending.send(connection, Some(of_sessions)));
            }
        };
        self.sessions.with_members(&id, send).await;
        sent
    }

    /// The connections among these targets that have no user.
    async fn named_guests(&self, targets: &[PublishTarget]) -> HashMap<Uuid, Arc<Connection>> {
        let named = targets.iter().filter_map(|target| match target {
            PublishTarget::Connection(id) => Some(*id),
            _ => None,
        });
        let is_guest = |id: &Uuid| self.users.connection(ConnectionId::of(*id)).is_none();
        self.find_open(named.filter(is_guest).collect()).await
    }

    /// The open connections with these ids. All have to be looked at for that, which is done beside other work.
    pub(super) async fn find_open(&self, ids: HashSet<Uuid>) -> HashMap<Uuid, Arc<Connection>> {
        if ids.is_empty() {
            return HashMap::new();
        }
        let open = self.connections.clone();
        let found = tokio::task::spawn_blocking(move || {
            let all = open.with_tokens().into_iter();
            let all = all.map(|(connection, _)| (connection.id.uuid(), connection));
            all.filter(|(id, _)| ids.contains(id)).collect()
        });
        found.await.unwrap_or_else(|error| {
            tracing::error!(%error, "connections could not be looked at");
            HashMap::new()
        })
    }
}
