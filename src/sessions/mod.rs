//! Ad-hoc sessions: who is in them, their history and keys. A store keeps what all servers share;
//! which connections of this server belong to which session is kept here. It must not know any
//! event: `dialects::session` tells people what happened.

mod publish;
mod remote;

use std::collections::HashMap;
use std::sync::Arc;

use dashmap::DashMap;
use smallvec::SmallVec;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

pub use publish::News;

use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, Joined, KeysError, Member,
    Message, ReserveError, Saved, Seat, SessionId, Summary, Unavailable,
};
use crate::stores::sessions::SessionStore;

use crate::cluster::{Cluster, Entry, SessionMessage, Subscription};
use crate::connection::Connection;
use crate::connection::rooms::{self, Room};
use crate::model::clock::Clock;
use crate::model::{NodeId, UserId};
use crate::payload::OwnedValue;

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    /// Sessions with members that are connected here, and those someone is at work on.
    here: DashMap<SessionId, Arc<Mutex<Here>>>,
    /// Of which sessions the connections of this server are members.
    memberships: DashMap<Uuid, SmallVec<[SessionId; 1]>>,
    most_per_connection: usize,
    cluster: Option<Arc<Cluster>>,
}

/// The members of one session that are connected here.
#[derive(Debug)]
struct Here {
    room: Room,
    members: Vec<MemberHere>,
    /// What other nodes say of it is heard while it has members here.
    heard: Option<Subscription>,
    /// By which change members were told of something last.
    told: HashMap<String, u64>,
}

/// A member, and the connection that it joined on.
#[derive(Debug)]
pub struct MemberHere {
    /// The id that it joined under.
    pub user: UserId,
    /// The name shown to others.
    pub display_name: Arc<str>,
    /// Where it is.
    pub connection: Arc<Connection>,
    /// The change by which it joined.
    joined_by: u64,
}

/// One session. While someone has it, nobody else on this server is at it: what is done and what
/// is told of it are in one order. So it must not be held while waiting for a client.
#[derive(Debug)]
pub struct Session<'a> {
    sessions: &'a Sessions,
    id: SessionId,
    here: OwnedMutexGuard<Here>,
}

impl Sessions {
    /// Sessions that are kept in this store, which these nodes share.
    pub fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        most_per_connection: usize,
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        Self {
            store,
            clock,
            here: DashMap::new(),
            memberships: DashMap::new(),
            most_per_connection,
            cluster,
        }
    }

    /// Now, in milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// How many sessions there are.
    pub async fn count(&self) -> usize {
        self.store.count().await
    }

    /// Counts of all sessions.
    pub async fn summaries(&self) -> Vec<Summary> {
        self.store.summaries().await
    }

    /// Reserves a session.
    pub async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
    ) -> Result<(), ReserveError> {
        self.store.reserve(id, key, mode).await
    }

    /// A session to join, which may not exist.
    pub async fn to_join(&self, id: &SessionId) -> Session<'_> {
        let new = || {
            Arc::new(Mutex::new(Here {
                room: Room::new(rooms::session(id.as_str())),
                members: Vec::new(),
                heard: None,
                told: HashMap::new(),
            }))
        };
        let here = self.here.entry(id.clone()).or_insert_with(new).clone();
        self.have(id, here).await
    }

    /// A session that somebody here is a member of.
    pub async fn if_here(&self, id: &SessionId) -> Option<Session<'_>> {
        let here = self.here.get(id)?.clone();
        Some(self.have(id, here).await)
    }

    /// Those that somebody here is a member of.
    pub fn all_here(&self) -> Vec<SessionId> {
        self.here.iter().map(|here| here.key().clone()).collect()
    }

    /// A session that this connection is a member of.
    pub async fn of(&self, id: &SessionId, connection: &Connection) -> Option<Session<'_>> {
        // Others do not get as far as to the lock.
        let joined = self.memberships.get(&connection.id.uuid())?.contains(id);
        let here = self.here.get(id).filter(|_| joined)?.clone();
        let session = self.have(id, here).await;
        session.member_on(connection).is_some().then_some(session)
    }

    async fn have(&self, id: &SessionId, here: Arc<Mutex<Here>>) -> Session<'_> {
        Session {
            sessions: self,
            id: id.clone(),
            here: here.lock_owned().await,
        }
    }

    /// The sessions that a connection is a member of.
    pub fn joined_by(&self, connection: &Connection) -> Vec<SessionId> {
        let joined = self.memberships.get(&connection.id.uuid());
        joined.map_or_else(Vec::new, |joined| joined.to_vec())
    }

    /// Whether a connection of this server is in a session.
    pub fn is_here(&self, id: &SessionId, connection: Uuid) -> bool {
        let joined = self.memberships.get(&connection);
        joined.is_some_and(|joined| joined.contains(id))
    }

    /// Ends the sessions that were not used for too long; those who were in them here.
    pub async fn end_expired(&self) -> Vec<Arc<Connection>> {
        let mut members = Vec::new();
        for id in self.store.expired(&self.all_here()).await {
            let mut session = self.to_join(&id).await;
            if self.store.end_expired(&id).await {
                members.extend(session.dissolve());
            }
        }
        members
    }
}

impl Session<'_> {
    /// Its id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The member that joined on this connection.
    pub fn member_on(&self, connection: &Connection) -> Option<&MemberHere> {
        let is_it = |member: &&MemberHere| std::ptr::eq(&*member.connection, connection);
        self.here.members.iter().find(is_it)
    }

    /// The member with this id, if it is connected here.
    pub fn member(&self, user: &UserId) -> Option<&MemberHere> {
        self.here.members.iter().find(|member| member.user == *user)
    }

    /// Lets a member in. A connection is one member: what it was before is taken out.
    pub async fn join(
        &mut self,
        connection: &Arc<Connection>,
        join: Join<'_>,
    ) -> Result<(Joined, Option<Departed>), JoinError> {
        let before = self.member_on(connection).map(|member| member.user.clone());
        let joined = self.sessions.joined_by(connection).len();
        let seat = Seat {
            connection: connection.id.uuid(),
            is_free: before.is_some() || joined < self.sessions.most_per_connection,
        };
        let user = join.user.clone();
        let mut joined = self.enter(join, seat).await?;
        let departed = match before.is_some_and(|before| before != user) {
            true => self.depart(connection, Departure::Disconnected).await,
            false => None,
        };
        if let Some(departed) = &departed {
            joined.members.clone_from(&departed.members);
            joined.revision = departed.revision;
        }
        let replaced = self.member(&user).map(|member| member.connection.clone());
        if let Some(replaced) = replaced {
            self.remove(&replaced);
        }
        self.add(MemberHere {
            user,
            display_name: joined.member.display_name.clone(),
            connection: connection.clone(),
            joined_by: joined.revision,
        });
        Ok((joined, departed))
    }

    /// Lets a member in, whom other servers tell of what happens, and know to be here.
    async fn enter(&mut self, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError> {
        let store = &self.sessions.store;
        let Some(cluster) = &self.sessions.cluster else {
            return store.join(&self.id, join, seat).await;
        };
        if self.here.heard.is_none() {
            self.here.heard = Some(cluster.bus().subscribe(self.id.clone()).await);
        }
        let user = join.user.clone();
        let entry = Entry::Member(self.id.clone(), user.clone(), seat.connection);
        cluster.note(&entry).await.map_err(|_| JoinError::Busy)?;
        let joined = store.join(&self.id, join, seat).await;
        match &joined {
            Ok(joined) if !joined.is_new => {
                let revision = joined.revision;
                self.send(cluster, &SessionMessage::MemberMoved { user, revision });
            }
            Ok(_) => {}
            // It is looked at again when this server renews what it has.
            Err(_) => drop(cluster.forget(cluster.node_id(), &entry).await),
        }
        joined
    }

    /// Takes the member out that joined on this connection. `None`: there is none, or the store is
    /// away; here it is none any more in any case.
    pub async fn depart(
        &mut self,
        connection: &Arc<Connection>,
        departure: Departure,
    ) -> Option<Departed> {
        let user = self.member_on(connection)?.user.clone();
        let departed = self.take_out(None, &user, connection.id.uuid(), departure);
        let departed = departed.await;
        self.remove(connection);
        departed.ok().flatten()
    }

    /// Takes a member out that joined on this connection of a node, or of this one.
    ///
    /// # Errors
    /// The store is away.
    pub async fn take_out(
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

    /// Sets the public key of a member, and its name if one is given; all members then.
    pub async fn save_key(
        &mut self,
        user: &UserId,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<Saved> {
        let store = &self.sessions.store;
        let name = display_name.clone();
        let saved = store.save_key(&self.id, user, key, name).await?;
        let mut here = self.here.members.iter_mut();
        if let Some(name) = display_name
            && let Some(member) = here.find(|member| member.user == *user)
        {
            member.display_name = name;
        }
        Some(saved)
    }

    /// All members, the longest first.
    pub async fn members(&self) -> Vec<Member> {
        self.sessions.store.members(&self.id).await
    }

    /// The connections here of members whom the store does not have on them any more. None when the
    /// session is over, which its members are told in another way, or the store is away.
    pub async fn strangers(&self) -> Vec<Arc<Connection>> {
        let members = self.members().await;
        let is_known = |one: &MemberHere| {
            let mut known = members.iter();
            known.any(|member| member.connection == one.connection.id.uuid())
        };
        let here = self.here.members.iter().filter(|_| !members.is_empty());
        let strangers = here.filter(|one| !is_known(one));
        strangers.map(|one| one.connection.clone()).collect()
    }

    /// Keeps a message. `None`: the session is over.
    pub async fn append(&self, message: Arc<Message>) -> Option<Appended> {
        self.sessions.store.append(&self.id, message).await
    }

    /// Keeps the session keys; the revision.
    pub async fn set_session_keys(&self, keys: OwnedValue) -> Result<u64, KeysError> {
        self.sessions.store.set_session_keys(&self.id, keys).await
    }

    fn add(&mut self, member: MemberHere) {
        let memberships = &self.sessions.memberships;
        memberships
            .entry(member.connection.id.uuid())
            .or_default()
            .push(self.id.clone());
        self.here.room.enter(&member.connection);
        self.here.members.push(member);
    }

    fn remove(&mut self, connection: &Arc<Connection>) {
        let is_other = |member: &MemberHere| !Arc::ptr_eq(&member.connection, connection);
        self.here.members.retain(is_other);
        self.here.room.leave(connection);
        self.sessions
            .memberships
            .remove_if_mut(&connection.id.uuid(), |_, joined| {
                joined.retain(|id| *id != self.id);
                joined.is_empty()
            });
    }

    /// Takes out all who are here.
    fn dissolve(&mut self) -> Vec<Arc<Connection>> {
        let members = self.here.members.iter();
        let all: Vec<_> = members.map(|member| member.connection.clone()).collect();
        all.iter().for_each(|connection| self.remove(connection));
        all
    }
}

impl Drop for Session<'_> {
    /// Nothing is kept of a session that nobody here is in, or waits for.
    fn drop(&mut self) {
        if self.here.members.is_empty() {
            // The map has it, and this one.
            let unused = |_: &SessionId, here: &Arc<Mutex<Here>>| Arc::strong_count(here) == 2;
            self.sessions.here.remove_if(&self.id, unused);
        }
    }
}
