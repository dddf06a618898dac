//! What was beyond the bound in this minute, in one record for each actor and kind.
//!
//! A field in which what it stands for differs is left out of it; an IPv6 address becomes the first
//! of its block.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::class::Actor;
use crate::audit::event::{Event, Repeated};
use crate::audit::event_type::EventType;
use crate::audit::record::{Encoded, Record, Source};
use crate::audit::text::AuditText;
use crate::limits::{Block, WIDE};
use crate::model::{Dialect, ErrorCode};

/// The most that are counted apart. What comes on top is counted by its kind alone.
pub(super) const MAX_SUMMARIES: usize = 1_024;
/// The most of one wide block of addresses. What comes on top is counted for the whole block.
pub(super) const MAX_OF_SITE: u32 = 4 * WIDE;

/// What is counted in this minute.
#[derive(Default)]
pub(super) struct Summaries {
    counted: HashMap<Key, Summary>,
    /// How many are counted apart of each wide block.
    sites: HashMap<Block, u32>,
    is_closed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    actor: Whose,
    event_type: EventType,
    code: Option<ErrorCode>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Whose {
    User(Arc<str>),
    /// `None`: the address is not known.
    Block(Option<Block>),
    /// Actors beyond the bound of memory.
    Others,
}

struct Summary {
    user: Option<Arc<str>>,
    username: Option<Arc<str>>,
    session_id: Option<Uuid>,
    ip: Option<IpAddr>,
    user_agent: Option<AuditText<256>>,
    node: Arc<str>,
    dialect: Option<Dialect>,
    count: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Summaries {
    /// Counts a record; false when nothing is counted any more.
    pub(super) fn add(&mut self, actor: &Actor<'_>, record: &Record) -> bool {
        if self.is_closed {
            return false;
        }
        let mut key = Key {
            actor: Whose::from(actor),
            event_type: record.event().event_type(),
            code: record.event().details().code,
        };
        let is_new = !self.counted.contains_key(&key);
        if is_new && !self.may_be_apart(actor) {
            key.actor = Whose::together(actor);
        }
        if self.counted.len() >= MAX_SUMMARIES && !self.counted.contains_key(&key) {
            key.actor = Whose::Others;
        }
        let block = match key.actor {
            Whose::Block(block) => block,
            Whose::User(_) | Whose::Others => None,
        };
        self.counted
            .entry(key)
            .and_modify(|summary| summary.add(record, block))
            .or_insert_with(|| Summary::of(record));
        true
    }

    /// Counts one more of an actor's site; whether there may be that many.
    fn may_be_apart(&mut self, actor: &Actor<'_>) -> bool {
        let Actor::Address(Some(address)) = actor else {
            return true;
        };
        Block::wide(*address).is_none_or(|site| {
            let count = self.sites.entry(site).or_default();
            *count = count.saturating_add(1);
            *count <= MAX_OF_SITE
        })
    }

    /// The records of what was counted, in the order in which it began.
    pub(super) fn take(&mut self) -> Vec<Record> {
        self.sites.clear();
        let mut counted: Vec<_> = std::mem::take(&mut self.counted).into_iter().collect();
        counted.sort_by_key(|(_, summary)| summary.first_ms);
        counted
            .into_iter()
            .map(|(key, summary)| summary.into_record(&key))
            .collect()
    }

    /// The same, and nothing is counted any more.
    pub(super) fn close(&mut self) -> Vec<Record> {
        self.is_closed = true;
        self.take()
    }
}

impl From<&Actor<'_>> for Whose {
    fn from(actor: &Actor<'_>) -> Self {
        match actor {
            Actor::User(user) => Self::User(Arc::clone(user)),
            Actor::Address(address) => Self::Block(address.map(Block::narrow)),
        }
    }
}

impl Whose {
    /// All addresses of the actor's site.
    fn together(actor: &Actor<'_>) -> Self {
        match actor {
            Actor::Address(Some(address)) => Self::Block(Block::wide(*address)),
            Actor::Address(None) | Actor::User(_) => Self::from(actor),
        }
    }
}

impl Summary {
    fn of(record: &Record) -> Self {
        let source = record.source();
        Self {
            user: source.user.clone(),
            username: source.username.clone(),
            session_id: source.session_id,
            ip: source.ip,
            user_agent: source.user_agent.clone(),
            node: source.node.clone(),
            dialect: record.dialect(),
            count: weight(record),
            first_ms: record.created_at_ms(),
            last_ms: record.created_at_ms(),
        }
    }

    /// One more, of this block of addresses if it has one.
    fn add(&mut self, record: &Record, block: Option<Block>) {
        let source = record.source();
        let addresses_differ = self.ip != source.ip;
        unless_equal(&mut self.user, &source.user);
        unless_equal(&mut self.username, &source.username);
        unless_equal(&mut self.session_id, &source.session_id);
        unless_equal(&mut self.ip, &source.ip);
        unless_equal(&mut self.user_agent, &source.user_agent);
        unless_equal(&mut self.dialect, &record.dialect());
        if addresses_differ {
            self.ip = block.map(Block::first);
        }
        self.count = self.count.saturating_add(weight(record));
        self.first_ms = self.first_ms.min(record.created_at_ms());
        self.last_ms = self.last_ms.max(record.created_at_ms());
    }

    fn into_record(self, key: &Key) -> Record {
        let event = Event::Repeated(Repeated {
            event_type: key.event_type,
            code: key.code,
            count: self.count,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
        });
        let source = Source {
            user: self.user,
            username: self.username,
            session_id: self.session_id,
            ip: self.ip,
            user_agent: self.user_agent,
            node: self.node,
            encoded: Encoded::default(),
        };
        Record::new(&Arc::new(source), self.dialect, event)
    }
}

/// Removes a value that differs from another.
fn unless_equal<T: PartialEq>(value: &mut Option<T>, other: &Option<T>) {
    if value != other {
        *value = None;
    }
}

/// How many a record stands for.
fn weight(record: &Record) -> u64 {
    match record.event() {
        Event::RateLimited { count } => *count,
        _ => 1,
    }
}
