//! What a new connection is told of who is online: each user once, whether they were here before it
//! or come while it is being told.

use std::collections::HashMap;

use crate::model::UserId;

/// How far a connection is told who is online.
#[derive(Debug, Default)]
pub enum PresenceSync {
    /// It will be told of all who are.
    #[default]
    Waits,
    /// It is being told.
    Goes(Box<Heard>),
    /// It was told, and hears of changes only, except of comings that it was told of.
    Done(HashMap<UserId, u64>),
}

/// What a connection heard while it is being told.
#[derive(Debug, Default)]
pub struct Heard {
    /// Whether these users came or went meanwhile.
    changed: HashMap<UserId, bool>,
    /// Of which comings it was told.
    told: HashMap<UserId, u64>,
}

impl PresenceSync {
    /// It is told from now on.
    pub fn begin(&mut self) {
        *self = Self::Goes(Box::default());
    }

    /// It was told of all.
    pub fn end(&mut self) {
        let told = match self {
            Self::Goes(heard) => std::mem::take(&mut heard.told),
            Self::Waits | Self::Done(_) => HashMap::new(),
        };
        *self = Self::Done(told);
    }

    /// What was told when it began is no longer told a second time by anybody.
    pub fn forget(&mut self) {
        if let Self::Done(told) = self {
            *told = HashMap::new();
        }
    }

    /// A user came (`true`) or went: whether it is to be told of that. To be asked before it is.
    pub fn hears(&mut self, user: &UserId, online: bool, coming: u64) -> bool {
        match self {
            Self::Waits => false,
            Self::Goes(heard) => {
                heard.changed.insert(user.clone(), online);
                heard.told.remove(user) != Some(coming) || !online
            }
            Self::Done(told) => told.remove(user) != Some(coming) || !online,
        }
    }

    /// Whether it has heard already that a user is here.
    pub fn has_heard_of(&self, user: &UserId) -> bool {
        matches!(self, Self::Goes(heard) if heard.changed.get(user) == Some(&true))
    }

    /// A user was online a moment ago, by this coming: whether it is to be told of that.
    pub fn names(&mut self, user: &UserId, coming: u64) -> bool {
        match self {
            Self::Goes(heard) if !heard.changed.contains_key(user) => {
                heard.told.insert(user.clone(), coming);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_while_others_are_named_is_not_named_again() {
        let ann = UserId::parse("ann").unwrap();
        let mut presence_sync = PresenceSync::default();
        assert!(!presence_sync.hears(&ann, true, 1), "it will be named");
        presence_sync.begin();
        assert!(!presence_sync.has_heard_of(&ann));
        assert!(presence_sync.hears(&ann, true, 1));
        assert!(presence_sync.has_heard_of(&ann) && !presence_sync.names(&ann, 1));
        assert!(presence_sync.hears(&ann, false, 1));
        assert!(!presence_sync.has_heard_of(&ann) && !presence_sync.names(&ann, 1));
        presence_sync.end();
        assert!(presence_sync.hears(&ann, true, 1));
    }

    #[test]
    fn a_coming_that_it_was_told_of_is_not_told_again() {
        let ann = UserId::parse("ann").unwrap();
        for (online, coming, told) in [(true, 1, false), (true, 2, true), (false, 1, true)] {
            let mut presence_sync = PresenceSync::default();
            presence_sync.begin();
            assert!(presence_sync.names(&ann, 1));
            presence_sync.end();
            assert_eq!(presence_sync.hears(&ann, online, coming), told);
            assert!(presence_sync.hears(&ann, true, 1), "only once");
        }
    }
}
