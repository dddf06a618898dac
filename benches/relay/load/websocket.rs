//! The least of a WebSocket client: the opening handshake, masked frames built once and patched in place, and a reader
//! that keeps only the first bytes of each message. It knows nothing of Socket.IO, and takes no fragmented messages:
//! none of the measured servers sends any.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Any four bytes do; a fixed mask lets a frame be patched without building it anew.
const MASK: [u8; 4] = [0x5c, 0xa3, 0x1e, 0x97];

/// Bytes retained of each message.
const PREFIX: usize = 128;

/// Asks for the upgrade and waits for it. Returns the frames that came right behind the answer.
pub(super) async fn upgrade(stream: &mut TcpStream, path: &str) -> Result<Vec<u8>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(
            stream.read_buf(&mut answer).await? > 0,
            "closed during the WebSocket handshake"
        );
    };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).into_owned();
    ensure!(
        head.starts_with("HTTP/1.1 101"),
        "no WebSocket: {}",
        head.lines().next().unwrap_or_default()
    );
    Ok(answer.split_off(end))
}

/// A frame ready to be sent, again and again.
pub(super) struct MaskedFrame {
    bytes: Vec<u8>,
    payload_at: usize,
}

impl MaskedFrame {
    pub(super) fn new(opcode: u8, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(payload.len() + 14);
        bytes.push(FIN | opcode);
        if let Ok(short @ 0..=125) = u8::try_from(payload.len()) {
            bytes.push(MASKED | short);
        } else if let Ok(medium) = u16::try_from(payload.len()) {
            bytes.push(MASKED | 126);
            bytes.extend(medium.to_be_bytes());
        } else {
            bytes.push(MASKED | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
        bytes.extend(MASK);
        let payload_at = bytes.len();
        bytes.extend(
            payload
                .iter()
                .zip(MASK.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        Self { bytes, payload_at }
    }

    pub(super) fn text(payload: &str) -> Self {
        Self::new(TEXT, payload.as_bytes())
    }

    /// Replaces as many payload bytes as `text` has, from `at` on.
    pub(super) fn patch(&mut self, at: usize, text: &str) {
        let place = self.bytes.iter_mut().skip(self.payload_at + at);
        let masks = MASK.iter().cycle().skip(at % MASK.len());
        for ((byte, new), mask) in place.zip(text.bytes()).zip(masks) {
            *byte = new ^ mask;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A received message.
pub(super) struct Message<'a> {
    pub opcode: u8,
    /// Its first bytes.
    pub prefix: &'a [u8],
    /// Bytes of the whole payload.
    pub len: u64,
}

/// Splits what a server sends into messages.
pub(super) struct FrameReader {
    header: [u8; 10],
    header_len: usize,
    prefix: [u8; PREFIX],
    prefix_len: usize,
    len: u64,
    left: u64,
}

impl FrameReader {
    pub(super) fn new() -> Self {
        Self {
            header: [0; 10],
            header_len: 0,
            prefix: [0; PREFIX],
            prefix_len: 0,
            len: 0,
            left: 0,
        }
    }

    /// Takes the next bytes of the stream and calls `on_message` for every message that ends in them.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_message: impl FnMut(Message<'_>) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            if self.left == 0 {
                bytes = self.take_header(bytes)?;
                if self.header_len > 0 && self.left == 0 && self.header_is_whole() {
                    self.finish(&mut on_message)?;
                }
            } else {
                bytes = self.take_payload(bytes);
                if self.left == 0 {
                    self.finish(&mut on_message)?;
                }
            }
        }
        Ok(())
    }

    fn take_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let (first, rest) = bytes.split_first().context("no bytes")?;
        *self
            .header
            .get_mut(self.header_len)
            .context("header too long")? = *first;
        self.header_len += 1;
        if self.header_is_whole() {
            ensure!(
                self.header[1] & MASKED == 0,
                "the server sent a masked frame"
            );
            ensure!(
                self.header[0] & 0xf0 == FIN && self.opcode() != 0,
                "the server sent a fragmented or compressed message"
            );
            self.left = self.announced_len();
            self.len = self.left;
        }
        Ok(rest)
    }

    fn take_payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let taken = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (payload, rest) = bytes.split_at(taken);
        let retained = taken.min(PREFIX - self.prefix_len);
        self.prefix[self.prefix_len..self.prefix_len + retained]
            .copy_from_slice(&payload[..retained]);
        self.prefix_len += retained;
        self.left -= taken as u64;
        rest
    }

    fn finish(&mut self, on_message: &mut impl FnMut(Message<'_>) -> Result<()>) -> Result<()> {
        let opcode = self.opcode();
        let prefix = &self.prefix[..self.prefix_len];
        on_message(Message {
            opcode,
            prefix,
            len: self.len,
        })?;
        self.header_len = 0;
        self.prefix_len = 0;
        Ok(())
    }

    fn opcode(&self) -> u8 {
        self.header[0] & 0x0f
    }

    fn header_is_whole(&self) -> bool {
        let whole = match self.header[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        self.header_len >= 2 && self.header_len == whole
    }

    fn announced_len(&self) -> u64 {
        let [_, short, a, b, c, d, e, f, g, h] = self.header;
        match short & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            len => u64::from(len),
        }
    }
}

/// For a payload that must not be what it is.
pub(super) fn refuse<T>(message: &Message<'_>) -> Result<T> {
    bail!(
        "the server sent {}",
        String::from_utf8_lossy(message.prefix)
    )
}
