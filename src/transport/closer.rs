//! The one way to end an Engine.IO session whose transport is not a single TCP connection. It must
//! not know what the session is of.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use socketioxide::socket::Sid;

type Close = dyn Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync;

/// Ends Engine.IO sessions of polling clients. The library can only be asked to by a request of the
/// client itself, so that is what is made for it. Clones share it.
#[derive(Clone)]
pub(crate) struct TransportCloser(Arc<Close>);

impl TransportCloser {
    /// Ends an Engine.IO session by `close`.
    pub(crate) fn new(
        close: impl Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(close))
    }

    /// Ends the Engine.IO session after a while, if it is still there.
    pub(crate) fn close_after(&self, sid: Sid, wait: Duration) {
        let close = self.0.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            close(sid).await;
        });
    }
}

impl std::fmt::Debug for TransportCloser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TransportCloser")
    }
}
