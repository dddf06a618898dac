//! What a load balancer says in front of a connection that it passes on: the PROXY protocol, versions 1 and 2. It must
//! not decide who is believed.

use std::io;
use std::net::SocketAddr;

use ppp::{v1, v2};
use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;

/// Bytes of the longest line of version 1.
const LONGEST_LINE: usize = 107;
/// Bytes behind the head of version 2 that are read; a balancer adds some hundred at most.
const LONGEST_REST: usize = 4096;
/// Bytes of the head of version 2; no line of version 1 is shorter than the first 12 of them.
const HEAD: usize = 16;
const FIRST: usize = v2::PROTOCOL_PREFIX.len();

/// Reads it, and nothing behind it: where the connection comes from. `None`: from who sends it, as when a balancer looks
/// whether the relay is there.
pub(super) async fn read(from: &mut OwnedReadHalf) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; FIRST];
    from.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        read_head(from, &mut header).await?;
        return of_binary(&header);
    }
    if !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        return Err(wrong());
    }
    while !header.ends_with(b"\r\n") {
        if header.len() >= LONGEST_LINE {
            return Err(wrong());
        }
        header.push(from.read_u8().await?);
    }
    of_line(&header)
}

async fn read_head(from: &mut OwnedReadHalf, header: &mut Vec<u8>) -> io::Result<()> {
    header.resize(HEAD, 0);
    from.read_exact(&mut header[FIRST..]).await?;
    let rest = usize::from(u16::from_be_bytes([header[HEAD - 2], header[HEAD - 1]]));
    if rest > LONGEST_REST {
        return Err(wrong());
    }
    header.resize(HEAD + rest, 0);
    from.read_exact(&mut header[HEAD..]).await?;
    Ok(())
}

fn of_binary(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let header = v2::Header::try_from(header).map_err(|_| wrong())?;
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    match (header.protocol, header.addresses) {
        (v2::Protocol::Stream, v2::Addresses::IPv4(of)) => {
            Ok(Some((of.source_address, of.source_port).into()))
        }
        (v2::Protocol::Stream, v2::Addresses::IPv6(of)) => {
            Ok(Some((of.source_address, of.source_port).into()))
        }
        // The address of who sends it is all that is known.
        (_, v2::Addresses::Unspecified) => Ok(None),
        _ => Err(wrong()),
    }
}

fn of_line(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let header = v1::Header::try_from(header).map_err(|_| wrong())?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(of) => Some((of.source_address, of.source_port).into()),
        v1::Addresses::Tcp6(of) => Some((of.source_address, of.source_port).into()),
        v1::Addresses::Unknown => None,
    })
}

fn wrong() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it does not begin with a PROXY header",
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What is read of these bytes, and what is left behind it.
    async fn read_of(bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let (mut from, _to) = listener.accept().await.unwrap().0.into_split();
        let read = read(&mut from).await;
        let mut left = Vec::new();
        from.read_to_end(&mut left).await.unwrap();
        (read, left)
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [
            v2::PROTOCOL_PREFIX,
            &[0x20 | command, family],
            &length,
            rest,
        ]
        .concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 1, 187];

    #[tokio::test]
    async fn the_address_is_read_and_nothing_behind_it() {
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 9;
        for (header, expected) in [
            (
                &b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n"[..],
                Some("192.0.2.7:12345"),
            ),
            (
                &b"PROXY TCP6 2001:db8::7 ::1 12345 443\r\n"[..],
                Some("[2001:db8::7]:12345"),
            ),
            (&b"PROXY UNKNOWN\r\n"[..], None),
            (&b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n"[..], None),
            (&binary(1, 0x11, &V4)[..], Some("192.0.2.7:12345")),
            (
                &binary(1, 0x11, &[&V4[..], &[4, 0, 1, 42]].concat())[..],
                Some("192.0.2.7:12345"),
            ),
            (&binary(1, 0x21, &v6)[..], Some("[::1]:9")),
            (&binary(0, 0x11, &V4)[..], None),
            (&binary(1, 0, &[])[..], None),
        ] {
            let (read, left) = read_of(&[header, b"GET /"].concat()).await;
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(
                (read.unwrap(), &left[..]),
                (expected, &b"GET /"[..]),
                "{header:?}"
            );
        }
    }

    #[tokio::test]
    async fn anything_else_is_wrong() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200], b"\r\n"].concat();
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"",
            b"PROXY TCP4 192.0.2.7",
            b"PROXY TCP4 192.0.2.700 10.0.0.1 1 2\r\n",
            b"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
            b"proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
            &long[..],
            &binary(1, 0x12, &V4)[..],
            &binary(1, 0x31, &[1; 216])[..],
            &binary(2, 0x11, &V4)[..],
            &binary(1, 0x11, &V4[..11])[..],
            &binary(1, 0x11, &vec![0; 5000])[..],
            v2::PROTOCOL_PREFIX,
        ] {
            assert!(read_of(bytes).await.0.is_err(), "{bytes:?}");
        }
    }
}
