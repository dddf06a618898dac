//! How refusals read in `feed`: by the callback only.

use super::joining::conversation;
use crate::audit::AuditText;
use crate::dialects::refuse::{Ids, Reply, Words};
use crate::dialects::row::Row;
use crate::model::{Refusal, Why};
use crate::payload::{Payload, RawEvent};

#[derive(Debug)]
pub(super) struct FeedWords;

impl Words for FeedWords {
    fn reply(&self, row: &Row, refusal: &Refusal, _: Option<&Payload<'_>>) -> Reply {
        let message = match refusal.why() {
            Why::Missing | Why::Unusable => "Missing or invalid conversation id",
            Why::RateLimited => "Rate limit exceeded",
            Why::Failed => return Reply::new(row.refused.failed, "Failed to join conversation"),
            _ => "Access denied to this conversation",
        };
        Reply::new(refusal.code, message)
    }

    fn ids(&self, _: &RawEvent, sent: Option<&Payload<'_>>) -> Ids {
        let id = conversation(sent);
        Ids {
            conversation: id.map(|id| AuditText::new(id.id.as_str())),
            ..Ids::default()
        }
    }
}
