//! The connections of each user: added when a connection is admitted, removed once, when it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Member, Users};
use crate::connection::Connection;
use crate::model::{Identity, Refusal, Why};

impl Users {
    /// Adds a connection to the user with this identity.
    ///
    /// # Errors
    /// The user has too many connections or is suspended; then records do not name the user.
    pub(crate) fn connect(
        &self,
        identity: Identity,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Member>, Refusal> {
        let id = identity.user.clone();
        // The entry stays locked, so that the user cannot be forgotten in between.
        let entry = self
            .known
            .entry(id.clone())
            .or_insert_with(|| self.create(&id));
        let user = entry.clone();
        let mut connected = user.connected.lock();
        if connected.members.len() >= self.config.now().max_connections_per_user as usize {
            return Err(Refusal::new(Why::TooManyConnections));
        }
        if user.suspended.load(Ordering::SeqCst) {
            return Err(Refusal::new(Why::Suspended));
        }
        if connected.members.is_empty() {
            self.connected.fetch_add(1, Ordering::Relaxed);
        }
        let name = identity.name.clone();
        let member = Arc::new(Member::new(user.clone(), identity, connection.clone()));
        connected.members.push(member.clone());
        self.members.insert(connection.id, member.clone());
        connected.is_back();
        drop(connected);
        *user.name.lock() = name;
        drop(entry);
        self.offline.lock().pop(&id);
        Ok(member)
    }

    /// Removes a connection from its user. Returns whether it was the last.
    pub(crate) fn disconnect(&self, member: &Arc<Member>) -> bool {
        let user = &member.user;
        let mut connected = user.connected.lock();
        let before = connected.members.len();
        connected
            .members
            .retain(|other| !Arc::ptr_eq(other, member));
        self.members.remove(&member.connection.id);
        self.forget_told(member);
        let last = connected.members.is_empty() && before > 0;
        if last {
            connected.last_seen = Some(jiff::Timestamp::now());
            self.connected.fetch_sub(1, Ordering::Relaxed);
        }
        drop(connected);
        if last {
            match self.cluster {
                Some(_) => user.blockers.lock().forget(),
                None => user.blockers.lock().leave(),
            }
            self.retain_offline(&user.id);
        }
        last
    }
}
