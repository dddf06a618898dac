//! The handshake of a TLS session. What it computes is done apart from the threads that relay events, by few at a time, so
//! that a flood of handshakes makes handshakes slower and nothing else. Whoever waits for it has a deadline.

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::sending::Sending;
use super::{Arrived, Session, TlsReading, TlsWriting, wrong};
use crate::limits::Fixed;

/// How many handshakes are computed at one time: by half of the processors.
static COMPUTED: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((processors / 2).max(1))
});

/// Waits until a client has shaken hands.
pub(in crate::transport) async fn accept(
    (from_client, to_client): (OwnedReadHalf, OwnedWriteHalf),
    server: Arc<ServerConfig>,
    memory: Fixed,
) -> io::Result<(TlsReading, TlsWriting)> {
    let tls = ServerConnection::new(server).map_err(wrong)?;
    let mut sending = Sending::new(tls);
    let tcp = from_client.as_ref();
    while sending.tls.is_handshaking() {
        send(&mut sending, tcp).await?;
        if sending.tls.is_handshaking() {
            receive(&mut sending, tcp).await?;
            sending = compute(sending, tcp).await?;
        }
    }
    // The last of it may go with the first answer.
    sending.flush(tcp)?;
    let session = Arc::new(Session {
        sending: sending.into(),
        _memory: memory,
    });
    let reading = TlsReading {
        tcp: from_client,
        session: session.clone(),
    };
    let tcp = to_client;
    Ok((reading, TlsWriting { tcp, session }))
}

async fn send(sending: &mut Sending, tcp: &TcpStream) -> io::Result<()> {
    while !sending.flush(tcp)? {
        tcp.writable().await?;
    }
    Ok(())
}

async fn receive(sending: &mut Sending, tcp: &TcpStream) -> io::Result<()> {
    loop {
        match sending.tls.read_tls(&mut Arrived(tcp)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tcp.readable().await?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Does what follows from what has arrived.
async fn compute(mut sending: Sending, tcp: &TcpStream) -> io::Result<Sending> {
    let permit = COMPUTED.acquire().await.map_err(io::Error::other)?;
    let computed = spawn_blocking(move || {
        let _permit = permit;
        let processed = sending.tls.process_new_packets();
        (sending, processed.map(drop))
    });
    let (mut sending, processed) = computed.await?;
    if let Err(error) = processed {
        // It is told why, if it takes that now.
        sending.flush(tcp)?;
        return Err(wrong(error));
    }
    Ok(sending)
}
