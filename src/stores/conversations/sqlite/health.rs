//! Whether the file can be written and read, and how it is closed.

use async_trait::async_trait;
use rusqlite::ErrorCode;

use super::store::SqliteConversations;
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::health::StoreHealth;
use crate::stores::drivers::sqlite::{FileError, UnusableError};

const NOT_WORKING: &str = "the store of conversations does not work";
const DAMAGED: &str = "the database of conversations is damaged";
const NO_ROOM: &str = "the disk has no room for conversations";

#[async_trait]
impl StoreHealth for SqliteConversations {
    fn failing(&self, error: &StoreError) -> &'static str {
        let StoreError::Failed(error) = error else {
            return NOT_WORKING;
        };
        match (
            error.downcast_ref(),
            error.downcast_ref::<rusqlite::Error>(),
        ) {
            (Some(UnusableError::File(FileError::Damaged { .. })), _) => DAMAGED,
            (Some(UnusableError::File(_)), _) => {
                "the database of conversations is gone from the data folder"
            }
            (Some(UnusableError::Open(_) | UnusableError::NotOpen), _) => NO_ROOM,
            (None, error) => match error.and_then(rusqlite::Error::sqlite_error_code) {
                Some(ErrorCode::DiskFull) => NO_ROOM,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => DAMAGED,
                _ => NOT_WORKING,
            },
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A transaction without a change takes the lock of the file and writes nothing.
        self.writer.write(None, |_writing| Ok(())).await?;
        let read = self.readers.read(|db| {
            db.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)")?
                .query_row([], |_| Ok(()))?;
            Ok(())
        });
        read.await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await;
        Ok(())
    }
}
