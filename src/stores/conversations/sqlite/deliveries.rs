//! Receipts of one message for those whom it has reached together. Other receipts are in `receipts`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::number;
use super::receipt_log;
use super::receipt_rows::{insert_together, reached_together};
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;

/// How many users one statement has places for; those that are not needed are NULL.
const PLACES: usize = 16;
/// Maximum number of users in one row: to find one of them it is read from its beginning.
const MAX_TOGETHER: usize = 128;
/// Participants who are read between two who are looked for, before the next one is searched for.
const MAX_PASSED: usize = 16;

/// A message that receipts are noted of.
struct Target {
    no: i64,
    conversation: i64,
    sender: UserId,
    /// There are receipts of it.
    is_noted: bool,
}

/// Marks a message as delivered to these users but its sender, as far as they are active participants; to whom it was not
/// before.
pub(super) fn mark(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let target = target(writing.db, conversation, message)?;
    let target = target.ok_or(StoreError::NotFoundOrForbidden)?;
    let others: Vec<_> = users
        .iter()
        .filter(|user| **user != target.sender)
        .collect();
    let are_distinct = others.is_sorted_by(|one, next| one < next);
    let together = !target.is_noted && are_distinct && others.len() <= MAX_TOGETHER;
    let reached = match together {
        true => active_among(writing.db, target.conversation, &others)?,
        false => insert_each(writing, &target, &others)?,
    };
    if reached.is_empty() {
        return Ok(reached);
    }
    if together {
        insert_together(writing, target.no, &reached)?;
    }
    receipt_log::note(writing, target.conversation, &[target.no])?;
    Ok(reached)
}

fn target(
    db: &Connection,
    conversation: &ConversationId,
    message: MessageId,
) -> rusqlite::Result<Option<Target>> {
    const SELECT: &str = "
        SELECT m.no, m.conversation, m.sender,
               EXISTS (SELECT 1 FROM deliveries WHERE message = m.no)
               OR EXISTS (SELECT 1 FROM receipts WHERE message = m.no)
        FROM messages m JOIN conversations c ON c.no = m.conversation
        WHERE m.id = ?1 AND c.id = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![message, conversation], |row| {
        Ok(Target {
            no: row.get(0)?,
            conversation: row.get(1)?,
            sender: row.get(2)?,
            is_noted: row.get(3)?,
        })
    });
    found.optional()
}

/// Those of these users who are active participants; both are sorted. Participants are read on from one to the next, unless
/// many come between them.
fn active_among(
    db: &Connection,
    conversation: i64,
    users: &[&UserId],
) -> rusqlite::Result<Vec<UserId>> {
    const SELECT: &str = "
        SELECT user, status = 'active' FROM participants
        WHERE conversation = ?1 AND user >= ?2 ORDER BY user";
    let mut select = db.prepare_cached(SELECT)?;
    let (mut active, mut left) = (Vec::with_capacity(users.len()), users);
    while let Some(first) = left.first() {
        let mut rows = select.query(params![conversation, first])?;
        let mut passed = 0;
        while passed < MAX_PASSED
            && !left.is_empty()
            && let Some(row) = rows.next()?
        {
            let user = row.get_ref(0)?.as_str()?;
            left = &left[left.partition_point(|one| one.as_str() < user)..];
            passed += 1;
            if let Some((found, behind)) =
                left.split_first().filter(|(one, _)| one.as_str() == user)
            {
                (left, passed) = (behind, 0);
                if row.get(1)? {
                    active.push((*found).clone());
                }
            }
        }
        if passed < MAX_PASSED {
            break;
        }
    }
    Ok(active)
}

/// Inserts a receipt for each of these users who are active participants and had none before; who they are.
fn insert_each(
    writing: &Writing<'_>,
    target: &Target,
    users: &[&UserId],
) -> rusqlite::Result<Vec<UserId>> {
    // To ignore what is there also has the database keep no copy of the page that it would need to undo the statement.
    const INSERT: &str = concat!(
        "INSERT OR IGNORE INTO receipts (message, user, deliveredAt)
         SELECT ?1, p.user, ?3
         FROM (VALUES (?4), (?5), (?6), (?7), (?8), (?9), (?10), (?11),
                      (?12), (?13), (?14), (?15), (?16), (?17), (?18), (?19)) AS reached
         CROSS JOIN participants p
         WHERE p.conversation = ?2 AND p.user = reached.column1 AND p.status = 'active' AND NOT ",
        reached_together!("?1", "p.user"),
        " RETURNING user"
    );
    const FIRST: usize = 4;
    let mut insert = writing.db.prepare_cached(INSERT)?;
    let mut reached = Vec::new();
    for some in users.chunks(PLACES) {
        insert.raw_bind_parameter(1, target.no)?;
        insert.raw_bind_parameter(2, target.conversation)?;
        insert.raw_bind_parameter(3, number(writing.now))?;
        for place in 0..PLACES {
            insert.raw_bind_parameter(FIRST + place, some.get(place))?;
        }
        let mut rows = insert.raw_query();
        while let Some(row) = rows.next()? {
            let user = row.get_ref(0)?.as_str()?;
            let new = some.iter().find(|one| one.as_str() == user);
            reached.extend(new.map(|one| (*one).clone()));
        }
    }
    Ok(reached)
}
