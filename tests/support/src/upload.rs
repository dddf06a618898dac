//! Uploads of large files, for receivers that read slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use crate::raw::{Event, Reader, Writer};
use crate::scene::chunk;

/// The bytes of one chunk.
pub const MEGABYTE: usize = 1_000_000;

/// The JSON text of one chunk.
pub fn data() -> String {
    format!("\"{}\"", "x".repeat(MEGABYTE))
}

/// Sends all chunks of a file at once, as deployed clients do.
pub fn upload(writer: Writer, to: &str, chunks: usize) -> JoinHandle<()> {
    let to = to.to_owned();
    tokio::spawn(async move {
        let data = data();
        for number in 0..chunks {
            writer
                .emit(
                    "send_file_chunk",
                    &chunk(&to, "file", number, chunks, &data),
                )
                .await
                .unwrap();
        }
    })
}

/// Reads the confirmations of an upload, in order; their number so far can be asked for.
pub fn confirmations(mut reader: Reader, chunks: usize) -> (JoinHandle<Reader>, Arc<AtomicUsize>) {
    let confirmed = Arc::new(AtomicUsize::new(0));
    let count = confirmed.clone();
    let reading = tokio::spawn(async move {
        while count.load(Ordering::SeqCst) < chunks {
            let Ok(packet) = reader.packet_whenever().await else {
                break;
            };
            let Some(event) = Event::parse(&packet) else {
                continue;
            };
            assert!(event.name != "file:error", "{}", event.text);
            if event.name == "file:chunk-sent" {
                assert_eq!(
                    event.number("chunkNumber"),
                    count.load(Ordering::SeqCst) as u64
                );
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
        reader
    });
    (reading, confirmed)
}

/// The next chunks must have exactly these numbers, and be whole.
pub async fn receive(reader: &mut Reader, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let received = reader.event("receive_file_chunk").await;
        assert_eq!(received.number("chunkNumber"), number as u64);
        assert_eq!(received.raw("encryptedData").len(), MEGABYTE + 2);
    }
}
