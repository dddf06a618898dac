//! Who types in a session, on which connections of any node. A member types until it does on none of its connections.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::cluster::Typing;
use crate::model::UserId;

/// How long a connection counts as typing on: one whose end another node was not told must not hold back that of others.
const MAX_TYPING: Duration = Duration::from_secs(60);

/// The connections that type.
#[derive(Debug, Default)]
pub(super) struct Typists(Vec<Typist>);

#[derive(Debug)]
struct Typist {
    user: UserId,
    connection: Uuid,
    since: Instant,
}

impl Typists {
    /// Notes that a connection types, or does not any more; whether others are to be sent that.
    pub(super) fn note(&mut self, typing: &Typing, now: Instant) -> bool {
        self.0.retain(|one| {
            one.connection != typing.connection && now.duration_since(one.since) < MAX_TYPING
        });
        if typing.is_typing {
            self.0.push(Typist {
                user: typing.user.clone(),
                connection: typing.connection,
                since: now,
            });
        }
        typing.is_typing || self.0.iter().all(|one| one.user != typing.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_types_until_it_does_on_none_of_its_connections() {
        let (mut typists, start) = (Typists::default(), Instant::now());
        let mut note = |user: &str, connection, is_typing, seconds| {
            let typing = Typing {
                user: UserId::parse(user).unwrap(),
                connection: Uuid::from_u128(connection),
                is_typing,
            };
            typists.note(&typing, start + Duration::from_secs(seconds))
        };
        assert!(note("a", 1, false, 0), "who does not type may say so");
        assert!(note("a", 1, true, 0) && note("a", 2, true, 0));
        assert!(note("b", 3, true, 0) && note("b", 3, false, 0));
        assert!(!note("a", 1, false, 1), "on the second still");
        assert!(note("a", 2, false, 1));
        assert!(note("a", 1, true, 2) && note("a", 2, true, 62));
        assert!(note("a", 2, false, 62), "of the first nothing was heard");
    }
}
