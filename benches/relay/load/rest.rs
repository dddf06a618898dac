//! One REST request on a connection of its own. It knows of HTTP only what that takes.

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Order;

/// Makes something as the bearer of a token. Anything but `201 Created` is an error.
pub(super) async fn create(
    order: &Order,
    path: &str,
    token: &str,
    body: &serde_json::Value,
) -> Result<()> {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = order.addresses.first().context("no server")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    ensure!(
        answer.starts_with(b"HTTP/1.1 201 "),
        "POST {path}: {}",
        summary(&answer)
    );
    Ok(())
}

/// The first line and the last, which is the body.
fn summary(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let (first, last) = (text.lines().next(), text.lines().last());
    format!(
        "{} {}",
        first.unwrap_or("no answer"),
        last.unwrap_or_default()
    )
}
