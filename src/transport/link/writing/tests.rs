//! Over a pair of sockets, whose other end reads when the test says so.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::config::Config;
use crate::transport::LinkLimits;
use crate::transport::before_write::BeforeWrite;
use crate::transport::endings::Endings;
use crate::transport::flusher::Flusher;

const TIME: Duration = Duration::from_secs(20);

/// A link that writes frames, its client, and who has to keep the other half.
async fn link() -> (Arc<Link>, TcpStream, tokio::net::tcp::OwnedReadHalf) {
    link_after(&[], 0).await
}

/// The same of one on which these bytes were to be written first, and so many were.
async fn link_after(
    first: &[u8],
    written: usize,
) -> (Arc<Link>, TcpStream, tokio::net::tcp::OwnedReadHalf) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (server, peer) = accepted.unwrap();
    let limits = LinkLimits::from(&Config::default());
    let link = Arc::new(Link::new(peer, limits));
    let (reading, tcp) = server.into_split();
    let shard = Flusher::start().shard();
    let sink = Arc::new(Sink {
        tcp: Writing::Plain(tcp),
        shard,
        endings: Endings::start(),
        before_write: BeforeWrite::new(|| {}),
    });
    link.begin_output(sink, first, written);
    (link, client.unwrap(), reading)
}

fn packet(number: usize, size: usize) -> SocketPacket {
    let payload = format!("{number}:{}", "x".repeat(size));
    SocketPacket::event("e", &payload, size).unwrap()
}

/// The frames of a server, of which none is masked.
async fn next_frame(client: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    let length = match head[1] {
        126 => u64::from(client.read_u16().await.unwrap()),
        127 => client.read_u64().await.unwrap(),
        short => u64::from(short),
    };
    let mut payload = vec![0; length as usize];
    client.read_exact(&mut payload).await.unwrap();
    (head[0], payload)
}

#[tokio::test]
async fn packets_and_frames_of_the_library_are_written_in_the_order_in_which_they_come() {
    let (link, mut client, _reading) = link().await;
    for number in 0..300 {
        link.put_packet(&packet(number, number * 7));
        if number % 10 == 0 {
            let library = [0x81, 3, b'2', b'0' + (number / 100) as u8, b'!'];
            assert!(link.put_frames(&library).is_ready());
        }
    }
    for number in 0..300 {
        let (_, text) = timeout(TIME, next_frame(&mut client)).await.unwrap();
        assert_eq!(text, packet(number, number * 7).text()[..]);
        if number % 10 == 0 {
            let (_, text) = next_frame(&mut client).await;
            assert!(text.starts_with(b"2"));
        }
    }
    assert!(link.is_written());
}

#[tokio::test]
async fn a_client_that_pauses_gets_everything_when_it_goes_on() {
    let (link, mut client, _reading) = link().await;
    let packets: Vec<_> = (0..100).map(|number| packet(number, 100_000)).collect();
    packets.iter().for_each(|packet| link.put_packet(packet));
    while !matches!(link.output.lock().state, State::Blocked) {
        tokio::task::yield_now().await;
    }
    assert!(!link.is_written());
    // The library is held back then.
    link.output.lock().waiting.put(&[0; MAX_WAITING]);
    assert!(link.put_frames(b"\x81\x012").is_pending());
    for packet in &packets {
        let (first, text) = timeout(TIME, next_frame(&mut client)).await.unwrap();
        assert_eq!((first, &text[..]), (0x81, packet.text()));
    }
}

#[tokio::test]
async fn nothing_comes_behind_the_end_of_packets_but_what_the_library_writes() {
    let (link, mut client, _reading) = link().await;
    link.put_packet(&packet(1, 1));
    link.take_packets(false);
    link.put_packet(&packet(2, 1));
    assert!(link.put_frames(b"\x81\x0241").is_ready());
    link.take_packets(true);
    link.put_packet(&packet(3, 1));
    for expected in [packet(1, 1).text(), b"41", packet(3, 1).text()] {
        let (_, text) = timeout(TIME, next_frame(&mut client)).await.unwrap();
        assert_eq!(text, expected[..]);
    }
}

#[tokio::test]
async fn a_client_that_is_gone_fails_who_writes() {
    let (link, client, _reading) = link().await;
    client.set_zero_linger().unwrap();
    drop(client);
    let failed = async {
        while !matches!(link.put_frames(b"\x81\x012"), Poll::Ready(Err(_))) {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIME, failed).await.unwrap();
    link.put_packet(&packet(1, 1));
    assert!(link.is_written());
}

#[tokio::test]
async fn an_administrator_who_does_not_read_has_no_more_waiting_than_a_client() {
    let (link, mut client, _reading) = link().await;
    link.take_packets(false);
    let large = packet(0, 100_000);
    let mut taken = 0;
    timeout(TIME, async {
        while link.put_offered(&large) {
            taken += 1;
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("at some time it is too much");
    let waiting = link.output.lock().waiting.len();
    assert!(waiting < MAX_WAITING + 101_000, "{waiting}");
    for _ in 0..taken {
        let (first, payload) = timeout(TIME, next_frame(&mut client)).await.unwrap();
        assert_eq!((first, payload.len()), (0x81, large.text().len()));
    }
    timeout(TIME, async {
        while !link.put_offered(&packet(1, 1)) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("there is room again");
}

#[tokio::test]
async fn what_is_left_of_the_first_frames_is_written_before_all_else() {
    for written in [0, 1, 5] {
        let (link, mut client, _reading) = link_after(b"\x81\x030{}", written).await;
        link.put_packet(&packet(1, 3));
        let mut first = vec![0; 5 - written];
        client.read_exact(&mut first).await.unwrap();
        assert_eq!(first, b"\x81\x030{}"[written..]);
        assert_eq!(next_frame(&mut client).await.0, 0x81);
        let Output { written, .. } = &*link.output.lock();
        assert!(written.between_messages());
    }
}
