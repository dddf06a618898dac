//! Whether MongoDB answers, and how the store is closed.

use async_trait::async_trait;

use super::store::MongoConversations;
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::health::StoreHealth;

#[async_trait]
impl StoreHealth for MongoConversations {
    fn failing(&self, _error: &StoreError) -> &'static str {
        "MongoDB does not keep conversations"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.run(self.db.probe()).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.breaker.close().await;
        Ok(())
    }
}
