//! How refusals read in `chat`: by the callback only.

use super::typing::chat;
use crate::audit::AuditText;
use crate::dialects::refuse::{Ids, Reply, Words};
use crate::dialects::row::Row;
use crate::model::{Refusal, Why};
use crate::payload::{Payload, RawEvent};

#[derive(Debug)]
pub(super) struct ChatWords;

impl Words for ChatWords {
    fn reply(&self, row: &Row, refusal: &Refusal, _: Option<&Payload<'_>>) -> Reply {
        let message = match refusal.why() {
            Why::Missing | Why::Unusable => "chatId is required",
            Why::RateLimited => "Rate limit exceeded",
            Why::Failed => return Reply::new(row.refused.failed, "Operation failed"),
            _ => "You are not a participant of this chat",
        };
        Reply::new(refusal.code, message)
    }

    fn ids(&self, _: &RawEvent, sent: Option<&Payload<'_>>) -> Ids {
        let id = chat(sent);
        Ids {
            conversation: id.map(|id| AuditText::new(id.id.as_str())),
            ..Ids::default()
        }
    }
}
