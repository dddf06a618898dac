//! Records that are stored behind later ones, or wait to be told again: they are read one by one.

use std::collections::HashSet;

use uuid::Uuid;

use super::Source;
use crate::audit::{Follower, Query, ReadError, ReadLimit};
use crate::webhooks::fact::{Fact, FactId};
use crate::webhooks::progress::before;

impl Source {
    pub(super) fn take_late(&mut self) {
        let late = self.follower.as_ref().map(Follower::take_late);
        let late = late.unwrap_or_default();
        match (late.is_cut, late.ids.first()) {
            (true, Some(first)) => self.read_to = self.read_to.min(before(*first)).max(self.began),
            // Later ones are met anyway.
            _ => self.late.extend(late.ids.range(..=self.read_to)),
        }
    }

    /// What stands for all facts of each record that was stored late and is not read. Noted as waiting, they are read by
    /// whoever goes on.
    pub(in crate::webhooks) fn unread(&mut self) -> Vec<FactId> {
        self.take_late();
        let known: HashSet<_> = self.waiting.iter().map(|id| id.record).collect();
        let unread = self.late.iter().filter(|id| !known.contains(id));
        unread
            .map(|id| FactId {
                record: *id,
                part: 0,
            })
            .collect()
    }

    /// Reads those before [`read_to`](Self::read_to). Returns whether more is taken.
    pub(super) async fn read_late(
        &mut self,
        take: &mut impl FnMut(Fact) -> bool,
    ) -> Result<bool, ReadError> {
        while let Some(id) = self.late.first().copied() {
            let at = (id.as_u128() >> 80) as i64;
            let query = Query {
                from: Some(at),
                to: Some(at),
                ..self.query(before(id), ReadLimit::new(1).unwrap_or_default())
            };
            let found = self.audit.read(query).await?.records;
            self.late.remove(&id);
            let record = found.into_iter().find(|record| record.id == id);
            let goes_on = match &record {
                Some(record) if id > self.began => self.hand_over(record, take),
                _ => true,
            };
            self.forget(id, record.is_none());
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What still waits of a record is not told: it is lost, or not wanted any more.
    fn forget(&mut self, record: Uuid, is_lost: bool) {
        let known = self.gone.len();
        let of_record = |id: &FactId| id.record == record;
        self.gone.extend(self.waiting.extract_if(of_record));
        self.replayed.retain(|id, _| id.record != record);
        if is_lost {
            self.lost += (self.gone.len() - known) as u64;
        }
    }
}
