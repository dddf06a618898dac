//! What a history has besides in the form of `chat`: where a page of it begins that is counted from the newest message,
//! as the clients of its deployed server count, and how many there are.

use schemars::JsonSchema;
use serde::Serialize;

use super::caller::Caller;
use super::paging;
use super::query::Parameters;
use crate::app::App;
use crate::model::Refusal;
use crate::model::conversation::{ConversationId, PageLimit, Window};
use crate::stores::conversations::StoreError;

/// What stands beside the messages.
#[derive(Serialize, JsonSchema)]
pub(super) struct Counted {
    message: &'static str,
    total: u64,
    count: usize,
    limit: usize,
    offset: u64,
}

impl Counted {
    /// Of a page with so many messages.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(super) async fn read(
        app: &App,
        caller: &Caller,
        id: &ConversationId,
        count: usize,
        (limit, offset): (PageLimit, Option<u64>),
    ) -> Result<Self, StoreError> {
        let messages = &app.conversations.stores().messages;
        let one = PageLimit::new(1).unwrap_or(PageLimit::MAX);
        let slice = messages.slice(id, caller.id(), 0, one).await?;
        Ok(Self {
            total: slice.total,
            ..Self::none(count, (limit, offset))
        })
    }

    /// Of a page with so many messages, where there are no others.
    pub(super) fn none(count: usize, (limit, offset): (PageLimit, Option<u64>)) -> Self {
        Self {
            message: "Messages retrieved",
            total: count as u64,
            count,
            limit: limit.get(),
            offset: offset.unwrap_or(0),
        }
    }
}

/// How many of the newest messages a page is to leave out, if that is said. It says nothing else then.
pub(super) fn offset(query: &Parameters, window: Window) -> Result<Option<u64>, Refusal> {
    let offset = paging::offset(query)?;
    match offset.is_some() && (window.after.is_some() || window.before.is_some()) {
        true => Err(Refusal::invalid(paging::OFFSET)),
        false => Ok(offset),
    }
}

/// The window of a history without so many of the newest messages. `None`: there are no others.
///
/// # Errors
/// [`StoreError::NotParticipant`], or the store fails.
pub(super) async fn behind_newest(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    offset: u64,
) -> Result<Option<Window>, StoreError> {
    caller.pass_over(offset).await;
    let messages = &app.conversations.stores().messages;
    let (mut window, mut left) = (Window::default(), offset);
    while left > 0 {
        let limit = PageLimit::new(left).unwrap_or(PageLimit::MAX);
        let page = messages.page(id, caller.id(), window, limit).await?;
        let Some(oldest) = page.messages.first().filter(|_| page.more) else {
            return Ok(None);
        };
        left -= page.messages.len() as u64;
        window.before = Some(oldest.id);
    }
    Ok(Some(window))
}
