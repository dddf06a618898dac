//! The end of a connection whose client is told why, and still sends: as long as something of it is not read, closing makes
//! the kernel throw away what it was told. It must not keep anything of what comes.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// How long the client may go on sending.
const TIME: Duration = Duration::from_secs(2);
/// And how many bytes.
const MOST: u64 = 64 * 1024 * 1024;

/// Closes the connection once its client has, or has sent too much or for too long. Until then `counted` is kept.
pub(super) fn linger(tcp: &TcpStream, counted: impl Send + 'static) -> io::Result<()> {
    // The stream itself is being dropped.
    let tcp = std::net::TcpStream::from(tcp.as_fd().try_clone_to_owned()?);
    tcp.shutdown(Shutdown::Write)?;
    tokio::spawn(async move {
        // However it ends, nobody is left to be told.
        let ended = tokio::time::timeout(TIME, skip(tcp)).await;
        tracing::trace!(?ended, "a client was left time to hear why");
        drop(counted);
    });
    Ok(())
}

async fn skip(tcp: std::net::TcpStream) -> io::Result<u64> {
    let mut rest = TcpStream::from_std(tcp)?.take(MOST);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
}
