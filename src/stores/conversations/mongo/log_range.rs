//! A range of a log: the messages that were sent and the records of other changes, merged.

use std::collections::{BTreeMap, HashMap};

use mongodb::bson::{Document, doc};

use super::collections::{all, each, one};
use super::db::Db;
use super::documents::{ChangeDocument, MessageDocument};
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ConversationId, Message, PageLimit,
};
use crate::stores::conversations::error::StoreError;

/// The number of a change, as documents have it.
pub(super) fn change_number(number: i64) -> ChangeNumber {
    ChangeNumber::new(u64::try_from(number).unwrap_or(0))
}

/// What is stored of the changes with some numbers.
pub(super) struct Range {
    /// The last number that was read.
    until: i64,
    sent: BTreeMap<i64, Message>,
    records: BTreeMap<i64, ChangeDocument>,
    /// Messages that were sent before.
    others: HashMap<String, Message>,
    /// Not all of these were read, because of their size.
    is_cut: bool,
    /// Whether messages that were sent were read.
    with_sent: bool,
}

impl Range {
    /// The changes behind one, until another; fewer if their messages are large. With or without the
    /// messages that were sent.
    pub(super) async fn read(
        db: &Db,
        conversation: &ConversationId,
        after: i64,
        until: i64,
        with_sent: bool,
    ) -> Result<Self, StoreError> {
        let numbers = doc! { "$gt": after, "$lte": until };
        let id = conversation.as_str();
        let sent = doc! { "conversationId": id, "seq": &numbers };
        let sent = async {
            match with_sent {
                true => messages(db, sent, doc! { "seq": 1 }).await,
                false => Ok((Vec::new(), false)),
            }
        };
        let records = db
            .changes
            .find(doc! { "conversationId": id, "number": numbers });
        let ((sent, is_cut), records) = tokio::try_join!(sent, all(records))?;
        let sent = sent.into_iter().map(|(seq, _, message)| (seq, message));
        let sent: BTreeMap<_, _> = sent.collect();
        let last_sent = sent.last_key_value().map(|(seq, _)| *seq);
        let records = records.into_iter().map(|record| (record.number, record));
        Ok(Self {
            until: last_sent.filter(|_| is_cut).unwrap_or(until),
            sent,
            records: records.collect(),
            others: HashMap::new(),
            is_cut: false,
            with_sent,
        })
    }

    /// Whether nothing is stored of a change.
    pub(super) fn lacks(&self, number: i64) -> bool {
        self.with_sent
            && self.until == number
            && !self.sent.contains_key(&number)
            && !self.records.contains_key(&number)
    }

    /// Reads the messages that were changed here and sent before.
    pub(super) async fn read_others(&mut self, db: &Db) -> Result<(), StoreError> {
        let sent = self.sent.values();
        let sent: HashMap<_, _> = sent
            .map(|message| (message.id.to_string(), message.clone()))
            .collect();
        let records = self.records.range(..=self.until);
        let mut ids: Vec<_> = records
            .filter_map(|(_, record)| record.needs_message())
            .filter(|id| !sent.contains_key(*id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            let filter = doc! { "_id": { "$in": ids } };
            let (found, is_cut) = messages(db, filter, doc! { "_id": 1 }).await?;
            let found = found.into_iter().map(|(_, id, message)| (id, message));
            self.others = found.collect();
            self.is_cut = is_cut;
        }
        self.others.extend(sent);
        Ok(())
    }

    /// The changes behind one, as many as fit on a page, and how far they reach.
    pub(super) async fn into_changes(
        mut self,
        db: &Db,
        after: i64,
    ) -> Result<(Vec<Change>, i64), StoreError> {
        let mut changes: Vec<Change> = Vec::new();
        let mut bytes = 0;
        for number in after.saturating_add(1)..=self.until {
            let change = match self.records.remove(&number) {
                Some(record) => match self.message_of(db, &record, changes.is_empty()).await? {
                    Needed::Unread => return Ok((changes, number - 1)),
                    Needed::Read(message) => record.change(message).ok(),
                },
                None => self.sent.remove(&number).map(|sent| sent_as(number, sent)),
            };
            let Some(change) = change.or_else(|| {
                self.with_sent
                    .then(|| Change::forgotten(change_number(number)))
            }) else {
                continue;
            };
            bytes += change.message().map_or(0, Message::size);
            if bytes > PageLimit::MAX_BYTES && !changes.is_empty() {
                return Ok((changes, number - 1));
            }
            changes.push(change);
        }
        Ok((changes, self.until))
    }

    /// The message that a record needs. The first one is read in any case.
    async fn message_of(
        &self,
        db: &Db,
        record: &ChangeDocument,
        is_first: bool,
    ) -> Result<Needed, StoreError> {
        let Some(id) = record.needs_message() else {
            return Ok(Needed::Read(None));
        };
        if let Some(message) = self.others.get(id) {
            return Ok(Needed::Read(Some(message.clone())));
        }
        if !self.is_cut {
            return Ok(Needed::Read(None));
        }
        if !is_first {
            return Ok(Needed::Unread);
        }
        let found = one(db.messages.find_one(doc! { "_id": id })).await?;
        Ok(Needed::Read(found.and_then(|found| found.message().ok())))
    }
}

/// The message that a record needs: if it needs one, and there is one.
enum Needed {
    Read(Option<Message>),
    /// It was not read, because of the size of others.
    Unread,
}

/// Messages with their numbers and ids, until they are too large together: then the second is `true`.
async fn messages(
    db: &Db,
    filter: Document,
    order: Document,
) -> Result<(Vec<(i64, String, Message)>, bool), StoreError> {
    let mut found = Vec::new();
    let (mut bytes, mut is_cut) = (0, false);
    each(
        db.messages.find(filter).sort(order),
        |document: MessageDocument| {
            let (seq, id) = (document.seq, document.id.clone());
            if let Ok(message) = document.message() {
                bytes += message.size();
                is_cut = bytes > PageLimit::MAX_BYTES && !found.is_empty();
                if !is_cut {
                    found.push((seq, id, message));
                }
            }
            !is_cut
        },
    )
    .await?;
    Ok((found, is_cut))
}

/// That a message was sent.
fn sent_as(number: i64, message: Message) -> Change {
    Change {
        number: change_number(number),
        at: message.created_at,
        by: ChangedBy::User(message.sender.clone()),
        what: Changed::Sent(message),
    }
}
