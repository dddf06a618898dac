//! Who is told of whom that they are online, so that they are told when that one went, whatever has become of the
//! audience meanwhile. It must not know who is to be told, and sends nothing itself.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::told::State;
use super::{Member, Users};
use crate::model::UserId;

impl Users {
    /// A connection is to be told which of these users are online, of whom it is found out from now on.
    pub(super) fn expect(&self, member: &Member, contacts: &[UserId]) {
        let mut told = member.told();
        for user in contacts {
            if told.has_room() && !told.users.contains_key(user) {
                let user = self.watch(user, member);
                told.users.insert(user, State::Expected);
            }
        }
        told.count();
    }

    /// A user was found online. `send` tells the connection so, unless it knows, or has been told since that they went.
    pub(super) fn tell_found(
        &self,
        member: &Member,
        user: &UserId,
        epoch: u64,
        send: impl FnOnce(),
    ) {
        let mut told = member.told();
        if let Some(state @ State::Expected) = told.users.get_mut(user) {
            *state = State::Online(epoch);
            // Under the lock, so that no change of this user is sent before.
            send();
        }
    }

    /// It was found out which of these users are online.
    pub(super) fn found_all(&self, member: &Member, contacts: &[UserId]) {
        let mut told = member.told();
        for user in contacts {
            if told.users.get(user) == Some(&State::Expected) {
                told.users.remove(user);
                self.unwatch(user, member);
            }
        }
        told.count();
    }

    /// The connection was told who was online when it came.
    pub(super) fn synced(&self, member: &Member) {
        member.told().is_synced = true;
    }

    /// A user came online, which this connection is to be told, perhaps as is `everyone`. `false`: it was told before,
    /// or has been told too many others.
    pub(super) fn tell_online(
        &self,
        member: &Member,
        user: &UserId,
        epoch: u64,
        everyone: bool,
    ) -> bool {
        let mut told = member.told();
        let has_room = told.has_room();
        let needs_entry = !(everyone && told.is_synced);
        match told.users.entry(user.clone()) {
            Entry::Occupied(mut known) => {
                let before = known.insert(State::Online(epoch));
                before != State::Online(epoch)
            }
            Entry::Vacant(_) if !needs_entry => true,
            Entry::Vacant(_) if !has_room => everyone,
            Entry::Vacant(new) => {
                new.insert(State::Online(epoch));
                self.watch(user, member);
                told.count();
                true
            }
        }
    }

    /// A connection is told nothing more of a user whom it was told is online. `false`: it was not.
    pub(super) fn untell(&self, member: &Member, user: &UserId) -> bool {
        let mut told = member.told();
        let Some(state) = told.users.remove(user) else {
            return false;
        };
        self.unwatch(user, member);
        told.count();
        state != State::Expected
    }

    /// The same for all connections; those that were told.
    pub(super) fn untell_all(&self, user: &UserId) -> Vec<Arc<Member>> {
        let watching = self.watching.get(user);
        let ids: Vec<_> = watching.map_or_else(Vec::new, |ids| ids.iter().copied().collect());
        let members = ids.iter().filter_map(|id| self.members.get(id));
        let members: Vec<_> = members.map(|member| member.clone()).collect();
        let members = members.into_iter();
        members.filter(|member| self.untell(member, user)).collect()
    }

    /// Whether a connection was told that a user is online.
    pub(super) fn was_told(&self, member: &Member, user: &UserId) -> bool {
        matches!(member.told().users.get(user), Some(State::Online(_)))
    }

    /// A connection has ended, and is told nothing more.
    pub(super) fn forget_told(&self, member: &Member) {
        let mut told = member.told();
        told.has_ended = true;
        for user in std::mem::take(&mut told.users).into_keys() {
            self.unwatch(&user, member);
        }
        told.count();
    }

    /// Finds the connection by the user from now on; the id as others have it, which is kept once for all.
    fn watch(&self, user: &UserId, member: &Member) -> UserId {
        let mut watching = self.watching.entry(user.clone()).or_default();
        watching.insert(member.connection.id);
        watching.key().clone()
    }

    fn unwatch(&self, user: &UserId, member: &Member) {
        if let Some(mut watching) = self.watching.get_mut(user) {
            watching.remove(&member.connection.id);
        }
        self.watching
            .remove_if(user, |_, watching| watching.is_empty());
    }
}
