//! Reading of the store what others have done: all at the start, and then what was changed. Each second while Redis does
//! not say so.
//!
//! When something was changed is said by the clock of the database, never by that of a node. What was changed in the last
//! seconds is read again, since what is written at the same time may become visible in another order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use super::Revocations;
use crate::cluster::RevocationMessage;
use crate::model::Revocation;
use crate::stores::conversations::StoreError;
use crate::stores::drivers::redis::MAX_RECONNECT_PAUSE;

/// How often what others did is looked for, if nobody tells.
const INTERVAL: Duration = Duration::from_secs(1);
/// After how many of these it is looked for in any case.
const LOOK_EVERY: u32 = 30;
/// How many of these pass until what has expired is removed from the store.
const REMOVE_EVERY: u32 = 60;
/// How much later what was written at the same time may become visible: a write takes no longer.
const OVERLAP: Duration = Duration::from_secs(10);
/// Who could not read for so long has perhaps missed what was taken back since. The store keeps it for longer.
const MAX_GAP: Duration = Duration::from_secs(1800);
/// How many are read at once.
const PAGE: usize = 10_000;
/// How many are stored at once that had to wait.
const AT_ONCE: usize = 100;

/// How far the store was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    /// The last change that was seen, by the clock of the database.
    last: u64,
    /// When it was seen first.
    last_seen: Option<Instant>,
    /// When the store was read last.
    at: Option<Instant>,
}

impl Revocations {
    /// Reads all that hold.
    ///
    /// # Errors
    /// The store fails: what was known before still holds.
    pub(crate) async fn read_all(&self) -> Result<(), StoreError> {
        for waiting in self.unstored.first(usize::MAX).await {
            self.tokens.learn(&waiting);
        }
        let mut read = self.read.lock().await;
        self.read_all_to(&mut read).await
    }

    async fn read_all_to(&self, read: &mut Read) -> Result<(), StoreError> {
        let begun = Instant::now();
        // What is changed from now on is read again afterwards.
        let last = self.store.last_change().await?.unwrap_or_default();
        self.tokens.begin_reading();
        for waiting in self.unstored.first(usize::MAX).await {
            self.tokens.learn(&waiting);
        }
        let (mut after, mut is_new, mut count) = (None, false, 0);
        loop {
            let page = self.store.list(None, after, PAGE).await?;
            for revocation in &page {
                is_new |= self.tokens.learn(revocation);
            }
            count += page.len();
            after = page.last().map(|last| last.id);
            if page.len() < PAGE {
                break;
            }
        }
        self.tokens.end_reading();
        *read = Read {
            last,
            last_seen: Some(begun),
            at: Some(begun),
        };
        if count > 0 {
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(count, ms, "read which tokens are revoked");
        }
        self.end_all_if(is_new).await;
        Ok(())
    }

    /// Has the store take what it could not before, and tells the others how it is stored.
    async fn store_waiting(&self) {
        loop {
            let waiting = self.unstored.first(AT_ONCE).await;
            let mut stored = Vec::with_capacity(waiting.len());
            for revocation in &waiting {
                match self.store.revoke(revocation).await {
                    Ok(now) => stored.push(now),
                    Err(error) => {
                        tracing::debug!(%error, "revocations still wait for the store");
                        break;
                    }
                }
            }
            if stored.is_empty() {
                return;
            }
            let ids = waiting[..stored.len()].iter().map(|one| one.id);
            let removed = match self.unstored.remove(ids.collect()).await {
                Ok(removed) => removed,
                Err(error) => {
                    return tracing::warn!(%error, "stored revocations still count as not stored");
                }
            };
            for (revocation, before) in stored.into_iter().zip(waiting) {
                match removed.iter().any(|one| one.id == before.id) {
                    true => self.now_stored(revocation),
                    false => self.taken_back_meanwhile(&revocation, before.id).await,
                }
            }
        }
    }

    fn now_stored(&self, revocation: Revocation) {
        self.tokens.learn(&revocation);
        self.publish(RevocationMessage::Made(revocation));
    }

    /// One was taken back while it was being stored. What had been stored before stays.
    async fn taken_back_meanwhile(&self, stored: &Revocation, id: Uuid) {
        if stored.id == id
            && let Err(error) = self.store.take_back(id).await
        {
            tracing::warn!(%error, "a revocation that was taken back is stored");
        }
    }

    /// Tells the others what they cannot read, again and again until they have the connection to Redis that this node
    /// has.
    async fn tell_waiting(&self, state: &mut KeepingUp) {
        let Some(until) = state.tell_until.filter(|_| state.was_told) else {
            return;
        };
        let is_last = Instant::now() >= until;
        let most = if is_last { usize::MAX } else { AT_ONCE };
        for revocation in self.unstored.first(most).await {
            self.publish(RevocationMessage::Made(revocation));
        }
        if is_last {
            state.tell_until = None;
        }
    }

    /// Reads what was changed since the last time.
    async fn read_changes(&self) -> Result<(), StoreError> {
        let mut read = self.read.lock().await;
        let is_late = |at: Instant| at.elapsed() > MAX_GAP;
        if read.at.is_none_or(is_late) {
            return self.read_all_to(&mut read).await;
        }
        let begun = Instant::now();
        let is_recent = |seen: Instant| seen.elapsed() <= OVERLAP;
        let overlap = match read.last_seen.is_some_and(is_recent) {
            true => u64::try_from(OVERLAP.as_millis()).unwrap_or(u64::MAX),
            false => 0,
        };
        let mut since = read.last.saturating_sub(overlap);
        let mut is_new = false;
        loop {
            let page = self.store.changes(since, PAGE).await?;
            for change in &page {
                match change.is_taken_back {
                    true => drop(self.tokens.forget(&change.revocation)),
                    false => is_new |= self.tokens.learn(&change.revocation),
                }
            }
            let last = page.last().map_or(since, |change| change.changed_at);
            if last > read.last {
                (read.last, read.last_seen) = (last, Some(begun));
            }
            if page.len() < PAGE || last == since {
                break;
            }
            since = last;
        }
        read.at = Some(begun);
        self.end_all_if(is_new).await;
        Ok(())
    }

    /// Ends connections that something new is about.
    async fn end_all_if(&self, is_new: bool) {
        if is_new {
            let tokens = self.tokens.clone();
            self.end_such(move |user, token| tokens.have(user, token))
                .await;
        }
    }

    /// Keeps up with what others do, and removes what has expired, for ever.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut state = KeepingUp::default();
        for tick in 1u32.. {
            interval.tick().await;
            if self.tokens.remove_expired() || tick % REMOVE_EVERY == 0 {
                let removed = self.store.remove_expired().await;
                if let Err(error) = removed {
                    tracing::debug!(%error, "revocations that have expired were not removed");
                }
            }
            self.look(&mut state, tick).await;
        }
    }

    async fn look(&self, state: &mut KeepingUp, tick: u32) {
        let is_told = self
            .cluster
            .as_ref()
            .is_some_and(|one| one.bus().is_ready());
        self.store_waiting().await;
        let is_told_again = is_told && !std::mem::replace(&mut state.was_told, is_told);
        state.was_told = is_told;
        if is_told_again {
            state.tell_until = Some(Instant::now() + MAX_RECONNECT_PAUSE + INTERVAL);
        }
        self.tell_waiting(state).await;
        let has_missed = self.has_missed.swap(false, Ordering::SeqCst);
        if is_told
            && !is_told_again
            && !has_missed
            && !state.is_failing
            && !tick.is_multiple_of(LOOK_EVERY)
        {
            return;
        }
        let outcome = self.read_changes().await;
        let was_failing = std::mem::replace(&mut state.is_failing, outcome.is_err());
        match outcome {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "which tokens are revoked cannot be read");
            }
            Ok(()) if was_failing => tracing::info!("which tokens are revoked is read again"),
            _ => {}
        }
    }
}

/// What was found at the last look.
#[derive(Debug, Clone, Copy, Default)]
struct KeepingUp {
    was_told: bool,
    is_failing: bool,
    /// Others may not hear yet what they are told.
    tell_until: Option<Instant>,
}
