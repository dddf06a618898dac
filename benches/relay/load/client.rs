//! One client connection: connecting, introducing itself, sending and receiving. It does not count.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::pin::Pin;

use anyhow::{Context as _, Result, ensure};
use jsonwebtoken::{EncodingKey, Header};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};

use super::Order;
use super::incoming::{self, Incoming};
use super::websocket::{self, CLOSE, FrameReader, MaskedFrame};

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
const TOKEN_LIFETIME_SECONDS: u64 = 3_600;

thread_local! {
    /// One buffer for all connections: no connection keeps bytes in it between two reads.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 << 10]);
}

/// The receiving half of a connection.
pub(super) struct Listener {
    half: OwnedReadHalf,
    frames: FrameReader,
    /// A ping came while this waited for something else.
    was_pinged: bool,
}

/// The sending half of a connection.
pub(super) struct Speaker(OwnedWriteHalf);

/// How a client introduces itself: built before the clock starts.
pub(super) struct Introduction {
    hello: MaskedFrame,
    /// What makes it a member, once it is connected.
    join: Option<MaskedFrame>,
    speaks_engine_io: bool,
}

impl Introduction {
    /// A user with a token.
    pub(super) fn new(order: &Order, user: &str) -> Result<Self> {
        let hello = match &order.jwt_secret {
            Some(secret) => format!(r#"40{{"token":"{}"}}"#, token(secret, user)?),
            None => user.to_owned(),
        };
        Ok(Self {
            hello: MaskedFrame::text(&hello),
            join: None,
            speaks_engine_io: order.jwt_secret.is_some(),
        })
    }

    /// A guest without a token who joins a session. The bare relay knows a session as a user with many connections.
    pub(super) fn member(order: &Order, session: &str, join: &str) -> Self {
        let speaks_engine_io = order.jwt_secret.is_some();
        let hello = if speaks_engine_io { "40" } else { session };
        Self {
            hello: MaskedFrame::text(hello),
            join: speaks_engine_io.then(|| MaskedFrame::text(join)),
            speaks_engine_io,
        }
    }

    /// A user with a token who joins a conversation.
    pub(super) fn participant(order: &Order, user: &str, join: &str) -> Result<Self> {
        Ok(Self {
            join: Some(MaskedFrame::text(join)),
            ..Self::new(order, user)?
        })
    }
}

/// What proves for an hour that its bearer is `user`.
pub(super) fn token(secret: &str, user: &str) -> Result<String> {
    let expires = jsonwebtoken::get_current_timestamp() + TOKEN_LIFETIME_SECONDS;
    let claims = serde_json::json!({ "userId": user, "username": user, "exp": expires });
    Ok(jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )?)
}

/// Connects and waits until the server has let this user in.
pub(super) async fn connect(
    order: &Order,
    introduction: &Introduction,
) -> Result<(Listener, Speaker)> {
    let stream = TcpStream::connect(order.next_address()?).await?;
    enter(stream, introduction).await
}

/// The same from another address of this machine: each has so many ports.
pub(super) async fn connect_from(
    order: &Order,
    introduction: &Introduction,
    from: Ipv4Addr,
) -> Result<(Listener, Speaker)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(order.next_address()?).await?;
    enter(stream, introduction).await
}

async fn enter(mut stream: TcpStream, introduction: &Introduction) -> Result<(Listener, Speaker)> {
    stream.set_nodelay(true)?;
    let early = websocket::upgrade(&mut stream, PATH).await?;
    let (read, write) = stream.into_split();
    let (mut listener, mut speaker) = (
        Listener {
            half: read,
            frames: FrameReader::new(),
            was_pinged: false,
        },
        Speaker(write),
    );
    if introduction.speaks_engine_io {
        let (mut opened, mut pinged) = (false, false);
        listener.take(&early, |incoming| {
            opened |= incoming == Incoming::Opened;
            pinged |= incoming == Incoming::Ping;
        })?;
        listener.was_pinged = pinged;
        if !opened {
            listener.wait_for(Incoming::Opened).await?;
        }
    }
    speaker.send(introduction.hello.bytes()).await?;
    listener.wait_for(Incoming::Connected).await?;
    if let Some(join) = &introduction.join {
        speaker.send(join.bytes()).await?;
        listener.wait_for(Incoming::Joined).await?;
        // Some servers ping at once, and a large session takes a while to gather: its first members must not be given up.
        if listener.was_pinged {
            speaker.pong().await?;
        }
    }
    Ok((listener, speaker))
}

impl Listener {
    /// Waits for the next bytes and passes on what they mean; the end of the stream is [`Incoming::Closed`].
    pub(super) async fn listen(&mut self, mut on_incoming: impl FnMut(Incoming)) -> Result<()> {
        let Self { half, frames, .. } = self;
        poll_fn(|context| {
            BUFFER.with_borrow_mut(|buffer| {
                let mut bytes = ReadBuf::new(buffer);
                Pin::new(&mut *half)
                    .poll_read(context, &mut bytes)
                    .map(|read| {
                        read?;
                        if bytes.filled().is_empty() {
                            on_incoming(Incoming::Closed);
                        }
                        feed(frames, bytes.filled(), &mut on_incoming)
                    })
            })
        })
        .await
    }

    /// Waits for one certain message. What comes behind it in the same read must not matter.
    pub(super) async fn wait_for(&mut self, wanted: Incoming) -> Result<()> {
        let (mut found, mut closed, mut pinged) = (false, false, false);
        while !found {
            ensure!(
                !closed,
                "the server closed the connection; waited for {wanted:?}"
            );
            let on_incoming = |incoming| {
                found |= incoming == wanted;
                closed |= incoming == Incoming::Closed;
                pinged |= incoming == Incoming::Ping;
            };
            self.listen(on_incoming)
                .await
                .with_context(|| format!("waiting for {wanted:?}"))?;
        }
        self.was_pinged |= pinged;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], mut on_incoming: impl FnMut(Incoming)) -> Result<()> {
        feed(&mut self.frames, bytes, &mut on_incoming)
    }
}

impl Speaker {
    pub(super) async fn send(&mut self, frame: &[u8]) -> Result<()> {
        Ok(self.0.write_all(frame).await?)
    }

    /// Sends at once or not at all: who keeps a schedule must not wait for one connection.
    pub(super) fn send_now(&self, frame: &[u8]) -> Result<()> {
        let sent = self.0.try_write(frame);
        let whole = sent.as_ref().is_ok_and(|sent| *sent == frame.len());
        ensure!(
            whole,
            "the server is too far behind: it no longer reads what is sent"
        );
        Ok(())
    }

    pub(super) fn pong_now(&self) -> Result<()> {
        self.send_now(MaskedFrame::text("3").bytes())
    }

    pub(super) async fn pong(&mut self) -> Result<()> {
        self.send(MaskedFrame::text("3").bytes()).await
    }

    /// Leaves as `socket.disconnect()` does: the namespace, then the WebSocket.
    pub(super) async fn leave(&mut self) -> Result<()> {
        self.send(&farewell()).await
    }

    pub(super) fn leave_now(&self) -> Result<()> {
        self.send_now(&farewell())
    }
}

fn farewell() -> Vec<u8> {
    let mut frames = MaskedFrame::text("41").bytes().to_vec();
    frames.extend(MaskedFrame::new(CLOSE, &1_000_u16.to_be_bytes()).bytes());
    frames
}

/// Answers the pings of a connection that only listens, until it fails.
pub(super) async fn stay(
    mut listener: Listener,
    mut speaker: Speaker,
    mut on_incoming: impl FnMut(Incoming),
) -> Result<()> {
    loop {
        let (mut pinged, mut closed) = (false, false);
        listener
            .listen(|incoming| match incoming {
                Incoming::Ping => pinged = true,
                Incoming::Closed => closed = true,
                incoming => on_incoming(incoming),
            })
            .await?;
        ensure!(!closed, "the server closed a listening connection");
        if pinged {
            speaker.pong().await?;
        }
    }
}

fn feed(
    frames: &mut FrameReader,
    bytes: &[u8],
    on_incoming: &mut impl FnMut(Incoming),
) -> Result<()> {
    frames.feed(bytes, |message| {
        on_incoming(incoming::meaning(&message)?);
        Ok(())
    })
}
