//! The body of a request, which has to arrive in time: a client that sends it more slowly than a lowest rate
//! keeps its connection no longer. It must not look into the body.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep};

/// How long the server waits for the bodies of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// For each body, beside what its size takes.
    pub(crate) grace: Duration,
    /// Bytes per second that a client must send beyond that; 0: any number.
    pub(crate) min_rate: u64,
}

impl Pace {
    /// How long the server waits, in all, for the first `bytes` and what follows them.
    fn allowed(self, bytes: u64) -> Duration {
        let for_size = bytes
            .saturating_mul(1000)
            .checked_div(self.min_rate)
            .unwrap_or(u64::MAX);
        self.grace.saturating_add(Duration::from_millis(for_size))
    }
}

/// A body that fails with [`TooSlow`] when it arrives too slowly. Only the time that the server waits for the
/// client counts, not what it takes to read on, nor what it is at while something has arrived.
pub(super) struct PacedBody<B = Incoming> {
    body: B,
    pace: Pace,
    received: u64,
    /// How long was waited until the last bytes arrived.
    waited: Duration,
    waiting: Option<Waiting>,
}

struct Waiting {
    since: Instant,
    arrival: Arc<Arrival>,
    end: Pin<Box<Sleep>>,
}

/// When something arrived, and who is woken by that.
#[derive(Default)]
struct Arrival {
    at: Mutex<Option<Instant>>,
    waker: AtomicWaker,
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.at.lock().get_or_insert_with(Instant::now);
        self.waker.wake();
    }
}

impl<B> PacedBody<B> {
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self {
            body,
            pace,
            received: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    /// Waits for what comes next, from now on.
    fn wait(&mut self) -> &mut Waiting {
        let left = self.pace.allowed(self.received).saturating_sub(self.waited);
        self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            arrival: Arc::default(),
            end: Box::pin(sleep(left)),
        })
    }
}

impl<B> PacedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.waiting.is_none()
            && let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx)
        {
            return Poll::Ready(frame);
        }
        let waiting = self.wait();
        let (since, arrival) = (waiting.since, waiting.arrival.clone());
        arrival.waker.register(cx.waker());
        // Unless nothing is there after all.
        let arrived = arrival.at.lock().take();
        let waker = Waker::from(arrival);
        let polled = Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.waiting = None;
            self.waited += arrived.unwrap_or_else(Instant::now) - since;
        }
        polled
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = this.poll_body(cx) else {
            let end = this.wait().end.as_mut().poll(cx);
            return end.map(|()| Some(Err(TooSlow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            this.received += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The client sent a body too slowly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooSlow;

impl TooSlow {
    /// Whether it is what an error of a body comes from.
    pub(crate) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the request arrives too slowly")
    }
}

impl std::error::Error for TooSlow {}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};
    use std::convert::Infallible;
    use tokio::time::timeout;

    const PACE: Pace = Pace {
        grace: Duration::from_millis(200),
        min_rate: 1000,
    };

    /// A body in parts, before each of which the client waits so many milliseconds.
    fn body(
        parts: &[(usize, u64)],
    ) -> PacedBody<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let parts = stream::iter(parts.to_vec()).then(|(bytes, wait)| async move {
            sleep(Duration::from_millis(wait)).await;
            Ok(Frame::data(Bytes::from(vec![0; bytes])))
        });
        PacedBody::new(StreamBody::new(Box::pin(parts)), PACE)
    }

    /// Its length, or whether it was too slow.
    async fn length(
        body: impl Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<usize, bool> {
        let collected = body.collect().await;
        let collected = collected.map_err(|error| TooSlow::is_cause_of(&*error))?;
        Ok(collected.to_bytes().len())
    }

    #[tokio::test]
    async fn a_body_may_take_as_long_as_its_size_at_the_lowest_rate() {
        assert_eq!(length(body(&[(100_000, 0), (1, 500)])).await, Ok(100_001));
        assert_eq!(length(body(&[(100, 0), (1, 60_000)])).await, Err(true));
    }

    #[tokio::test]
    async fn what_has_arrived_waits_for_the_server_as_long_as_it_likes() {
        let mut body = body(&[(1, 0), (1, 20), (1, 20), (1, 60_000)]);
        body.pace.grace = Duration::from_secs(1);
        let mut next = async || {
            let frame = body.frame().await.transpose();
            frame.map_err(|error| TooSlow::is_cause_of(&*error))
        };
        assert!(next().await.unwrap().is_some());
        // It is looked for what comes next, before something else takes its time.
        assert!(timeout(Duration::from_millis(1), next()).await.is_err());
        sleep(Duration::from_millis(1500)).await;
        assert!(next().await.unwrap().is_some());
        assert!(next().await.unwrap().is_some());
        assert_eq!(next().await.map(drop), Err(true));
    }

    #[tokio::test]
    async fn single_bytes_do_not_keep_a_body_open() {
        assert_eq!(length(body(&[(1, 20); 1000])).await, Err(true));
        assert_eq!(length(body(&[(1, 0); 100])).await, Ok(100));
    }
}
