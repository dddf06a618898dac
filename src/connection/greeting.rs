//! What a new connection is told of who is online: each user once, whether they were here before it
//! or come while it is being told.

use std::collections::HashSet;

use crate::identity::UserId;

/// How far a connection is told who is online.
#[derive(Debug, Default)]
pub enum Greeting {
    /// It will be told of all who are.
    #[default]
    Waits,
    /// It is being told, and has heard that these came meanwhile.
    Goes(Box<HashSet<UserId>>),
    /// It was told, and hears of changes only.
    Done,
}

impl Greeting {
    /// It is told from now on.
    pub fn begin(&mut self) {
        *self = Self::Goes(Box::default());
    }

    /// It was told of all.
    pub fn end(&mut self) {
        *self = Self::Done;
    }

    /// A user came (`true`) or went: whether it is to be told of that. To be asked before it is.
    pub fn hears(&mut self, user: &UserId, online: bool) -> bool {
        match self {
            Self::Waits => false,
            Self::Goes(heard) => {
                match online {
                    true => heard.insert(user.clone()),
                    false => heard.remove(user),
                };
                true
            }
            Self::Done => true,
        }
    }

    /// Whether it has heard of a user already.
    pub fn has_heard_of(&self, user: &UserId) -> bool {
        matches!(self, Self::Goes(heard) if heard.contains(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_while_others_are_named_is_not_named_again() {
        let ann = UserId::parse("ann").unwrap();
        let mut greeting = Greeting::default();
        assert!(!greeting.hears(&ann, true), "it will be named");
        greeting.begin();
        assert!(!greeting.has_heard_of(&ann));
        assert!(greeting.hears(&ann, true));
        assert!(greeting.has_heard_of(&ann));
        assert!(greeting.hears(&ann, false));
        assert!(!greeting.has_heard_of(&ann));
        greeting.end();
        assert!(greeting.hears(&ann, true));
    }
}
