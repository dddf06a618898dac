//! The one way to end a session whose transport is not a single TCP connection. It must not know
//! what the session is of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use socketioxide::socket::Sid;

type Close = Box<dyn Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync>;

/// Ends polling sessions. The library can only be asked to by a request of the client itself, so
/// that is what is made for it. Clones share it.
#[derive(Clone, Default)]
pub struct TransportCloser(Arc<OnceLock<Close>>);

impl TransportCloser {
    /// Sets how it is done; once, when the server is put together.
    pub fn set(&self, close: impl Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        // A second time does not come.
        let _ = self.0.set(Box::new(close));
    }

    /// Ends the polling session after a while, if it is still there.
    pub fn close_after(&self, sid: Sid, wait: Duration) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(close) = this.0.get() {
                close(sid).await;
            }
        });
    }
}

impl std::fmt::Debug for TransportCloser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TransportCloser")
    }
}
