//! How long a sender waits for one receiver that has too much waiting. It must not know what is sent.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// What a receiver of this many bytes and more is waited for until it has room: files and the like, which would
/// otherwise fill its budget faster than it reads.
const BULK: usize = 64 * 1024;

/// How long a sender waits for one receiver. Its other events wait with it, so it is not long for a small one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until the receiver has room, or is disconnected for taking nothing.
    UntilRoom,
    /// That, but no longer: the receiver is left behind, and disconnected when twice its budget waits.
    AtMost(Duration),
}

impl Patience {
    /// With a receiver of so many bytes, who makes its senders no slower than `rate`, in bytes per second, unless
    /// it is much.
    pub(crate) fn with(bytes: usize, rate: NonZeroU32) -> Self {
        match bytes < BULK {
            true => Self::at_rate(bytes, rate),
            false => Self::UntilRoom,
        }
    }

    /// As long as so many bytes take at `rate`, in bytes per second.
    pub(super) fn at_rate(bytes: usize, rate: NonZeroU32) -> Self {
        let seconds = bytes as f64 / f64::from(rate.get());
        Self::AtMost(Duration::from_secs_f64(seconds))
    }

    /// Waits for something as long as this allows. `None`: who had no room by then is left behind.
    pub(crate) async fn wait_for<T>(self, room: impl Future<Output = T>) -> Option<T> {
        let mut room = pin!(room);
        // Nearly always there is room, and no timer is needed.
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(room.as_mut().poll(cx))).await {
            return Some(done);
        }
        match self {
            Self::UntilRoom => Some(room.await),
            Self::AtMost(limit) => timeout(limit, room).await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_much_is_waited_for_until_there_is_room() {
        let rate = NonZeroU32::MIN.saturating_add(1023);
        let second = Duration::from_secs(1);
        assert_eq!(Patience::with(1024, rate), Patience::AtMost(second));
        assert_eq!(Patience::with(BULK, rate), Patience::UntilRoom);
        assert_eq!(
            Patience::at_rate(2 * BULK, rate),
            Patience::AtMost(128 * second)
        );
    }
}
