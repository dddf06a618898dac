//! The file that is imported, as the body of a request: it is read no faster than it is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use tokio::sync::mpsc;

/// How much is read at once.
const PART_BYTES: usize = 64 * 1024;
/// How many such parts wait to be sent.
const PARTS: usize = 4;

/// Opens a file; `-` is standard input.
///
/// # Errors
/// It cannot be opened.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path);
    let file = file.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(file))
}

/// What it has, read by a thread of its own.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn body(
    mut source: Box<dyn Read + Send>,
) -> anyhow::Result<impl Body<Data = Bytes, Error = io::Error> + Send + Sync + 'static> {
    let (sender, mut parts) = mpsc::channel(PARTS);
    let reading = thread::Builder::new().spawn(move || {
        loop {
            let mut part = vec![0; PART_BYTES];
            let read = match source.read(&mut part) {
                Ok(0) => return,
                Ok(read) => {
                    part.truncate(read);
                    Ok(Frame::data(Bytes::from(part)))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = read.is_err();
            // The request is over when nobody takes it.
            if sender.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
    reading.context("cannot start reading")?;
    let parts = stream::poll_fn(move |context| parts.poll_recv(context));
    Ok(StreamBody::new(parts))
}
