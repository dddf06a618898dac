//! Which of the records to write are stored already: those that are written again after a failure or a
//! crash, or because somebody was not answered.
//!
//! Owns the ids of those stored last. What is newer than all of them is not stored; what is older than
//! them is looked up.

use rusqlite::Connection;

use super::body::lines;
use crate::audit::error::AuditStoreError;
use crate::audit::line::{IdText, Line, time_of_text};

/// The most ids that are kept; then the older half goes.
const MAX_IDS: usize = 8_192;

const LAST: &str = "
    SELECT max(coalesce((SELECT max(last) FROM batches), -1),
               coalesce((SELECT max(createdAt) FROM rows), -1))";

const OVERLAPPING: &str =
    "SELECT number, first, last FROM batches WHERE first <= ?2 AND last >= ?1";
const BODY: &str = "SELECT body FROM batches WHERE number = ?1";
const IN_ROWS: &str = "SELECT 1 FROM rows WHERE createdAt = ?1 AND _id = ?2";

/// The ids of what was stored last.
pub(super) struct Known {
    /// In ascending order: all that are stored and not smaller than `since`.
    recent: Vec<IdText>,
    since: IdText,
}

impl Known {
    /// None: all that are stored are looked up.
    pub(super) fn load(connection: &Connection) -> Result<Self, AuditStoreError> {
        let last: i64 = connection.query_row(LAST, [], |row| row.get(0))?;
        Ok(Self {
            recent: Vec::new(),
            since: first_at(last + 1),
        })
    }

    /// The lines whose records are not stored, each id once.
    pub(super) fn fresh<'a>(
        &self,
        connection: &Connection,
        all: &[Line<'a>],
    ) -> Result<Vec<Line<'a>>, AuditStoreError> {
        let mut newest = self.recent.last().copied();
        let mut fresh = Vec::with_capacity(all.len());
        let mut doubtful = Vec::new();
        for line in all {
            let id = line.id_text();
            let is_new = match &newest {
                Some(newest) => id > newest,
                None => *id >= self.since,
            };
            match is_new {
                true => {
                    newest = Some(*id);
                    fresh.push(*line);
                }
                false => doubtful.push(*line),
            }
        }
        if !doubtful.is_empty() {
            self.add_unknown(connection, doubtful, &mut fresh)?;
        }
        Ok(fresh)
    }

    /// Adds those of the doubtful ones that are neither stored nor among the fresh ones.
    fn add_unknown<'a>(
        &self,
        connection: &Connection,
        mut doubtful: Vec<Line<'a>>,
        fresh: &mut Vec<Line<'a>>,
    ) -> Result<(), AuditStoreError> {
        doubtful.sort_by_key(|line| *line.id_text());
        doubtful.dedup_by_key(|line| *line.id_text());
        // They ascend: each was newer than those before it.
        let is_fresh = |line: &Line<'_>| {
            let found = fresh.binary_search_by(|fresh| fresh.id_text().cmp(line.id_text()));
            found.is_ok()
        };
        doubtful
            .retain(|line| !is_fresh(line) && self.recent.binary_search(line.id_text()).is_err());
        let old = doubtful.partition_point(|line| *line.id_text() < self.since);
        let old: Vec<IdText> = doubtful[..old].iter().map(|line| *line.id_text()).collect();
        let stored = stored(connection, &old)?;
        doubtful.retain(|line| stored.binary_search(line.id_text()).is_err());
        fresh.append(&mut doubtful);
        Ok(())
    }

    /// These were stored.
    pub(super) fn add(&mut self, lines: &[Line<'_>]) {
        let ids = lines.iter().map(|line| *line.id_text());
        let sorted = self.recent.len();
        self.recent.extend(ids.filter(|id| *id >= self.since));
        let added = &self.recent[sorted.saturating_sub(1)..];
        if !added.is_sorted()
            && let Some(smallest) = added.iter().min()
        {
            let sorted = self.recent[..sorted].partition_point(|id| id < smallest);
            self.recent[sorted..].sort();
        }
        if self.recent.len() > MAX_IDS {
            self.recent.drain(..self.recent.len() - MAX_IDS / 2);
            self.since = self.recent.first().copied().unwrap_or(self.since);
        }
    }
}

/// The smallest id of a time.
fn first_at(ms: i64) -> IdText {
    let mut id = [b'0'; 32];
    let time = format!("{:012x}", ms.clamp(0, (1 << 48) - 1));
    id[..12].copy_from_slice(&time.as_bytes()[..12]);
    id
}

/// Which of these are stored, in ascending order.
fn stored(connection: &Connection, ids: &[IdText]) -> Result<Vec<IdText>, AuditStoreError> {
    let mut stored = Vec::new();
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
        return Ok(stored);
    };
    let times = [time_of_text(first), time_of_text(last)];
    let mut overlapping = connection.prepare_cached(OVERLAPPING)?;
    let batches =
        overlapping.query_map(times, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let batches: Vec<(i64, i64, i64)> = batches.collect::<Result<_, _>>()?;
    for (number, first, last) in batches {
        let begin = ids.partition_point(|id| time_of_text(id) < first);
        let is_meant = ids.get(begin).is_some_and(|id| time_of_text(id) <= last);
        if is_meant {
            add_stored(connection, number, ids, &mut stored)?;
        }
    }
    let mut in_rows = connection.prepare_cached(IN_ROWS)?;
    for id in ids.iter() {
        let uuid = uuid::Uuid::try_parse_ascii(id).unwrap_or_default();
        if in_rows.exists((time_of_text(id), &uuid.as_bytes()[..]))? {
            stored.push(*id);
        }
    }
    stored.sort_unstable();
    Ok(stored)
}

fn add_stored(
    connection: &Connection,
    number: i64,
    ids: &[IdText],
    stored: &mut Vec<IdText>,
) -> Result<(), AuditStoreError> {
    let mut select = connection.prepare_cached(BODY)?;
    let mut rows = select.query([number])?;
    if let Some(row) = rows.next()? {
        let found = lines(row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?);
        let found = found.map(|line| *line.id_text());
        stored.extend(found.filter(|id| ids.binary_search(id).is_ok()));
    }
    Ok(())
}
