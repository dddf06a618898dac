//! Joining and leaving a session.

use std::sync::Arc;

use uuid::Uuid;

use super::local::LocalMember;
use super::session::Session;
use crate::cluster::{Entry, SessionMessage};
use crate::connection::Connection;
use crate::model::session::{
    Departed, Departure, Join, JoinError, JoinSlot, Joined, Maker, Unavailable,
};
use crate::model::{NodeId, UserId};

/// What became of a join.
#[derive(Debug)]
pub(crate) struct Entered {
    /// The answer to it.
    pub(crate) joined: Joined,
    /// The member on this connection until now, which may be the same.
    pub(crate) before: Option<LocalMember>,
    /// That one departed.
    pub(crate) departed: Option<Departed>,
    /// The connections to this server that the member is on no more.
    pub(crate) displaced: Vec<LocalMember>,
}

impl Session<'_> {
    /// Admits a member; a session that there is not is made by `maker`. A connection is one member: the one that it
    /// was before departs. A member may be on several connections: by another key it is displaced from those that
    /// somebody else may be on.
    ///
    /// # Errors
    /// Why it is not admitted; nothing is changed.
    pub(crate) async fn join(
        &mut self,
        connection: &Arc<Connection>,
        join: Join<'_>,
        maker: Maker<'_>,
    ) -> Result<Entered, JoinError> {
        let before = self.member_on(connection).cloned();
        let joined = self.sessions.joined_by(connection).len();
        let slot = JoinSlot {
            connection: connection.id.uuid(),
            is_free: before.is_some()
                || joined < self.sessions.config.now().max_sessions_per_connection,
            maker,
        };
        let user = join.user.clone();
        let mut joined = self.enter(join, slot).await?;
        let departed = match before.as_ref().is_some_and(|before| before.user != user) {
            true => self.depart(connection, Departure::Left).await,
            false => None,
        };
        let (ids, revision) = (std::mem::take(&mut joined.displaced), joined.revision);
        if let Some(departed) = &departed {
            joined.members.clone_from(&departed.members);
            joined.revision = departed.revision;
        }
        self.remove(connection);
        self.add(LocalMember {
            user: user.clone(),
            display_name: joined.member.display_name.clone(),
            connection: connection.clone(),
            typing_as: None,
            joined_by: joined.revision,
        });
        Ok(Entered {
            joined,
            before,
            departed,
            displaced: self.displace(&user, revision, ids).await,
        })
    }

    /// Admits a member in the store. Before that, this node subscribes to the session and notes the
    /// member in its ledger.
    async fn enter(&mut self, join: Join<'_>, slot: JoinSlot<'_>) -> Result<Joined, JoinError> {
        let store = &self.sessions.store;
        let Some(cluster) = &self.sessions.cluster else {
            return store.join(&self.id, join, slot).await;
        };
        if self.local.subscription.is_none() {
            let subscription = cluster.bus().subscribe(self.id.clone()).await;
            self.local.subscription = Some(subscription);
        }
        let is_member = self.local.members.iter().any(|member| {
            member.user == join.user && member.connection.id.uuid() == slot.connection
        });
        let entry = Entry::Member(self.id.clone(), join.user.clone(), slot.connection);
        cluster.note(&entry).await.map_err(|_| JoinError::Busy)?;
        let joined = store.join(&self.id, join, slot).await;
        if joined.is_err() && !is_member {
            // What fails here is repeated when this node renews what it has in Redis.
            drop(cluster.forget(cluster.node_id(), &entry).await);
        }
        joined
    }

    /// A member is on these connections no more, by this change. Returns those to this server; the other nodes are told
    /// of theirs.
    pub(super) async fn displace(
        &mut self,
        user: &UserId,
        revision: u64,
        ids: Vec<Uuid>,
    ) -> Vec<LocalMember> {
        if ids.is_empty() {
            return Vec::new();
        }
        let here = self.connections();
        let here = here.iter().filter(|one| ids.contains(&one.id.uuid()));
        let displaced: Vec<_> = here.filter_map(|one| self.remove(one)).collect();
        self.forget(&displaced).await;
        if let Some(cluster) = &self.sessions.cluster
            && displaced.len() < ids.len()
        {
            let message = SessionMessage::Displaced {
                user: user.clone(),
                revision,
                connections: Some(ids),
            };
            let _ = cluster.bus().publish(&self.id, &message);
        }
        displaced
    }

    /// Removes connections to this server that are no member's any more from the ledger of this node.
    pub(super) async fn forget(&self, displaced: &[LocalMember]) {
        for member in displaced {
            if let Some(cluster) = &self.sessions.cluster {
                let (user, connection) = (member.user.clone(), member.connection.id.uuid());
                let entry = Entry::Member(self.id.clone(), user, connection);
                // What fails here is repeated when this node renews what it has in Redis.
                drop(cluster.forget(cluster.node_id(), &entry).await);
            }
        }
    }

    /// Removes the member that joined on this connection. `None`: there is none, or the store is
    /// unavailable; on this server it is removed in any case.
    pub(crate) async fn depart(
        &mut self,
        connection: &Arc<Connection>,
        departure: Departure,
    ) -> Option<Departed> {
        let user = self.member_on(connection)?.user.clone();
        let departed = self.remove_stored(None, &user, connection.id.uuid(), departure);
        let departed = departed.await;
        if departure == Departure::Left {
            // Before it counts as none: its end forgets both.
            self.sessions.note_left_on(&self.id, &user, connection);
        }
        self.remove(connection);
        departed.ok().flatten()
    }

    /// Removes a connection of a member from the store, and from the ledger of its node; `None`: this node.
    ///
    /// # Errors
    /// The store is unavailable.
    pub(crate) async fn remove_stored(
        &self,
        node: Option<NodeId>,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable> {
        let store = &self.sessions.store;
        let departed = store.depart(&self.id, user, connection, departure).await?;
        if let Some(cluster) = &self.sessions.cluster {
            let entry = Entry::Member(self.id.clone(), user.clone(), connection);
            let node = node.unwrap_or(cluster.node_id());
            cluster
                .forget(node, &entry)
                .await
                .map_err(|_| Unavailable)?;
        }
        Ok(departed)
    }

    fn add(&mut self, member: LocalMember) {
        let memberships = &self.sessions.memberships;
        memberships
            .entry(member.connection.id.uuid())
            .or_default()
            .push(self.id.clone());
        self.local.room.enter(&member.connection);
        self.local.members.push(member);
    }

    /// Removes the member on this connection from what this server knows.
    pub(super) fn remove(&mut self, connection: &Arc<Connection>) -> Option<LocalMember> {
        let mut members = self.local.members.iter();
        let at = members.position(|member| Arc::ptr_eq(&member.connection, connection))?;
        let removed = self.local.members.remove(at);
        self.local.room.leave(connection);
        self.sessions
            .memberships
            .remove_if_mut(&connection.id.uuid(), |_, joined| {
                joined.retain(|id| *id != self.id);
                joined.is_empty()
            });
        Some(removed)
    }

    /// Removes all members that are connected to this server; their connections.
    pub(super) fn remove_all(&mut self) -> Vec<Arc<Connection>> {
        let all = self.connections();
        for connection in &all {
            self.remove(connection);
        }
        all
    }
}
