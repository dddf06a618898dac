//! The connections of each user: added when a connection is admitted, removed once, when it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Left, Member, Users};
use crate::connection::Connection;
use crate::model::Identity;

/// Why a connection is not added to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdded {
    /// The user has too many.
    TooMany,
    /// The user was suspended meanwhile.
    Suspended,
}

impl Users {
    /// Adds a connection to the user with this identity.
    ///
    /// # Errors
    /// It is not added, and records do not name the user.
    pub fn connect(
        &self,
        identity: Identity,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Member>, NotAdded> {
        let id = identity.user.clone();
        // The entry stays locked, so that the user cannot be forgotten in between.
        let entry = self
            .known
            .entry(id.clone())
            .or_insert_with(|| self.fresh(&id));
        let user = entry.clone();
        let mut connected = user.presence.lock();
        if connected.members.len() >= self.config.max_connections_per_user as usize {
            return Err(NotAdded::TooMany);
        }
        if user.suspended.load(Ordering::SeqCst) {
            return Err(NotAdded::Suspended);
        }
        if connected.members.is_empty() {
            self.connected.fetch_add(1, Ordering::Relaxed);
        }
        let name = identity.name.clone();
        let member = Arc::new(Member::new(user.clone(), identity, connection.clone()));
        connected.members.push(member.clone());
        connected.left = None;
        drop(connected);
        *user.name.lock() = name;
        drop(entry);
        self.away.lock().pop(&id);
        Ok(member)
    }

    /// Removes a connection from its user. `true`: it was the last.
    pub fn disconnect(&self, member: &Arc<Member>) -> bool {
        let user = &member.user;
        let mut connected = user.presence.lock();
        let before = connected.members.len();
        connected
            .members
            .retain(|other| !Arc::ptr_eq(other, member));
        let last = connected.members.is_empty() && before > 0;
        if last {
            connected.left = Some(Left {
                at: Instant::now(),
                time: jiff::Timestamp::now(),
            });
            self.connected.fetch_sub(1, Ordering::Relaxed);
        }
        drop(connected);
        if last {
            self.remember(&user.id);
        }
        last
    }
}
