//! What one connection was sent of who is online: a new connection is sent each user who is online
//! once, and every change from then on, whatever comes first. It sends nothing itself.

use std::collections::HashMap;

use crate::model::UserId;

/// How far a connection is with being sent who is online.
///
/// A *presence epoch* names one time that a user came online.
#[derive(Debug, Default)]
pub(super) struct PresenceSync {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// It will be sent all users who are online.
    #[default]
    Pending,
    /// It is being sent them.
    Syncing(Box<Syncing>),
    /// It was sent them, and is sent changes only, except those to the epochs it was sent.
    Synced(HashMap<UserId, u64>),
}

#[derive(Debug, Default)]
struct Syncing {
    /// The changes that it was sent meanwhile: whether the user is online since.
    changed: HashMap<UserId, bool>,
    /// The users that it was sent as online, with their epoch.
    sent: HashMap<UserId, u64>,
}

impl PresenceSync {
    /// From now on the connection is sent who is online.
    pub(super) fn begin(&mut self) {
        self.state = State::Syncing(Box::default());
    }

    /// The connection was sent all users who are online.
    pub(super) fn end(&mut self) {
        let sent = match &mut self.state {
            State::Syncing(syncing) => std::mem::take(&mut syncing.sent),
            State::Pending | State::Synced(_) => HashMap::new(),
        };
        self.state = State::Synced(sent);
    }

    /// Drops the epochs that the connection was sent while it was synced. To be called when the
    /// changes to them must have come.
    pub(super) fn forget_epochs(&mut self) {
        if let State::Synced(sent) = &mut self.state {
            *sent = HashMap::new();
        }
    }

    /// Counts a change of a user's presence; whether the connection is to be sent it.
    pub(super) fn accepts_change(
        &mut self,
        user: &UserId,
        online: bool,
        presence_epoch: u64,
    ) -> bool {
        match &mut self.state {
            State::Pending => false,
            State::Syncing(syncing) => {
                syncing.changed.insert(user.clone(), online);
                syncing.sent.remove(user) != Some(presence_epoch) || !online
            }
            State::Synced(sent) => sent.remove(user) != Some(presence_epoch) || !online,
        }
    }

    /// Counts a user who was found online; whether the connection is to be sent that. It is not when
    /// it was sent a change of that user meanwhile, which is newer.
    pub(super) fn accepts_online(&mut self, user: &UserId, presence_epoch: u64) -> bool {
        match &mut self.state {
            State::Syncing(syncing) if !syncing.changed.contains_key(user) => {
                syncing.sent.insert(user.clone(), presence_epoch);
                true
            }
            _ => false,
        }
    }

    /// Whether the connection was sent, while it is being synced, that a user came online.
    pub(super) fn was_sent_online(&self, user: &UserId) -> bool {
        matches!(&self.state, State::Syncing(syncing) if syncing.changed.get(user) == Some(&true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_comes_online_during_the_sync_is_sent_once() {
        let ann = UserId::parse("ann").unwrap();
        let mut presence_sync = PresenceSync::default();
        assert!(
            !presence_sync.accepts_change(&ann, true, 1),
            "the sync will have it"
        );
        presence_sync.begin();
        assert!(!presence_sync.was_sent_online(&ann));
        assert!(presence_sync.accepts_change(&ann, true, 1));
        assert!(presence_sync.was_sent_online(&ann) && !presence_sync.accepts_online(&ann, 1));
        assert!(presence_sync.accepts_change(&ann, false, 1));
        assert!(!presence_sync.was_sent_online(&ann) && !presence_sync.accepts_online(&ann, 1));
        presence_sync.end();
        assert!(presence_sync.accepts_change(&ann, true, 1));
    }

    #[test]
    fn an_epoch_that_the_sync_sent_is_not_sent_again() {
        let ann = UserId::parse("ann").unwrap();
        for (online, epoch, accepted) in [(true, 1, false), (true, 2, true), (false, 1, true)] {
            let mut presence_sync = PresenceSync::default();
            presence_sync.begin();
            assert!(presence_sync.accepts_online(&ann, 1));
            presence_sync.end();
            assert_eq!(presence_sync.accepts_change(&ann, online, epoch), accepted);
            assert!(presence_sync.accepts_change(&ann, true, 1), "only once");
        }
    }
}
