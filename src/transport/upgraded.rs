//! The stream of a request that has become a WebSocket, once the answer is written. It must not know what it carries.

use std::io;

use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;

use super::GuardedStream;

/// Waits for the stream.
pub(crate) async fn upgraded(on: OnUpgrade) -> io::Result<GuardedStream> {
    let upgraded = on.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<GuardedStream>>();
    let Parts { io, read_buf, .. } = parts.map_err(|_| io::ErrorKind::Unsupported)?;
    let mut stream = io.into_inner();
    stream.unread(&read_buf);
    Ok(stream)
}
