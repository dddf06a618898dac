//! The records of a server's audit, whether the server runs or not.
//!
//! Owns reading page by page; which store has the records is the configuration's. Records that still
//! wait in the spool of a running server are not included.

use std::sync::Arc;
use std::vec;

use super::Error;
use super::error::StartError;
use crate::audit::{
    MongoStore, Order, Query, ReadLimit, Reader, SqliteStore, Store as _, StoredRecord,
};
use crate::config::Config;
use crate::stores::drivers::mongo::Mongo;

/// Stored records of the audit, the oldest first, read page by page. Reading blocks the thread. After
/// an error there are no more.
pub struct AuditRecords {
    reader: Arc<dyn Reader>,
    query: Query,
    page: vec::IntoIter<StoredRecord>,
    more: bool,
}

impl AuditRecords {
    /// The records of a server with this configuration, from a time on and before another, both in
    /// milliseconds since 1970; `None` is no limit.
    ///
    /// With MongoDB it must be called in a Tokio runtime, which must exist until all are read.
    ///
    /// # Errors
    /// When MongoDB is configured and cannot be used.
    pub async fn open(
        config: &Config,
        from: Option<i64>,
        before: Option<i64>,
    ) -> Result<Self, Error> {
        let reader = match &config.mongodb_uri {
            Some(uri) => {
                let opened = Mongo::open(uri, &config.mongodb_prefix).await;
                let mongo = opened.map_err(StartError::from)?;
                MongoStore::new(&mongo).reader()
            }
            None => SqliteStore::reader_of(&config.data_dir),
        };
        let query = Query {
            from,
            to: before.map(|before| before - 1),
            order: Order::OldestFirst,
            limit: ReadLimit::EXPORT,
            ..Query::default()
        };
        Ok(Self {
            reader,
            query,
            page: Vec::new().into_iter(),
            more: true,
        })
    }
}

impl Iterator for AuditRecords {
    type Item = Result<StoredRecord, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.page.next() {
                return Some(Ok(record.neutral()));
            }
            if !self.more {
                return None;
            }
            match self.reader.read(&self.query) {
                Ok(page) => {
                    self.query.after = page.records.last().map(|record| record.id);
                    self.more = page.more;
                    self.page = page.records.into_iter();
                }
                Err(error) => {
                    self.more = false;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

impl std::fmt::Debug for AuditRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditRecords").finish_non_exhaustive()
    }
}
