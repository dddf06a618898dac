//! Documents of `receipts`.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::fields::{damaged, ms};
use crate::model::UserId;
use crate::model::conversation::{MessageId, Receipt};
use crate::stores::conversations::error::StoreError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptDocument {
    pub(crate) message_id: String,
    pub(crate) user_id: String,
    pub(crate) delivered_at: DateTime,
    pub(crate) read_at: Option<DateTime>,
}

impl ReceiptDocument {
    pub(crate) fn receipt(self, message: MessageId) -> Result<Receipt, StoreError> {
        Ok(Receipt {
            message,
            user: UserId::parse(&self.user_id).ok_or_else(damaged("receipts"))?,
            delivered_at: ms(self.delivered_at),
            read_at: self.read_at.map(ms),
        })
    }
}
