//! The Socket.IO library, to which every session is a WebSocket. It must not know what carries one.

use std::sync::LazyLock;

use axum::http::{Request, Uri};
use hyper::service::Service as _;

use socketioxide::service::SocketIoService;
use socketioxide::{SocketIo, SocketIoBuilder};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Handshake;
use crate::engine_io::Revision;

/// What the library is asked for, for a session of each revision.
static V3: LazyLock<Uri> =
    LazyLock::new(|| Uri::from_static("/socket.io/?EIO=3&transport=websocket"));
static V4: LazyLock<Uri> =
    LazyLock::new(|| Uri::from_static("/socket.io/?EIO=4&transport=websocket"));

/// The library. Clones share it.
#[derive(Clone)]
pub(crate) struct Library(SocketIoService<()>);

impl Library {
    /// The library as it is built, and its handle for who serves the namespaces.
    pub(crate) fn build(builder: SocketIoBuilder) -> (Self, SocketIo) {
        let (service, io) = builder.build_with_inner_svc(());
        (Self(service), io)
    }

    /// Serves a session, whose frames pass through `stream`, until either side ends it.
    pub(crate) async fn serve<S>(&self, stream: S, revision: Revision, handshake: Handshake)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut request = Request::new(());
        request.uri_mut().clone_from(match revision {
            Revision::V3 => &V3,
            Revision::V4 => &V4,
        });
        request.extensions_mut().insert(handshake);
        // Its task has several places for the stream, of which it uses one.
        let stream = Box::new(stream);
        if let Err(error) = self.0.call((stream, request)).await {
            tracing::error!(%error, "the library refused a session");
        }
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}
