//! One session without its history, and its rules: who is admitted, who is a member, when it is over.
//! Every store decides by this alone, and stores the result.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::key::KeyHash;
use super::limits::SessionLimits;
use crate::model::UserId;
use crate::model::session::{
    ChatMode, Departure, Join, JoinError, Joined, Member, SessionId, Summary,
};
use crate::payload::OwnedValue;

/// A session without its history.
#[derive(Debug)]
pub(super) struct State {
    pub(super) key: Option<KeyHash>,
    pub(super) mode: ChatMode,
    /// It has had no member yet.
    pub(super) reserved: bool,
    /// In the order in which they joined.
    pub(super) members: Vec<Member>,
    /// Members whose connection ended, and when ([`Now::lasting`]). One that returns has its key still.
    pub(super) disconnected: Vec<(Member, u64)>,
    pub(super) session_keys: Option<OwnedValue>,
}

/// The time of a change, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since the epoch: for what members read.
    pub(super) date: u64,
    /// For how long something lasts, by the clock that everybody has who changes the session.
    pub(super) lasting: u64,
}

impl State {
    /// A session that waits for its first member.
    pub(super) fn reserved(key: KeyHash, mode: ChatMode) -> Self {
        Self {
            key: Some(key),
            mode,
            reserved: true,
            ..Self::created()
        }
    }

    /// A session that its creator is about to join.
    pub(super) fn created() -> Self {
        Self {
            key: None,
            mode: ChatMode::Group,
            reserved: false,
            members: Vec::new(),
            disconnected: Vec::new(),
            session_keys: None,
        }
    }

    /// Whether a user may join, as far as the session decides; if it does not exist, whether the user
    /// may create it.
    pub(super) fn check(
        found: Option<&Self>,
        join: &Join<'_>,
        max_members: usize,
    ) -> Result<(), JoinError> {
        match found {
            Some(state) => {
                state.check_key(join)?;
                state.check_members(&join.user, max_members)
            }
            None if join.is_creator => Ok(()),
            None => Err(JoinError::NotFound),
        }
    }

    /// Whether the key or password is right, by the table in the protocol.
    fn check_key(&self, join: &Join<'_>) -> Result<(), JoinError> {
        let Some(key) = &self.key else { return Ok(()) };
        match (join.is_creator, self.mode) {
            (true, _) if key.is(join.key) => Ok(()),
            (true, _) => Err(JoinError::NotTheCreator),
            (false, _) if key.admits(join.key) => Ok(()),
            (false, ChatMode::Password) => Err(JoinError::WrongPassword),
            (false, _) => Err(JoinError::WrongKey),
        }
    }

    fn check_members(&self, user: &UserId, max_members: usize) -> Result<(), JoinError> {
        let max = match self.mode {
            ChatMode::Group => max_members,
            ChatMode::Private | ChatMode::Password => 2,
        };
        let others = self.members.iter().filter(|member| member.user != *user);
        match others.count() < max {
            true => Ok(()),
            false => Err(JoinError::Full { max }),
        }
    }

    /// Adds a member, or changes the connection of one. The store adds the history and the revision.
    pub(super) fn admit(
        &mut self,
        join: Join<'_>,
        connection: Uuid,
        now: Now,
        grace: Duration,
    ) -> Joined {
        self.forget_disconnected(now.lasting, grace);
        if self.key.is_none() && join.is_creator {
            self.key = join.key.map(|key| KeyHash::new(key, self.mode));
        }
        self.reserved = false;
        let user = join.user;
        let at = self.members.iter().position(|member| member.user == user);
        let returning = self
            .disconnected
            .iter()
            .position(|(member, _)| member.user == user);
        let known = match (at, returning) {
            (Some(at), _) => Some(self.members[at].clone()),
            (None, Some(index)) => Some(self.disconnected.swap_remove(index).0),
            (None, None) => None,
        };
        let (name, key) = known.map_or((None, None), |known| {
            (Some(known.display_name), known.public_key)
        });
        let name = join.display_name.or(name);
        let member = Member {
            display_name: name.unwrap_or_else(|| user.as_name()),
            public_key: join.public_key.or(key),
            joined_at: at.map_or(now.date, |at| self.members[at].joined_at),
            connection,
            user,
        };
        match at {
            Some(at) => self.members[at] = member.clone(),
            None => self.members.push(member.clone()),
        }
        Joined {
            is_new: at.is_none(),
            mode: self.mode,
            history: Vec::new(),
            session_keys: self.session_keys.clone(),
            members: self.members.clone(),
            member,
            revision: 0,
        }
    }

    /// Sets a member's public key, and its name if one is given. `None`: it is no member.
    pub(super) fn save_key(
        &mut self,
        user: &UserId,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<()> {
        let mut members = self.members.iter_mut();
        let member = members.find(|member| member.user == *user)?;
        member.public_key = Some(key);
        if let Some(name) = display_name {
            member.display_name = name;
        }
        Some(())
    }

    /// Removes a member, if it joined on this connection last.
    pub(super) fn depart(
        &mut self,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
        now: Now,
        limits: &SessionLimits,
    ) -> Option<Member> {
        let is_it = |member: &Member| member.user == *user && member.connection == connection;
        let at = self.members.iter().position(is_it)?;
        let member = self.members.remove(at);
        self.forget_disconnected(now.lasting, limits.rejoin_grace);
        if departure == Departure::Disconnected {
            if self.disconnected.len() >= limits.members {
                self.disconnected.remove(0);
            }
            self.disconnected.push((member.clone(), now.lasting));
        }
        Some(member)
    }

    /// Whether it is over after this departure.
    pub(super) fn is_over(&self, departure: Departure) -> bool {
        departure == Departure::Left && self.members.is_empty()
    }

    /// How long it exists without being used.
    pub(super) fn timeout(&self, limits: &SessionLimits) -> Duration {
        let timeout = match (self.reserved, self.members.is_empty()) {
            (true, _) => limits.reserved_timeout,
            (false, true) => limits.idle_timeout,
            (false, false) => limits.max_idle,
        };
        timeout.min(limits.max_idle)
    }

    /// What is counted of it.
    pub(super) fn summary(&self, id: SessionId, messages: usize) -> Summary {
        let has_key = |member: &&Member| member.public_key.is_some();
        Summary {
            id,
            members: self.members.len(),
            messages,
            public_keys: self.members.iter().filter(has_key).count(),
        }
    }

    fn forget_disconnected(&mut self, now: u64, grace: Duration) {
        let grace = grace.as_millis() as u64;
        self.disconnected
            .retain(|(_, since)| now.saturating_sub(*since) < grace);
    }
}
