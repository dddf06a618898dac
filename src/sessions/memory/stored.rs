//! One session as it is kept in memory.

use std::time::Duration;

use uuid::Uuid;

use super::SessionLimits;
use crate::identity::UserId;
use crate::payload::Kept;
use crate::sessions::KeyHash;
use crate::sessions::history::History;
use crate::sessions::model::{ChatMode, Join, JoinError, Joined, Member};

/// What a session takes beside its contents, in bytes.
pub(super) const SESSION_SIZE: usize = 512;
/// What a member takes beside its key.
pub(super) const MEMBER_SIZE: usize = 512;

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: Option<KeyHash>,
    pub(super) mode: ChatMode,
    /// Nobody was in it yet.
    pub(super) reserved: bool,
    pub(super) members: Vec<Member>,
    /// Members whose connection is over, and since when. One that comes back has its key still.
    pub(super) disconnected: Vec<(Member, u64)>,
    pub(super) history: History,
    pub(super) session_keys: Option<Kept>,
    pub(super) last_used: u64,
    /// What was counted of it, beside its history and for its history.
    pub(super) counted: (usize, usize),
}

impl Stored {
    pub(super) fn new(key: Option<KeyHash>, mode: ChatMode, reserved: bool, now: u64) -> Self {
        Self {
            key,
            mode,
            reserved,
            members: Vec::new(),
            disconnected: Vec::new(),
            history: History::default(),
            session_keys: None,
            last_used: now,
            counted: (0, 0),
        }
    }

    pub(super) fn member(&mut self, user: &UserId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.user == *user)
    }

    /// Whether the key or password lets this one in; see the table of the protocol.
    pub(super) fn check_key(&self, join: &Join<'_>) -> Result<(), JoinError> {
        let Some(key) = &self.key else { return Ok(()) };
        match (join.is_creator, self.mode) {
            (true, _) if key.is(join.key) => Ok(()),
            (true, _) => Err(JoinError::NotTheCreator),
            (false, _) if key.admits(join.key) => Ok(()),
            (false, ChatMode::Password) => Err(JoinError::WrongPassword),
            (false, _) => Err(JoinError::WrongKey),
        }
    }

    pub(super) fn check_room(&self, user: &UserId, most: usize) -> Result<(), JoinError> {
        let most = match self.mode {
            ChatMode::Group => most,
            ChatMode::Private | ChatMode::Password => 2,
        };
        let others = self.members.iter().filter(|member| member.user != *user);
        match others.count() < most {
            true => Ok(()),
            false => Err(JoinError::Full { most }),
        }
    }

    /// Adds a member, or gives one that is there its new connection.
    pub(super) fn admit(&mut self, join: Join<'_>, connection: Uuid, now: u64) -> Joined {
        if self.key.is_none() && join.is_creator {
            self.key = join.key.map(|key| KeyHash::new(key, self.mode));
        }
        self.reserved = false;
        let user = join.user;
        let at = self.members.iter().position(|member| member.user == user);
        let gone = self
            .disconnected
            .iter()
            .position(|(member, _)| member.user == user);
        let known = match (at, gone) {
            (Some(at), _) => Some(self.members[at].clone()),
            (None, Some(gone)) => Some(self.disconnected.swap_remove(gone).0),
            (None, None) => None,
        };
        let (name, key) = known.map_or((None, None), |known| {
            (Some(known.display_name), known.public_key)
        });
        let name = join.display_name.or(name);
        let member = Member {
            display_name: name.unwrap_or_else(|| user.shared().clone()),
            public_key: join.public_key.or(key),
            joined_at: at.map_or(now, |at| self.members[at].joined_at),
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
            history: self.history.of(&member.user),
            session_keys: self.session_keys.clone(),
            members: self.members.clone(),
            member,
        }
    }

    pub(super) fn is_expired(&self, now: u64, limits: &SessionLimits) -> bool {
        let unused = Duration::from_millis(now.saturating_sub(self.last_used));
        let timeout = match (self.reserved, self.members.is_empty()) {
            (true, _) => limits.reserved_timeout,
            (false, true) => limits.idle_timeout,
            (false, false) => limits.max_idle,
        };
        unused >= timeout.min(limits.max_idle)
    }

    pub(super) fn forget_disconnected(&mut self, now: u64, grace: Duration) {
        let grace = grace.as_millis() as u64;
        self.disconnected
            .retain(|(_, since)| now.saturating_sub(*since) < grace);
    }

    /// What it takes beside its history, in bytes.
    pub(super) fn fixed_size(&self) -> usize {
        let gone = self.disconnected.iter().map(|(member, _)| member);
        let keys = self.members.iter().chain(gone).map(|member| {
            let key = member.public_key.as_ref();
            MEMBER_SIZE + key.map_or(0, |key| key.lend().total_size())
        });
        let session_keys = self.session_keys.as_ref();
        SESSION_SIZE + keys.sum::<usize>() + session_keys.map_or(0, |keys| keys.lend().total_size())
    }
}
