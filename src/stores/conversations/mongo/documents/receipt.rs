//! Documents of `receipts`.

use mongodb::bson::DateTime;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptDocument {
    pub(crate) message_id: String,
    pub(crate) user_id: String,
    pub(crate) read_at: Option<DateTime>,
}
