//! Connections that do nothing, and what is kept for each of them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::relay::{Client, start};

/// Connections before those that count: they make what is there once.
const FIRST: usize = 40;
const CONNECTIONS: usize = 400;
/// Bytes of the heap for each of them, as they are asked for.
const MOST: f64 = 9_800.0;

#[test]
fn an_idle_connection() {
    let counted = super::counted();
    let data = tempfile::tempdir().unwrap();
    let port = start(data.path());
    let connect = |number| Client::connect(port, &format!("idle-{number}"));
    let mut clients: Vec<Client> = Vec::with_capacity(FIRST + CONNECTIONS);
    clients.extend((0..FIRST).map(connect));
    let before = at_rest();
    clients.extend((FIRST..FIRST + CONNECTIONS).map(connect));
    let each = (at_rest() as f64 - before as f64) / CONNECTIONS as f64;
    println!("{each:.0} bytes for an idle connection");
    drop(counted); // a profile has them
    assert!(each <= MOST, "{each:.0} bytes for an idle connection");
}

/// Bytes of the heap, once they have not changed for a second but for what is done now and then.
fn at_rest() -> usize {
    const STEADY: Duration = Duration::from_secs(1);
    const LITTLE: usize = 2048;
    let (mut bytes, mut since) = (0, Instant::now());
    let begun = Instant::now();
    while since.elapsed() < STEADY {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it does not rest"
        );
        let now = dhat::HeapStats::get().curr_bytes;
        if now.abs_diff(bytes) > LITTLE {
            (bytes, since) = (now, Instant::now());
        }
        sleep(Duration::from_millis(10));
    }
    bytes
}
