//! Documents of `blocks`. They are only for the store.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::fields::ms;
use crate::model::{Block, UserId};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockDocument {
    pub(crate) user_id: String,
    pub(crate) blocked_id: String,
    pub(crate) since: DateTime,
}

impl BlockDocument {
    /// Who has blocked somebody. `None`: it is not as the store writes them.
    pub(crate) fn user(&self) -> Option<UserId> {
        UserId::parse(&self.user_id)
    }

    /// `None`: it is not as the store writes them.
    pub(crate) fn block(&self) -> Option<Block> {
        Some(Block {
            blocked: UserId::parse(&self.blocked_id)?,
            since: ms(self.since),
        })
    }
}
