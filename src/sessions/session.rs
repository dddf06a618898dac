//! One session, locked on this server.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Sessions;
use super::local::{LocalMember, LocalState};
use crate::connection::Connection;
use crate::limits::Limit;
use crate::model::session::{Appended, KeySaved, KeysError, Members, Message, SessionId};
use crate::payload::OwnedValue;

/// A lock on one session: changes and the events that report them are in one order on this server. It
/// must not be held while waiting for a client.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(super) sessions: &'a Sessions,
    pub(super) id: SessionId,
    pub(super) local: OwnedMutexGuard<LocalState>,
}

impl<'a> Session<'a> {
    pub(super) async fn lock(
        sessions: &'a Sessions,
        id: &SessionId,
        local: Arc<Mutex<LocalState>>,
    ) -> Self {
        Self {
            sessions,
            id: id.clone(),
            local: local.lock_owned().await,
        }
    }
}

impl Session<'_> {
    /// Its id.
    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    /// The member that joined on this connection.
    pub(crate) fn member_on(&self, connection: &Connection) -> Option<&LocalMember> {
        let is_it = |member: &&LocalMember| std::ptr::eq(&*member.connection, connection);
        self.local.members.iter().find(is_it)
    }

    /// The members that are connected to this server.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        let members = self.local.members.iter();
        members.map(|member| member.connection.clone()).collect()
    }

    /// Notes under which name the others were told that a member is typing; `None`: that it is not.
    pub(crate) fn set_typing(&mut self, connection: &Connection, name: Option<Arc<str>>) {
        let is_it = |member: &&mut LocalMember| std::ptr::eq(&*member.connection, connection);
        if let Some(member) = self.local.members.iter_mut().find(is_it) {
            member.typing_as = name;
        }
    }

    /// Whether another member than its author, or the one whom it is for, is on a connection to this server.
    pub(crate) fn has_receiver_here(&self, message: &Message) -> bool {
        let mut members = self.local.members.iter();
        members.any(|member| message.may_go_to(&member.user))
    }

    /// All members, in the order in which they joined.
    pub(crate) async fn members(&self) -> Members {
        self.sessions.store.members(&self.id).await
    }

    /// The connections to this server of members that the store does not have on them any more. Empty
    /// when the session is over, which its members learn in another way, or the store is unavailable.
    pub(crate) async fn stale_members(&self) -> Vec<Arc<Connection>> {
        let Members { members, .. } = self.members().await;
        let is_known = |one: &LocalMember| {
            let mut known = members.iter();
            known.any(|member| member.is_on(one.connection.id.uuid()))
        };
        let local = self.local.members.iter().filter(|_| !members.is_empty());
        let stale = local.filter(|one| !is_known(one));
        stale.map(|one| one.connection.clone()).collect()
    }

    /// Sets the public key of the member that joined on this connection, and its name if one is given. Returns all
    /// members then, and on which connections to this server that one is no more. `None`: there is none, or the store is
    /// full or unavailable.
    pub(crate) async fn save_key(
        &mut self,
        connection: &Connection,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<(Members, Vec<LocalMember>)> {
        let user = self.member_on(connection)?.user.clone();
        let id = connection.id.uuid();
        let saved = (key, display_name.clone());
        let saved = self.sessions.store.save_key(&self.id, &user, id, saved);
        let KeySaved {
            members,
            displaced,
            revision,
        } = saved.await?;
        let is_it = |member: &&mut LocalMember| std::ptr::eq(&*member.connection, connection);
        if let Some(name) = display_name
            && let Some(member) = self.local.members.iter_mut().find(is_it)
        {
            member.display_name = name;
        }
        let displaced = self.displace(&user, revision, displaced).await;
        Some((Members { members, revision }, displaced))
    }

    /// Whether other nodes have members of it, too: then what is stored of it is in Redis.
    pub(crate) fn is_shared(&self) -> bool {
        self.sessions.cluster.is_some()
    }

    /// Bytes that are sent for a list of so many to all members: one copy for those on other nodes.
    pub(crate) fn for_all(&self, bytes: usize) -> usize {
        let nodes = usize::from(self.is_shared());
        bytes.saturating_mul(self.local.members.len() + nodes)
    }

    /// Counts so many bytes that are to be sent; whether they may be sent now.
    pub(crate) fn allows_output(&self, bytes: usize) -> bool {
        self.local.output.allows_cost(bytes)
    }

    /// The keys of the members are to be sent when that is allowed; by what. `None`: somebody waits for that
    /// already.
    pub(crate) fn defer_keys(&mut self) -> Option<Arc<Limit>> {
        let is_first = !std::mem::replace(&mut self.local.defers_keys, true);
        is_first.then(|| self.local.output.clone())
    }

    /// The keys of the members are sent now.
    pub(crate) fn end_deferral(&mut self) {
        self.local.defers_keys = false;
    }

    /// Stores a message. `None`: the session is over.
    pub(crate) async fn append(&self, message: Arc<Message>) -> Option<Appended> {
        self.sessions.store.append(&self.id, message).await
    }

    /// Stores the session keys; the revision.
    ///
    /// # Errors
    /// The session is not in group mode, or there is no room for them.
    pub(crate) async fn set_session_keys(&self, keys: OwnedValue) -> Result<u64, KeysError> {
        self.sessions.store.set_session_keys(&self.id, keys).await
    }
}

impl Drop for Session<'_> {
    /// Forgets a session without members on this server that nobody waits for.
    fn drop(&mut self) {
        /// The map's reference and this lock's.
        const UNUSED: usize = 2;
        if self.local.members.is_empty() {
            let is_unused =
                |_: &SessionId, local: &Arc<Mutex<LocalState>>| Arc::strong_count(local) == UNUSED;
            self.sessions.local.remove_if(&self.id, is_unused);
        }
    }
}
