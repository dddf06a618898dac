//! Which logs a user may read: those of the conversations of which they are or were a participant.

use rusqlite::{Connection, Row, params};

use super::columns::read_number;
use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationId, Participation};
use crate::stores::conversations::error::StoreError;

pub(super) fn participations(
    db: &Connection,
    user: &UserId,
    only: Option<&ConversationId>,
) -> Result<Vec<Participation>, StoreError> {
    const ALL: &str = "
        SELECT c.id, p.added, p.status = 'active', p.ended, c.changes, c.forgotten
        FROM participants p JOIN conversations c ON c.no = p.conversation
        WHERE p.user = ?1 AND (p.status = 'active' OR p.ended > 0)";
    const ONE: &str = "
        SELECT c.id, p.added, p.status = 'active', p.ended, c.changes, c.forgotten
        FROM conversations c JOIN participants p ON p.conversation = c.no AND p.user = ?1
        WHERE c.id = ?2 AND (p.status = 'active' OR p.ended > 0)";
    let read = |row: &Row<'_>| {
        let (is_active, ended): (bool, _) = (row.get(2)?, ChangeNumber::new(read_number(row, 3)?));
        Ok(Participation {
            conversation: row.get(0)?,
            added: ChangeNumber::new(read_number(row, 1)?),
            ended: (!is_active).then_some(ended),
            last: ChangeNumber::new(read_number(row, 4)?),
            forgotten: ChangeNumber::new(read_number(row, 5)?),
        })
    };
    let mut select = db.prepare_cached(if only.is_some() { ONE } else { ALL })?;
    let rows = match only {
        Some(only) => select.query_map(params![user, only], read)?,
        None => select.query_map([user], read)?,
    };
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn memberships(
    db: &Connection,
    user: &UserId,
) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
    const SELECT: &str = "
        SELECT c.id, c.changes FROM participants p JOIN conversations c ON c.no = p.conversation
        WHERE p.user = ?1 AND p.status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map([user], |row| {
        Ok((row.get(0)?, ChangeNumber::new(read_number(row, 1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
