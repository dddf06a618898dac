//! Rows of conversations: how they are read, and how an active participant sees one in their list.

use std::time::Duration;

use rusqlite::Row;

use super::columns::{read_number, read_optional_number};
use super::participant_rows;
use crate::model::conversation::{Conversation, Description, IdType, Listed};
use crate::model::name;

/// A conversation as an active participant sees it in their list, and more columns. For who does not see the whole
/// history, its last message is not one from before they joined.
macro_rules! select_listed {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT c.id, c.title, c.createdBy, c.createdAt, 
                    iif(p.since > 0, max(c.lastMessageAt, p.joinedAt), c.lastMessageAt),
                    c.messageRetention, c.numericId, c.history, c.avatarUrl, p.role, c.messages - p.passed, k.number, k.key, k.keyAttachments",
            $more,
            " FROM participants p JOIN conversations c ON c.no = p.conversation
             LEFT JOIN contentKeys k ON k.conversation = p.conversation AND k.user = p.user
             WHERE p.user = ?1 AND p.status = 'active' ",
            $rest
        )
    };
}
pub(super) use select_listed;

/// The number of columns before those more.
pub(super) const LISTED_COLUMNS: usize = 14;

pub(super) fn read_listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        conversation: read(row)?,
        role: row.get(9)?,
        unread: read_number(row, 10)?,
        key: participant_rows::read_key(row, 11)?,
    })
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: row.get(0)?,
        id_type: IdType::of_number(row.get(6)?),
        description: Description {
            title: row
                .get::<_, Option<String>>(1)?
                .and_then(|title| name::shown(&title)),
            avatar_url: row.get(8)?,
        },
        created_by: row.get(2)?,
        created_at: read_number(row, 3)?,
        last_message_at: read_number(row, 4)?,
        message_retention: read_optional_number(row, 5)?.map(Duration::from_secs),
        history: row.get(7)?,
    })
}
