//! Whom one connection was told is online, within bounds. It must not know who is to be told.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::{Account, Held};
use crate::model::UserId;

/// The most users whom one connection is told are online, beside what everyone is told.
pub(super) const MAX_TOLD: usize = 10_000;
/// What one of them takes here and where their connections are found, about.
const BYTES: usize = 96;

/// The users of whom one connection was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) users: HashMap<UserId, State>,
    /// It was told who was online when it came: what everyone is told from now on needs no entry.
    pub(super) is_synced: bool,
    pub(super) has_ended: bool,
    held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is being found out whether they are online. A change that comes first decides.
    Expected,
    /// The connection was told so, of this presence epoch: one time that the user came online.
    Online(u64),
}

impl Told {
    /// Nobody yet. What is remembered counts for this account.
    pub(super) fn of(account: &Arc<Account>) -> Self {
        Self {
            users: HashMap::new(),
            is_synced: false,
            has_ended: false,
            held: Held::of(account.clone()),
        }
    }

    /// Whether another one may be remembered.
    pub(super) fn has_room(&self) -> bool {
        !self.has_ended && self.users.len() < MAX_TOLD
    }

    /// Counts what is remembered now.
    pub(super) fn count(&self) {
        self.held.set(BYTES * self.users.len());
    }
}
