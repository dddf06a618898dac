//! Documents of `receipts`.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::fields::ms;
use crate::model::UserId;
use crate::model::conversation::{MessageId, Receipt};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptDocument {
    pub(crate) message_id: String,
    pub(crate) user_id: String,
    pub(crate) delivered_at: DateTime,
    pub(crate) read_at: Option<DateTime>,
    /// Only for the store: the later one of both.
    pub(crate) changed_at: Option<DateTime>,
}

impl ReceiptDocument {
    /// `None`: it is not as the store writes them.
    pub(crate) fn receipt(&self) -> Option<Receipt> {
        Some(Receipt {
            message: MessageId::parse(&self.message_id)?,
            user: UserId::parse(&self.user_id)?,
            delivered_at: ms(self.delivered_at),
            read_at: self.read_at.map(ms),
        })
    }
}
