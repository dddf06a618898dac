//! Reading the facts of an endpoint from the audit, onwards from where it was.
//!
//! Owns which records were read. It must not hold facts: whoever asks says how many they take.

mod late;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::ahead::Ahead;
use super::fact::{Fact, FactId};
use super::facts;
use super::progress::{Progress, before, recent_from};
use crate::audit::{Audit, Follower, Order, Query, ReadError, ReadLimit, StoredRecord};
use crate::model::FactTypes;

/// How many records are read at once.
const PAGE: ReadLimit = ReadLimit::LARGEST;

/// Whose records are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Those of this process, for the first time: some may have been stored before behind later ones.
    Own,
    /// The same again: what was stored before, was read if the position is of this process.
    OwnAgain,
    /// Those of a node that is gone.
    Others,
}

/// The facts of one endpoint as they are stored.
pub(super) struct Source {
    audit: Audit,
    /// `None`: those are read that others have stored.
    follower: Option<Follower>,
    node: Arc<str>,
    wanted: FactTypes,
    /// Where the endpoint began.
    began: Uuid,
    /// All that is told before it was read, of records that are met again.
    known: HashSet<FactId>,
    /// Up to here, a record is read only if it was stored late or its fact waited when the process began.
    read_to: Uuid,
    /// Facts of records before it that waited when the process began, or were made to be told again.
    waiting: HashSet<FactId>,
    /// When that was of the latter.
    replayed: HashMap<FactId, u64>,
    /// Records before it that are still to be read.
    late: BTreeSet<Uuid>,
    has_more: bool,
    /// Facts that waited and will not be handed over.
    gone: Vec<FactId>,
    /// How many of them are lost, since their records are not there any more.
    lost: u64,
    /// Records that were dropped before they were stored, and counted.
    dropped: u64,
    ahead: Ahead,
}

impl Source {
    /// Reads on from this progress.
    pub(super) fn new(
        audit: Audit,
        node: Arc<str>,
        wanted: FactTypes,
        progress: Progress,
        reads: Reads,
    ) -> Self {
        let follower = (reads != Reads::Others).then(|| audit.follow());
        let mut waiting = progress.waiting;
        let from = recent_from(progress.position);
        let read_before = (reads == Reads::OwnAgain).then_some(progress.position);
        let since = follower.as_ref().and_then(|one| one.since(read_before));
        let from = since.map_or(from, |since| from.min(before(since)));
        let read_to = from.max(progress.began);
        if let Some(follower) = &follower {
            follower.has_read_to(read_to);
        }
        // Later ones are met anyway.
        waiting.retain(|id| id.record <= read_to);
        Self {
            audit,
            follower,
            node,
            wanted,
            began: progress.began,
            known: progress.recent,
            read_to,
            late: waiting.iter().map(|id| id.record).collect(),
            waiting,
            replayed: progress.replayed,
            has_more: true,
            gone: Vec::new(),
            lost: 0,
            dropped: 0,
            ahead: Ahead::default(),
        }
    }

    /// The facts that waited and will not be handed over, since the last call, and how many of them are lost: the
    /// others are not wanted any more.
    pub(super) fn take_gone(&mut self) -> (Vec<FactId>, u64) {
        let lost = std::mem::take(&mut self.lost);
        (std::mem::take(&mut self.gone), lost)
    }

    /// How many facts wait that were not handed over yet, of those of which it is known.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64 + self.ahead.facts()
    }

    /// Counts what is behind that which was handed over, while no more can be. Returns whether there may be more.
    ///
    /// # Errors
    /// The audit cannot be read.
    pub(super) async fn count_ahead(&mut self) -> Result<bool, ReadError> {
        let complete_to = self.follower.as_ref().map(Follower::complete_to);
        let from = self.ahead.counted_to().max(self.read_to);
        let page = self.page(from, PAGE).await?;
        let is_complete = |id| complete_to.is_none_or(|complete_to| id <= complete_to);
        for record in page.iter().take_while(|record| is_complete(record.id)) {
            let facts = self.count(record);
            self.ahead.count(record.id, facts);
        }
        Ok(page.len() >= PAGE.get())
    }

    /// How many facts a record gives that are wanted. A damaged one, of which the log says so when it is read, none.
    fn count(&self, record: &StoredRecord) -> u64 {
        facts::of(record, self.wanted).map_or(0, |facts| facts.len() as u64)
    }

    /// These are told again, as of a time in milliseconds since 1970.
    pub(super) fn replay(&mut self, ids: &[FactId], at: u64) {
        for id in ids {
            self.known.remove(id);
            self.waiting.insert(*id);
            self.replayed.insert(*id, at);
            self.late.insert(id.record);
        }
        self.has_more |= !ids.is_empty();
    }

    /// Waits until there may be something to read. Cancelled, it loses nothing.
    pub(super) async fn wait(&mut self) {
        while !self.has_more {
            match &self.follower {
                Some(follower) => follower.stored().await,
                // They are not there any more: what they have stored was read.
                None => std::future::pending().await,
            }
            self.has_more = true;
        }
    }

    /// Whether there may be something to read.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// The last record that was read: facts up to there were handed over, but for those of late records.
    pub(super) const fn read_to(&self) -> Uuid {
        self.read_to
    }

    /// How many records with facts were dropped before they were stored, since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        let wanted = self.wanted;
        let Some(follower) = &self.follower else {
            return 0;
        };
        let dropped = follower.dropped(|event| facts::may_be_of(event, wanted));
        dropped - std::mem::replace(&mut self.dropped, dropped)
    }

    /// The next facts, those of the records of one page; handed to `take`, which returns whether it takes more.
    ///
    /// # Errors
    /// The audit cannot be read. What was handed over stays so.
    pub(super) async fn read(
        &mut self,
        take: &mut impl FnMut(Fact) -> bool,
    ) -> Result<(), ReadError> {
        self.take_late();
        let complete_to = self.follower.as_ref().map(Follower::complete_to);
        if !self.read_late(take).await? {
            return Ok(());
        }
        let page = self.page(self.read_to, PAGE).await?;
        let count = page.len();
        for record in page {
            // What is stored beside it may come before it.
            if complete_to.is_some_and(|complete_to| record.id > complete_to) {
                self.has_more = false;
                return Ok(());
            }
            let goes_on = self.hand_over(&record, take);
            let facts = self.count(&record);
            self.lost += self.ahead.read(record.id, facts);
            self.read_to = self.read_to.max(record.id);
            if let Some(follower) = &self.follower {
                follower.has_read_to(self.read_to);
            }
            if !goes_on {
                return Ok(());
            }
        }
        self.has_more = count >= PAGE.get();
        if !self.has_more {
            self.lost += self.ahead.all_read();
        }
        Ok(())
    }

    async fn page(&self, after: Uuid, limit: ReadLimit) -> Result<Vec<StoredRecord>, ReadError> {
        let query = Query {
            node: Some(self.node.to_string()),
            ..self.query(after, limit)
        };
        Ok(self.audit.read(query).await?.records)
    }

    fn query(&self, after: Uuid, limit: ReadLimit) -> Query {
        Query {
            order: Order::OldestFirst,
            after: Some(after),
            limit,
            is_current: true,
            ..Query::default()
        }
    }

    /// Hands over the facts of a record. Returns whether more are taken.
    fn hand_over(&mut self, record: &StoredRecord, take: &mut impl FnMut(Fact) -> bool) -> bool {
        let is_of_record = |id: &FactId| id.record == record.id;
        if *record.node != *self.node && !self.waiting.iter().any(is_of_record) {
            return true;
        }
        let facts = facts::of(record, self.wanted).unwrap_or_else(|error| {
            tracing::warn!(record = %record.id, %error, "a record of the audit is damaged, and is not told to endpoints");
            Vec::new()
        });
        let mut goes_on = true;
        let did_wait = facts.iter().any(|fact| self.waiting.contains(&fact.id));
        for mut fact in facts {
            // Of a record of which some waited, the others were told.
            let is_told = did_wait && !self.waiting.remove(&fact.id);
            if !is_told && !self.known.contains(&fact.id) {
                let replayed = self.replayed.get(&fact.id);
                fact.since_ms = replayed.copied().unwrap_or(fact.since_ms);
                goes_on = take(fact);
            }
        }
        goes_on
    }
}

#[cfg(test)]
mod tests;
