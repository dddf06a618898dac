//! What is posted: Base64 as Node.js reads it, packets that mean nothing, and order.

use crate::program::server;
use test_support::raw::Client;
use test_support::raw::polling::Polling;
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn base64_is_read_as_node_reads_it() {
    let mut relay = server(&[]);
    let mut alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    let event = r#"451-["send_message",{"recipientId":"alice","ciphertext":{"_placeholder":true,"num":0},"iv":"i","tag":"t","seq":1}]"#;
    for written in ["bAQIDBA==", "bAQIDBA==\n", "bAQIDBA", "bAQ ID\r\nBA=="] {
        let posted = bob.post(format!("{event}\x1e{written}").as_bytes()).await;
        assert_eq!(
            (posted.status, &posted.body[..]),
            (200, "ok"),
            "{written:?}"
        );
        let received = alice.event("receive_message").await;
        assert_eq!(received.attachments, [&[1, 2, 3, 4][..]], "{written:?}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_means_nothing_changes_nothing_and_what_is_no_packet_ends_the_session() {
    let mut relay = server(&[]);
    let bob = Polling::connect(&relay, "bob").await;
    assert_eq!(bob.post(b"6\x1e3\x1e2").await.body, "ok");
    assert_eq!(bob.post(b"9").await.status, 400);
    assert_eq!(bob.post(b"3").await.status, 400);
    stop(&mut relay);
}
