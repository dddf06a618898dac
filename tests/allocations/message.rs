//! A message that is only relayed. Its clients allocate nothing while it is counted.

use test_support::raw::socket::{FIN, TEXT, frame};
use test_support::scene::message;

use super::relay::{Client, start};

const MESSAGES: u64 = 200;
/// Allocations of one message, with its confirmation and its record.
const MOST: f64 = 12.0;

#[test]
fn a_message() {
    let _counted = super::counted();
    let data = tempfile::tempdir().unwrap();
    let port = start(data.path());
    let (mut alice, mut bob) = (Client::connect(port, "alice"), Client::connect(port, "bob"));
    let packet = format!("42[\"send_message\",{}]", message("bob", 7));
    let packet = frame(FIN | TEXT, packet.as_bytes());
    let mut before = 0;
    // The first makes them peers, and fills what is kept.
    for number in 0..2 * MESSAGES {
        if number == MESSAGES {
            before = dhat::HeapStats::get().total_blocks;
        }
        alice.send(&packet);
        bob.until(b"receive_message");
        alice.until(b"message:sent");
    }
    let made = dhat::HeapStats::get().total_blocks - before;
    let each = made as f64 / MESSAGES as f64;
    println!("{each:.1} allocations for a message");
    assert!(each <= MOST, "{each:.1} allocations for a message");
}
