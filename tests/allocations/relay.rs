//! The relay in this process, and clients of it that allocate nothing while they send and receive. It must not count.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sealed_relay::{Config, Sources, jwt_secret};
use test_support::harness::JWT_SECRET;
use test_support::ports::free_port;
use test_support::raw::socket::{FIN, TEXT, frame};
use test_support::raw::token;

const DEADLINE: Duration = Duration::from_secs(20);

/// A client that has entered.
pub(super) struct Client(TcpStream);

impl Client {
    pub(super) fn connect(port: u16, user: &str) -> Self {
        let begun = Instant::now();
        let tcp = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(tcp) => break tcp,
                Err(error) => assert!(begun.elapsed() < DEADLINE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(10)); // it is being started
        };
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut client = Self(tcp);
        client.send(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        let enter = format!("40{{\"token\":\"{}\"}}", token::for_user(user));
        client.send(&frame(FIN | TEXT, enter.as_bytes()));
        client.until(b"auth:success");
        client
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads until these bytes have come, which are in one frame.
    pub(super) fn until(&mut self, wanted: &[u8]) {
        let (mut buffer, mut filled) = ([0; 8192], 0);
        while !buffer[..filled]
            .windows(wanted.len())
            .any(|part| part == wanted)
        {
            let read = self.0.read(&mut buffer[filled..]).unwrap();
            assert_ne!(read, 0, "closed");
            filled += read;
        }
    }
}

pub(super) fn start(data: &std::path::Path) -> u16 {
    let port = free_port();
    let settings = [
        ("HOST", "127.0.0.1"),
        ("PORT", &port.to_string()),
        ("DATA_DIR", data.to_str().unwrap()),
        ("JWT_SECRET", JWT_SECRET),
        ("DIALECTS", "direct"),
        ("RATE_LIMITS", "off"),
        ("PRESENCE_AUDIENCE", "peers"),
        ("MAX_CONNECTIONS_PER_IP", "100000"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(&Sources {
        env: settings.into(),
        ..Sources::default()
    });
    let config = config.unwrap();
    let (secret, _) = jwt_secret(&config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // It ends with the process.
    std::thread::spawn(move || {
        runtime.block_on(sealed_relay::run(
            config,
            Some(secret),
            Box::new(Sources::default),
        ))
    });
    port
}
