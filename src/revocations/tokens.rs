//! The revocations that hold, in memory: what every token is checked against, without waiting for anything. It must not
//! know where they are stored, nor who has such a token.
//!
//! Of a subject only a keyed hash of 128 bits is kept. What is learnt late, or in another order than it was done in,
//! never takes anything away that may hold: that does only a reading of all that is stored.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lru::LruCache;
use parking_lot::RwLock;
use uuid::Uuid;

use crate::model::clock::Clock;
use crate::model::{Revocation, RevocationKind, TokenFacts};

/// How many of those that were taken back are remembered, in case that one is still told of.
const TAKEN_BACK: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Tokens that were taken back.
pub(crate) struct RevokedTokens {
    clock: Arc<dyn Clock>,
    hashers: [RandomState; 2],
    /// By kind. Where there are none, nothing is looked up.
    counts: [AtomicUsize; RevocationKind::ALL.len()],
    held: RwLock<AllHeld>,
}

struct AllHeld {
    revocations: HashMap<u128, Held>,
    taken_back: LruCache<Uuid, ()>,
    /// When the first of them expires.
    first_end: u64,
    /// Counts the readings of all that is stored.
    round: u32,
}

/// A revocation.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: Uuid,
    /// The last second in which a token may have been made.
    last_second: u64,
    expires_at: u64,
    /// In which reading it was learnt last.
    round: u32,
    kind: RevocationKind,
}

impl RevokedTokens {
    /// None so far.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            hashers: [RandomState::new(), RandomState::new()],
            counts: Default::default(),
            held: RwLock::new(AllHeld {
                revocations: HashMap::new(),
                taken_back: LruCache::new(TAKEN_BACK),
                first_end: u64::MAX,
                round: 0,
            }),
        }
    }

    /// Whether a token of this user is one of them.
    pub(crate) fn have(&self, user: &str, token: &TokenFacts) -> bool {
        self.has(RevocationKind::Token, token.id(), token)
            || self.has(RevocationKind::User, Some(user), token)
            || self.has(RevocationKind::Session, token.session(), token)
    }

    fn has(&self, kind: RevocationKind, subject: Option<&str>, token: &TokenFacts) -> bool {
        let Some(subject) = subject.filter(|_| self.count(kind) > 0) else {
            return false;
        };
        let key = self.key(kind, subject);
        let held = self.held.read();
        held.revocations.get(&key).is_some_and(|held| {
            token.is_made_until(held.last_second) && held.expires_at > self.clock.now_ms()
        })
    }

    /// How many of a kind there are.
    pub(crate) fn count(&self, kind: RevocationKind) -> usize {
        self.counts[kind as usize].load(Ordering::Acquire)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        RevocationKind::ALL
            .map(|kind| self.count(kind))
            .iter()
            .sum()
    }

    /// Whether there is one of this kind and subject.
    pub(super) fn is_known(&self, kind: RevocationKind, subject: &str) -> bool {
        let key = self.key(kind, subject);
        self.held.read().revocations.contains_key(&key)
    }

    fn key(&self, kind: RevocationKind, subject: &str) -> u128 {
        let [high, low] = [0, 1].map(|at: usize| self.hashers[at].hash_one((kind, subject)));
        u128::from(high) << 64 | u128::from(low)
    }

    /// One holds, as it was made, stored or told of. `false`: nothing is new about it.
    pub(super) fn learn(&self, revocation: &Revocation) -> bool {
        let key = self.key(revocation.kind, &revocation.subject);
        let mut all = self.held.write();
        let all = &mut *all;
        let now = self.clock.now_ms();
        if revocation.expires_at <= now || all.taken_back.contains(&revocation.id) {
            return false;
        }
        let told = Held {
            id: revocation.id,
            last_second: revocation.last_second(),
            expires_at: revocation.expires_at,
            round: all.round,
            kind: revocation.kind,
        };
        let known = all.revocations.get(&key).copied();
        let next = match known {
            // A later one took its place.
            Some(known) if known.expires_at > now && known.id >= told.id => told.with(&known),
            _ => told,
        };
        all.revocations.insert(key, next);
        all.first_end = all.first_end.min(next.expires_at);
        if known.is_none() {
            self.change_count(next.kind, 1);
        }
        known.is_none_or(|known| known.differs_from(&next))
    }

    /// The same, as wide as the one that is known of its kind and subject: what a store does that can be asked.
    pub(super) fn widened(&self, new: Revocation) -> Revocation {
        let key = self.key(new.kind, &new.subject);
        let held = self.held.read().revocations.get(&key).copied();
        let now = self.clock.now_ms();
        let Some(held) = held.filter(|held| held.expires_at > now) else {
            return new;
        };
        let wider = Some(held.last_second).filter(|second| *second > new.last_second());
        Revocation {
            before: wider.map_or(new.before, |second| Some(second.saturating_mul(1000))),
            expires_at: new.expires_at.max(held.expires_at),
            ..new
        }
    }

    /// One was taken back. `false`: it was not known.
    pub(super) fn forget(&self, revocation: &Revocation) -> bool {
        let key = self.key(revocation.kind, &revocation.subject);
        let mut all = self.held.write();
        all.taken_back.push(revocation.id, ());
        let known = all.revocations.get(&key);
        let is_known = known.is_some_and(|known| known.id == revocation.id);
        if is_known {
            all.revocations.remove(&key);
            self.change_count(revocation.kind, -1);
        }
        is_known
    }

    /// All that is stored is read from now on; what is not learnt again until that ends is gone.
    pub(super) fn begin_reading(&self) {
        let mut all = self.held.write();
        all.round = all.round.wrapping_add(1);
    }

    /// All that is stored was read.
    pub(super) fn end_reading(&self) {
        let mut all = self.held.write();
        let round = all.round;
        self.retain(&mut all, |held| held.round == round);
    }

    /// Removes what has expired; whether that was any.
    pub(super) fn remove_expired(&self) -> bool {
        let now = self.clock.now_ms();
        if self.held.read().first_end > now {
            return false;
        }
        let mut all = self.held.write();
        self.retain(&mut all, |held| held.expires_at > now);
        true
    }

    fn retain(&self, all: &mut AllHeld, is_kept: impl Fn(&Held) -> bool) {
        let mut first_end = u64::MAX;
        all.revocations.retain(|_, held| {
            let is_kept = is_kept(held);
            match is_kept {
                true => first_end = first_end.min(held.expires_at),
                false => self.change_count(held.kind, -1),
            }
            is_kept
        });
        all.first_end = first_end;
        if all.revocations.capacity() / 4 > all.revocations.len() {
            all.revocations.shrink_to_fit();
        }
    }

    /// Only while what is held is locked.
    fn change_count(&self, kind: RevocationKind, by: isize) {
        let count = &self.counts[kind as usize];
        let next = count.load(Ordering::Relaxed).saturating_add_signed(by);
        count.store(next, Ordering::Release);
    }
}

impl Held {
    /// What holds if both do: which of them was made later is not known for sure.
    fn with(self, other: &Self) -> Self {
        Self {
            last_second: self.last_second.max(other.last_second),
            expires_at: self.expires_at.max(other.expires_at),
            ..self
        }
    }

    fn differs_from(&self, other: &Self) -> bool {
        (self.id, self.last_second, self.expires_at)
            != (other.id, other.last_second, other.expires_at)
    }
}

impl std::fmt::Debug for RevokedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevokedTokens")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
