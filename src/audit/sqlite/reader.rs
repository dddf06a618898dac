//! Reading the embedded audit store.
//!
//! Owns the files of other versions. It must not write, and must not hold the file open: SQLite removes
//! its side files when the writer thread is the last to close it.

mod page;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::schema::WITH_BATCHES;
use super::{FILE_NAME, rows};
use crate::audit::error::{AuditStoreError, ReadError};
use crate::audit::read::{Order, Query, Reader, RecordPage, StoredRecord};

pub(super) struct SqliteReader {
    path: PathBuf,
}

impl SqliteReader {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join(FILE_NAME),
        }
    }
}

impl Reader for SqliteReader {
    fn read(&self, query: &Query) -> Result<RecordPage, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(AuditStoreError::from)?;
        let mut records = select(&connection, query)?;
        let more = records.len() > query.limit.get();
        records.truncate(query.limit.get());
        Ok(RecordPage { records, more })
    }
}

/// The records of a page, and one more if more follow.
fn select(connection: &Connection, query: &Query) -> Result<Vec<StoredRecord>, ReadError> {
    // What is merged meanwhile is seen once.
    let connection = connection
        .unchecked_transaction()
        .map_err(AuditStoreError::from)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    if version.map_err(AuditStoreError::from)? < WITH_BATCHES {
        return Ok(rows::select(&connection, "logs", query)?);
    }
    let mut records = page::select(&connection, query)?;
    let mut old = rows::select(&connection, "rows", query)?;
    if !old.is_empty() {
        records.append(&mut old);
        records.sort_by_key(|record| record.id);
        if query.order == Order::NewestFirst {
            records.reverse();
        }
        records.truncate(query.limit.get() + 1);
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
