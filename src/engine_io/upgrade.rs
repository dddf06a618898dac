//! How a session that polls becomes a WebSocket: the client tries whether anything passes, and only when it then chooses it
//! does anything change. Until then the session polls on, and a WebSocket that comes to nothing leaves no trace. It must
//! not know what waits for the client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use bytes::BytesMut;
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::packet::{ClientFrame, put_server_frame, take_client_frame};
use super::pipe::{Stage, Upgraded};
use super::session::Session;
use crate::transport::{GuardedStream, Link, upgraded};

/// What a client tries it by, and the answer, as a frame.
const PROBE: &[u8] = b"2probe";
const ANSWER: [u8; 8] = *b"\x81\x063probe";
/// The end of a WebSocket, as a frame.
const END: [u8; 2] = *b"\x88\x00";
/// How a client chooses it.
const CHOOSE: &[u8] = b"5";
/// How often a poll is answered from then on, so that its client can leave off polling.
const LET_GO: Duration = Duration::from_millis(100);
/// The most that a client sends before it has chosen.
const MAX_UNREAD: usize = 1024;

impl Session {
    /// A WebSocket on this link is tried, or closed where another one is tried, or carries the session.
    pub(crate) fn try_upgrade(self: &Arc<Self>, link: &Arc<Link>, on: OnUpgrade) {
        let may = self.settings.may_upgrade && self.begin_trial();
        link.upgrade();
        let (session, link) = (self.clone(), link.clone());
        tokio::spawn(async move {
            let timeout = session.settings.upgrade_timeout;
            if !may {
                let closed = tokio::time::timeout(timeout, close(on)).await;
                tracing::debug!(?closed, "a further WebSocket of a session is closed");
                return;
            }
            let chosen = tokio::time::timeout(timeout, session.trial(on)).await;
            match chosen {
                Ok(Ok(Some(tried))) => session.upgrade(&link, tried).await,
                // Whatever became of it, the session polls on.
                Ok(Ok(None) | Err(_)) | Err(_) => session.end_trial(),
            }
        });
    }

    fn begin_trial(&self) -> bool {
        let mut pipe = self.pipe.lock();
        let may = matches!(pipe.stage, Stage::Polling) && !pipe.is_tried;
        pipe.is_tried |= may;
        may
    }

    fn end_trial(&self) {
        self.pipe.lock().is_tried = false;
    }

    /// Waits until the client has chosen it. `None`: it sends something else.
    async fn trial(&self, on: OnUpgrade) -> io::Result<Option<Tried>> {
        let mut tried = Tried {
            stream: upgraded(on).await?,
            unread: BytesMut::new(),
        };
        if tried.next().await? != PROBE {
            return Ok(None);
        }
        tried.stream.write_all(&ANSWER).await?;
        tried.stream.flush().await?;
        let let_go = async {
            loop {
                self.polls.ask();
                tokio::time::sleep(LET_GO).await;
            }
        };
        let chosen = tokio::select! {
            packet = tried.next() => packet? == CHOOSE,
            () = let_go => false,
        };
        Ok(chosen.then_some(tried))
    }

    /// The client has chosen it: it is written what waits, and carries the session from then on.
    async fn upgrade(&self, link: &Arc<Link>, tried: Tried) {
        self.choose(link);
        let Tried { mut stream, unread } = tried;
        if self.revision.differs(self.as_text) {
            {
                let mut pipe = self.pipe.lock();
                if matches!(pipe.stage, Stage::Ended) {
                    return;
                }
                pipe.stage = Stage::Upgrading;
            }
            self.is_polled_no_more();
            self.wake();
            return self.carry_by_packets(stream, unread.to_vec(), None).await;
        }
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let mut frames = BytesMut::new();
            {
                let mut pipe = self.pipe.lock();
                if matches!(pipe.stage, Stage::Ended) {
                    return;
                }
                pipe.stage = Stage::Upgrading;
                if pipe.is_taken() {
                    let left = pipe.left_to_read();
                    stream.unread(&unread);
                    stream.goes_on();
                    let unread = left.freeze();
                    self.hand_over(&mut pipe, Upgraded { stream, unread });
                    break;
                }
                for packet in pipe.take() {
                    put_server_frame(&packet, self.revision, &mut frames);
                }
            }
            self.wake();
            if frames.is_empty() {
                // The library is in the middle of a frame.
                changed.await;
            } else if stream.write_all(&frames).await.is_err() {
                return self.end();
            }
        }
        self.wake();
    }
}

/// Closes a WebSocket as soon as it is one.
async fn close(on: OnUpgrade) -> io::Result<()> {
    let mut stream = upgraded(on).await?;
    stream.write_all(&END).await?;
    stream.shutdown().await
}

/// A WebSocket that is tried.
struct Tried {
    stream: GuardedStream,
    /// What came that is not looked at yet.
    unread: BytesMut,
}

impl Tried {
    /// The next packet of the client. Pings of WebSocket's own are answered.
    async fn next(&mut self) -> io::Result<Bytes> {
        loop {
            match take_client_frame(&mut self.unread) {
                Some(ClientFrame::Text(packet)) => return Ok(packet),
                Some(ClientFrame::Ping(mut pong)) => self.stream.write_all_buf(&mut pong).await?,
                Some(ClientFrame::Other) => return Err(io::ErrorKind::InvalidData.into()),
                None if self.unread.len() > MAX_UNREAD => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                None => {
                    if self.stream.read_buf(&mut self.unread).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }
}
