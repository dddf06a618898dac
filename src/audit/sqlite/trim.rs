//! Removing records when there are too many, in the order of [`Removal`].

use rusqlite::Connection;

use super::removing;
use crate::audit::error::AuditStoreError;
use crate::audit::event_type::Removal;
use crate::audit::size_limit::slice;
use crate::audit::store::Trimmed;

/// The file has nothing but the audit, so its pages in use are what that takes: two numbers of its
/// header. Pages of deleted records are used again; the file does not shrink.
const USED_BYTES: &str = "
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

/// Deletes some records if they take more than `max_bytes`.
pub(super) fn trim(
    connection: &Connection,
    max_bytes: u64,
) -> Result<Option<Trimmed>, AuditStoreError> {
    let Some(limit) = slice(used(connection)?, max_bytes) else {
        return Ok(None);
    };
    let limit = limit as usize;
    let mut trimmed = Trimmed {
        records: 0,
        up_to_ms: 0,
    };
    for when in Removal::ORDER {
        let are_gone = removing::trim(connection, when, limit, &mut trimmed)?;
        if !are_gone {
            break;
        }
    }
    Ok(Some(trimmed))
}

/// Bytes that all records take.
pub(super) fn used(connection: &Connection) -> Result<u64, AuditStoreError> {
    let mut used = connection.prepare_cached(USED_BYTES)?;
    let used: i64 = used.query_row([], |row| row.get(0))?;
    Ok(used.max(0) as u64)
}
