//! Large answers: their bytes count as held for whoever asked, until the client has taken them. It must not know
//! what they are.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::limits::{ALWAYS, Account, Held};

/// Bytes that are handed to the connection at once.
const PART: usize = 16 * 1024;

/// An answer that counts as held until it is written. So does `permit` if it is not small, so that a client has
/// only so many of them under way.
pub(super) fn hold(
    answer: Response,
    account: Arc<Account>,
    permit: Option<OwnedSemaphorePermit>,
) -> Response {
    let bytes = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX);
    if bytes <= ALWAYS {
        return answer;
    }
    let held = Held::of(account);
    held.set(bytes);
    answer.map(|body| {
        Body::new(HeldBody {
            body,
            left: Bytes::new(),
            held,
            _permit: permit,
        })
    })
}

struct HeldBody {
    body: Body,
    /// What is not handed over of the last part of `body`.
    left: Bytes,
    held: Held,
    _permit: Option<OwnedSemaphorePermit>,
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.left.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.left = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        let part = this.left.split_to(PART.min(this.left.len()));
        this.held.set(this.left.len());
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, body) = (self.left.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(left + body.lower());
        if let Some(upper) = body.upper() {
            hint.set_upper(left + upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Memory;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_large_answer_is_held_until_it_is_taken() {
        let memory = Memory::new(1 << 30);
        let text: Vec<u8> = (0..300_000u32).map(|number| number as u8).collect();
        let answer = hold(
            Response::new(text.clone().into()),
            Account::new(&memory),
            None,
        );
        assert_eq!(answer.body().size_hint().exact(), Some(300_000));
        let mut body = answer.into_body();
        let mut taken = Vec::new();
        while let Some(frame) = body.frame().await {
            let before = memory.held();
            assert!(before <= 300_000 - taken.len() && before + 2 * PART + taken.len() > 300_000);
            taken.extend(frame.unwrap().into_data().unwrap());
        }
        assert_eq!(taken, text);
        drop(body);
        assert_eq!(memory.held(), 0);
    }

    #[tokio::test]
    async fn a_small_answer_is_not_counted() {
        let memory = Memory::new(1 << 30);
        let answer = hold(Response::new("small".into()), Account::new(&memory), None);
        assert_eq!(memory.held(), 0);
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "small");
    }
}
