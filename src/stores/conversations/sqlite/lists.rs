//! Lists of the conversations of a user, part by part.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_number};
use super::conversation_rows::{LISTED_COLUMNS, read_listed, select_listed};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, ListCursor, ListPage, Listed};
use crate::stores::conversations::error::StoreError;

/// The place of a conversation in a list is the time of its last message up to ?2, when the list began; of those at the
/// same time the one is first that was made last.
pub(super) const LIST: &str = select_listed!(
    ", CASE WHEN c.lastMessageAt <= ?2 THEN c.lastMessageAt ELSE coalesce(
           (SELECT max(m.createdAt) FROM messages m
            WHERE m.conversation = c.no AND m.createdAt <= ?2),
           c.createdAt) END AS place",
    "AND (place, c.no) < (?3, coalesce((SELECT no FROM conversations WHERE id = ?4), ?5))
     ORDER BY place DESC, c.no DESC LIMIT ?6"
);

pub(super) fn page(
    db: &Connection,
    user: &UserId,
    after: Option<&ListCursor>,
    limit: usize,
) -> Result<ListPage, StoreError> {
    let (as_of, place) = after.map_or((u64::MAX, u64::MAX), |after| {
        (after.as_of, after.last_message_at)
    });
    let behind = match after {
        Some(_) => 0,
        None => i64::MAX,
    };
    let values = params![
        user,
        number(as_of),
        number(place),
        after.map(|after| &after.id),
        behind,
        number(limit as u64 + 1),
    ];
    let mut select = db.prepare_cached(LIST)?;
    let rows = select.query_map(values, read)?;
    let mut found: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let first = found.first().map(|(_, place)| *place);
    let as_of = after.map(|after| after.as_of).or(first);
    let last = found.last().filter(|_| is_more).zip(as_of);
    let next = last.map(|((listed, place), as_of)| ListCursor {
        as_of,
        last_message_at: *place,
        created_at: listed.conversation.created_at,
        id: listed.conversation.id.clone(),
    });
    Ok(ListPage {
        conversations: found.into_iter().map(|(listed, _)| listed).collect(),
        next,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Listed, u64)> {
    Ok((read_listed(row)?, read_number(row, LISTED_COLUMNS)?))
}

/// Of how many conversations a user is an active participant.
pub(super) fn count(db: &Connection, user: &UserId) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM participants WHERE user = ?1 AND status = 'active'";
    let mut count = db.prepare_cached(COUNT)?;
    Ok(count.query_row([user], |row| read_number(row, 0))?)
}

/// The newest conversation without a title of these two alone.
pub(super) fn between(
    db: &Connection,
    user: &UserId,
    other: &UserId,
) -> Result<Option<ConversationId>, StoreError> {
    const SELECT: &str = "
        SELECT c.id
        FROM participants p
        JOIN participants other ON other.conversation = p.conversation AND other.user = ?2
        JOIN conversations c ON c.no = p.conversation
        WHERE p.user = ?1 AND p.status = 'active'
          AND other.status IN ('active', 'ignored', 'invited') AND c.title IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM participants third
            WHERE third.conversation = p.conversation AND third.user NOT IN (?1, ?2)
              AND third.status IN ('active', 'ignored', 'invited'))
        ORDER BY c.lastMessageAt DESC, c.no DESC LIMIT 1";
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![user, other], |row| row.get(0));
    Ok(found.optional()?)
}
