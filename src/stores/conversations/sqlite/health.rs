//! Whether the file can be written and read, and how it is closed.

use async_trait::async_trait;

use super::store::SqliteConversations;
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::health::StoreHealth;

#[async_trait]
impl StoreHealth for SqliteConversations {
    fn failing(&self) -> &'static str {
        "the store of conversations does not work"
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A transaction without a change takes the lock of the file and writes nothing.
        self.writer.write(|_writing| Ok(())).await?;
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
