//! Writing batches.
//!
//! Owns their numbers: those whose records are removed at the same time stand together, each kind in the
//! order of time. New records are a batch of their own, or merged with small ones before them, as
//! `stack` says.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::body::Body;
use super::filter::Filter;
use super::stack::{FULL_COUNT, Small, Stack};
use super::texts;
use crate::audit::error::AuditStoreError;
use crate::audit::event_type::Removal;
use crate::audit::line::{Line, time_of_text};

/// How many batches, or rows, there may be of one kind.
const RANGE: i64 = 1 << 60;

const SMALL: &str = "
    SELECT number, count, octet_length(body), number NOT IN (SELECT number FROM filters) AND texts = ?3
    FROM batches WHERE number >= ?1 AND number <= ?2 ORDER BY number DESC";
const MERGED: &str = "
    SELECT first, last, count, body FROM batches WHERE number >= ?1 AND number <= ?2 ORDER BY number";
const DELETE: &str = "DELETE FROM batches WHERE number >= ?1 AND number <= ?2";
const INSERT: &str = "
    INSERT INTO batches (number, first, last, count, texts, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const INSERT_FILTER: &str = "INSERT INTO filters (number, types, users) VALUES (?1, ?2, ?3)";

/// The first and the last number of a kind.
pub(super) fn numbers(when: Removal) -> (i64, i64) {
    let first = when as i64 * RANGE;
    (first, first + RANGE - 1)
}

/// What is known of the batches that are there.
pub(super) struct Batches {
    texts: i64,
    kinds: Vec<Kind>,
}

/// Batches of one kind.
struct Kind {
    when: Removal,
    next: i64,
    stack: Stack,
}

impl Batches {
    pub(super) fn load(connection: &Connection) -> Result<Self, AuditStoreError> {
        let texts = texts::current(connection)?;
        let kinds = Removal::ORDER.map(|when| Kind::load(connection, when, texts));
        let kinds = kinds.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { texts, kinds })
    }

    /// Writes records that are not stored. After a failure, what is known is not what is there.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        lines: &[Line<'_>],
    ) -> Result<(), AuditStoreError> {
        let mut of_kinds: [Vec<Line<'_>>; Removal::ORDER.len()] = Default::default();
        let mut removals = Removals::default();
        for line in lines {
            if let Some(of_kind) = of_kinds.get_mut(removals.of(*line) as usize) {
                of_kind.push(*line);
            }
        }
        for (kind, lines) in self.kinds.iter_mut().zip(of_kinds) {
            for some in lines.chunks(FULL_COUNT) {
                kind.write(connection, some, self.texts)?;
            }
        }
        Ok(())
    }
}

impl Kind {
    fn load(connection: &Connection, when: Removal, texts: i64) -> Result<Self, AuditStoreError> {
        let (first, last) = numbers(when);
        let mut select = connection.prepare_cached(SMALL)?;
        let mut rows = select.query([first, last, texts])?;
        let (mut next, mut small) = (first, Vec::new());
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            next = next.max(number + 1);
            if !row.get::<_, bool>(3)? {
                break;
            }
            small.push(Small {
                number,
                count: row.get::<_, u32>(1)? as usize,
                bytes: row.get::<_, u32>(2)? as usize,
            });
        }
        small.reverse();
        let stack = Stack::new(small);
        Ok(Self { when, next, stack })
    }

    fn write(
        &mut self,
        connection: &Connection,
        lines: &[Line<'_>],
        texts: i64,
    ) -> Result<(), AuditStoreError> {
        let bytes = lines.iter().map(|line| line.bytes().len() + 2).sum();
        let plan = self.stack.plan(lines.len(), bytes);
        let mut batch = Batch::default();
        batch.body.reserve(plan.bytes + bytes + 1);
        let mut number = self.next;
        if let Some(from) = plan.from {
            number = from.number;
            batch.take(connection, (number, numbers(self.when).1))?;
        }
        batch.extend(lines);
        let (count, bytes) = (batch.count, batch.body.len());
        batch.insert(connection, number, texts, plan.is_full)?;
        self.next = number + 1;
        let small = Small {
            number,
            count,
            bytes,
        };
        self.stack.done(&plan, small);
        Ok(())
    }
}

/// Records that become a batch.
#[derive(Default)]
struct Batch {
    count: usize,
    times: Option<(i64, i64)>,
    body: Body,
}

impl Batch {
    /// Adds the records of the batches of these numbers, which are removed.
    fn take(
        &mut self,
        connection: &Connection,
        numbers: (i64, i64),
    ) -> Result<(), AuditStoreError> {
        let mut select = connection.prepare_cached(MERGED)?;
        let mut rows = select.query(numbers)?;
        while let Some(row) = rows.next()? {
            self.span(row.get(0)?, row.get(1)?);
            self.count += row.get::<_, u32>(2)? as usize;
            let body = row.get_ref(3)?.as_bytes().map_err(rusqlite::Error::from)?;
            self.body.append(body);
        }
        connection.prepare_cached(DELETE)?.execute(numbers)?;
        Ok(())
    }

    fn extend(&mut self, lines: &[Line<'_>]) {
        let ids = lines.iter().map(|line| line.id_text());
        if let (Some(first), Some(last)) = (ids.clone().min(), ids.max()) {
            self.span(time_of_text(first), time_of_text(last));
        }
        self.count += lines.len();
        lines.iter().for_each(|line| self.body.push(*line));
    }

    fn span(&mut self, first: i64, last: i64) {
        self.times = Some(match self.times {
            Some(times) => (times.0.min(first), times.1.max(last)),
            None => (first, last),
        });
    }

    fn insert(
        self,
        connection: &Connection,
        number: i64,
        texts: i64,
        is_full: bool,
    ) -> Result<(), AuditStoreError> {
        let body = self.body.finish();
        if is_full {
            let filter = Filter::of(&body);
            let mut insert = connection.prepare_cached(INSERT_FILTER)?;
            insert.execute((number, filter.types, filter.users))?;
        }
        let (first, last) = self.times.unwrap_or_default();
        let count = self.count as u32;
        let body = ToSqlOutput::Borrowed(ValueRef::Text(&body));
        let mut insert = connection.prepare_cached(INSERT)?;
        insert.execute(params![number, first, last, count, texts, body])?;
        Ok(())
    }
}

/// When records are removed, found once for many of a type in a row.
#[derive(Default)]
struct Removals<'a> {
    last: Option<(&'a [u8], Removal)>,
}

impl<'a> Removals<'a> {
    fn of(&mut self, line: Line<'a>) -> Removal {
        match self.last {
            Some((start, removal)) if line.is_of_type(start) => removal,
            _ => {
                let removal = line.removal();
                self.last = line.uniform_type().map(|start| (start, removal));
                removal
            }
        }
    }
}
