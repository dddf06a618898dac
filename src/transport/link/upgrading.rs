//! What follows the answer by which a link becomes a WebSocket: what its client is told first, in the same write, and what is
//! done then by the task that has served HTTP on it. It must not know what that is.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Link;

/// What follows the answer.
pub(super) struct Next {
    first: Bytes,
    then: BoxFuture<'static, ()>,
}

impl Link {
    /// Behind the answer that is being made, these frames are written, and then this is done, which must not take long. If it
    /// does not come to the answer, this is done all the same.
    pub(crate) fn goes_on(&self, first: Bytes, then: BoxFuture<'static, ()>) {
        *self.next.lock() = Some(Box::new(Next { first, then }));
    }

    /// The frames that are written right behind the answer.
    pub(in crate::transport) fn first_frames(&self) -> Bytes {
        let next = self.next.lock();
        next.as_ref()
            .map(|next| next.first.clone())
            .unwrap_or_default()
    }

    /// HTTP is at its end: what is done then.
    pub(in crate::transport) fn take_next(&self) -> Option<BoxFuture<'static, ()>> {
        let next = self.next.lock().take();
        next.map(|next| next.then)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
