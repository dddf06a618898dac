//! One page of the records in batches.
//!
//! Owns the order in which batches are read: that of their times, until no other can have a record of the
//! page.

use std::cmp::Ordering;

use rusqlite::Connection;

use crate::audit::error::{AuditStoreError, ReadError};
use crate::audit::event_type::EventType;
use crate::audit::line::{Fields, IdText, Line, quoted, time_of_text};
use crate::audit::read::{Order, Query, StoredRecord};
use crate::audit::record::time_of;
use crate::audit::sqlite::body::lines;
use crate::audit::sqlite::filter::{has_type, may_have_user};
use crate::audit::sqlite::texts::Texts;

const BATCHES: &str = "SELECT number, first, last FROM batches WHERE first <= ?2 AND last >= ?1";
const FILTER: &str = "SELECT users, types FROM filters WHERE number = ?1";
const BODY: &str = "SELECT texts, body FROM batches WHERE number = ?1";

/// The first records that a query finds, one more than it asks for if there are more.
pub(super) fn select(
    connection: &Connection,
    query: &Query,
) -> Result<Vec<StoredRecord>, ReadError> {
    let page = Page::read(connection, query).map_err(AuditStoreError::from)?;
    if page.found.is_empty() {
        return Ok(Vec::new());
    }
    let texts = Texts::read(connection).map_err(AuditStoreError::from)?;
    let record = |found: &Found| {
        let fields = Fields::read(&found.line)?;
        let name = fields.event_type.clone();
        fields.into_record(texts.of(found.texts, &name))
    };
    let records = page.found.iter().map(record).collect::<Option<_>>();
    records.ok_or(ReadError::Damaged)
}

struct Batch {
    number: i64,
    first: i64,
    last: i64,
}

struct Found {
    id: IdText,
    texts: i64,
    line: Box<[u8]>,
}

/// Which records are looked for.
struct Wanted {
    order: Order,
    from: i64,
    to: i64,
    after: Option<IdText>,
    user: Option<Vec<u8>>,
    event: Option<EventType>,
}

impl Wanted {
    fn new(query: &Query) -> Self {
        let (mut from, mut to) = (query.from.unwrap_or(i64::MIN), query.to.unwrap_or(i64::MAX));
        match (query.order, query.after.map(time_of)) {
            (Order::NewestFirst, Some(at)) => to = to.min(at),
            (Order::OldestFirst, Some(at)) => from = from.max(at),
            (_, None) => {}
        }
        let after = query.after.map(|after| {
            let mut text = [0; 32];
            after.simple().encode_lower(&mut text);
            text
        });
        Self {
            order: query.order,
            from,
            to,
            after,
            user: query.user.as_deref().map(quoted),
            event: query.event,
        }
    }

    /// How ids are ordered on the page.
    fn order(&self, one: &IdText, other: &IdText) -> Ordering {
        match self.order {
            Order::NewestFirst => other.cmp(one),
            Order::OldestFirst => one.cmp(other),
        }
    }

    fn matches(&self, line: &Line<'_>) -> bool {
        let id = line.id_text();
        let at = time_of_text(id);
        (self.from..=self.to).contains(&at)
            && (self.after.as_ref()).is_none_or(|after| self.order(after, id) == Ordering::Less)
            && (self.event).is_none_or(|event| line.event_type() == event.as_str().as_bytes())
            && (self.user.as_ref()).is_none_or(|user| line.is_of(user))
    }

    fn is_filtered(&self) -> bool {
        self.user.is_some() || self.event.is_some()
    }

    /// Whether a batch may have one; only small ones cannot say so.
    fn may_be_in(&self, connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
        if !self.is_filtered() {
            return Ok(true);
        }
        let mut select = connection.prepare_cached(FILTER)?;
        let mut rows = select.query([batch.number])?;
        let Some(row) = rows.next()? else {
            return Ok(true);
        };
        let (users, types) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_str()?);
        let has_user = |user: &Vec<u8>| may_have_user(users, user);
        let has_event = |event: EventType| has_type(types, event.as_str());
        Ok(self.user.as_ref().is_none_or(has_user) && self.event.is_none_or(has_event))
    }
}

/// The records of a page, in its order.
struct Page {
    most: usize,
    found: Vec<Found>,
}

impl Page {
    fn read(connection: &Connection, query: &Query) -> rusqlite::Result<Self> {
        let wanted = Wanted::new(query);
        let mut page = Self {
            most: query.limit.get() + 1,
            found: Vec::new(),
        };
        for batch in batches(connection, &wanted)? {
            if !page.may_take(&batch, &wanted) {
                break;
            }
            if wanted.may_be_in(connection, &batch)? {
                page.add(connection, &batch, &wanted)?;
            }
        }
        Ok(page)
    }

    /// Whether this batch, or one behind it, may have a record of the page.
    fn may_take(&self, batch: &Batch, wanted: &Wanted) -> bool {
        let worst = self.found.get(self.most - 1);
        worst.is_none_or(|worst| match wanted.order {
            Order::NewestFirst => batch.last >= time_of_text(&worst.id),
            Order::OldestFirst => batch.first <= time_of_text(&worst.id),
        })
    }

    fn add(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        wanted: &Wanted,
    ) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(BODY)?;
        let mut rows = select.query([batch.number])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        let texts = row.get(0)?;
        let worst = self.found.get(self.most - 1).map(|worst| worst.id);
        let is_better = |line: &Line<'_>| {
            (worst.as_ref())
                .is_none_or(|worst| wanted.order(line.id_text(), worst) == Ordering::Less)
        };
        let better = lines(row.get_ref(1)?.as_bytes()?).filter(is_better);
        let mut better: Vec<_> = better.filter(|line| wanted.matches(line)).collect();
        better.sort_by(|one, other| wanted.order(one.id_text(), other.id_text()));
        better.truncate(self.most);
        self.found.extend(better.into_iter().map(|line| Found {
            id: *line.id_text(),
            texts,
            line: line.bytes().into(),
        }));
        self.found
            .sort_by(|one, other| wanted.order(&one.id, &other.id));
        self.found.truncate(self.most);
        Ok(())
    }
}

/// The batches of the times that are asked for, in the order in which they begin to matter.
fn batches(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<Batch>> {
    let mut select = connection.prepare(BATCHES)?;
    let batches = select.query_map([wanted.from, wanted.to], |row| {
        Ok(Batch {
            number: row.get(0)?,
            first: row.get(1)?,
            last: row.get(2)?,
        })
    })?;
    let mut batches: Vec<_> = batches.collect::<Result<_, _>>()?;
    match wanted.order {
        Order::NewestFirst => batches.sort_by_key(|batch| std::cmp::Reverse(batch.last)),
        Order::OldestFirst => batches.sort_by_key(|batch| batch.first),
    }
    Ok(batches)
}
