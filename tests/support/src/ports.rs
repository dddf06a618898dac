//! Ports for servers that are started again where they were.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that a system hands out by itself: while a server is down, no connection of another test
/// gets its port.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// A port that nobody listens on, and that no one else in this process was given.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Tests of other processes begin elsewhere.
    let start = std::process::id().wrapping_mul(7_919);
    loop {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        assert!(given < COUNT, "no port is free");
        let port = FIRST + start.wrapping_add(given) % COUNT;
        let port = u16::try_from(port).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
