//! One session without its history, and its rules: who is admitted, who is a member, when it is over.
//! Every store decides by this alone, and stores the result.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::key::KeyHash;
use super::limits::SessionLimits;
use crate::model::UserId;
use crate::model::session::{
    AuthKey, ChatMode, Departure, Join, JoinError, Joined, Member, MemberConnection, SessionId,
    Summary,
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
    /// Members whose last connection ended, and when ([`Now::lasting`]). One that returns has its key still, and its
    /// place where there are two.
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

    /// Whether it may have been reserved by this request, which comes again.
    pub(super) fn is_reserved_by(&self, key: AuthKey<'_>, mode: ChatMode) -> bool {
        let has_key = self.key.as_ref().is_some_and(|own| own.is(Some(key)));
        has_key && self.mode == mode
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
        now: Now,
        limits: &SessionLimits,
    ) -> Result<(), JoinError> {
        match found {
            Some(state) => {
                state.check_key(join)?;
                state.check_members(&join.user, now, limits)
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

    /// A place of two is kept for who was disconnected: else whoever has the link takes it meanwhile.
    fn check_members(
        &self,
        user: &UserId,
        now: Now,
        limits: &SessionLimits,
    ) -> Result<(), JoinError> {
        let is_other = |member: &&Member| member.user != *user;
        let others = self.members.iter().filter(is_other).count();
        let (taken, max) = match self.mode {
            ChatMode::Group => (others, limits.members),
            ChatMode::Private | ChatMode::Password => {
                let returning = self.disconnected.iter();
                let returning = returning.filter(|(_, since)| is_kept(*since, now, limits));
                let returning = returning.map(|(member, _)| member).filter(is_other);
                (others + returning.count(), 2)
            }
        };
        match taken < max {
            true => Ok(()),
            false => Err(JoinError::Full { max }),
        }
    }

    /// Adds a member, or a connection of one. The store adds the history and the revision.
    pub(super) fn admit(
        &mut self,
        join: Join<'_>,
        connection: Uuid,
        now: Now,
        limits: &SessionLimits,
    ) -> Joined {
        self.forget_disconnected(now, limits);
        if self.key.is_none() && join.is_creator {
            self.key = join.key.map(|key| KeyHash::new(key, self.mode));
        }
        self.reserved = false;
        let at = self.position(&join.user);
        let index = at.unwrap_or_else(|| {
            let mut member = self.returning(&join.user);
            member.joined_at = now.date;
            self.members.push(member);
            self.members.len() - 1
        });
        let member = &mut self.members[index];
        let mut displaced = member.enter(MemberConnection {
            id: connection,
            account: join.account,
        });
        if let Some(name) = join.display_name {
            member.display_name = name;
        }
        if let Some(key) = join.public_key {
            displaced.extend(member.set_key(key, connection, now.date));
        }
        Joined {
            is_new: at.is_none(),
            displaced,
            mode: self.mode,
            history: Vec::new(),
            session_keys: self.session_keys.clone(),
            member: member.clone(),
            members: self.members.clone(),
            revision: 0,
        }
    }

    fn position(&self, user: &UserId) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.user == *user)
    }

    /// Who was disconnected, or a new member.
    fn returning(&mut self, user: &UserId) -> Member {
        let mut disconnected = self.disconnected.iter();
        let at = disconnected.position(|(member, _)| member.user == *user);
        at.map_or_else(
            || Member::new(user.clone()),
            |at| Member {
                connections: Vec::new(),
                ..self.disconnected.swap_remove(at).0
            },
        )
    }

    /// Sets a member's public key on a connection of its, and its name if one is given; the connections that it is on
    /// no more. `None`: it is no member on that one.
    pub(super) fn save_key(
        &mut self,
        user: &UserId,
        connection: Uuid,
        (key, display_name): (OwnedValue, Option<Arc<str>>),
        now: Now,
    ) -> Option<Vec<Uuid>> {
        let at = self.position(user)?;
        let member = &mut self.members[at];
        if !member.is_on(connection) {
            return None;
        }
        if let Some(name) = display_name {
            member.display_name = name;
        }
        Some(member.set_key(key, connection, now.date))
    }

    /// Removes a connection of a member, and the member with its last one. Returns the member, and whether it is gone.
    pub(super) fn depart(
        &mut self,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
        now: Now,
        limits: &SessionLimits,
    ) -> Option<(Member, bool)> {
        let at = self.position(user)?;
        let member = &mut self.members[at];
        if !member.is_on(connection) {
            return None;
        }
        if member.connections.len() > 1 {
            member.connections.retain(|known| known.id != connection);
            return Some((member.clone(), false));
        }
        let member = self.members.remove(at);
        self.forget_disconnected(now, limits);
        if departure == Departure::Disconnected {
            if self.disconnected.len() >= limits.members {
                self.disconnected.remove(0);
            }
            self.disconnected.push((member.clone(), now.lasting));
        }
        Some((member, true))
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

    fn forget_disconnected(&mut self, now: Now, limits: &SessionLimits) {
        self.disconnected
            .retain(|(_, since)| is_kept(*since, now, limits));
    }
}

/// Whether what is kept of who was disconnected then still is.
fn is_kept(since: u64, now: Now, limits: &SessionLimits) -> bool {
    let away = Duration::from_millis(now.lasting.saturating_sub(since));
    away < limits.rejoin_grace
}
