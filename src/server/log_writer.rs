//! Writes the lines of the log on a thread of its own.
//!
//! Whoever logs never waits for the reader of the log and never fails with it: a line that cannot be
//! written, or that there is no room for, is counted and forgotten, and the number is written when
//! writing works again. It must not log, nor know the form of a line.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::metrics::process;
use crate::model::name::neutral;

/// Bytes that may wait to be written.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// How long a flush may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The least time between two lines about lost ones while more are lost.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The pause before writing is tried again to what does not wait by itself.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(10);

/// Takes whole lines.
#[derive(Debug, Clone)]
pub(super) struct LogWriter {
    queue: Sender<Item>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    Flush(Sender<()>),
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// Lines that were lost and not reported.
    lost: AtomicU64,
}

impl LogWriter {
    /// Starts the thread, which writes to `out`. `report` makes the line that says how many were lost.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        report: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let output = Output {
            out,
            report,
            counts: counts.clone(),
            reported_at: None,
            is_torn: false,
        };
        thread::Builder::new()
            .name("log".into())
            .spawn(move || output.run(&waiting))?;
        Ok(Self { queue, counts })
    }

    /// Waits until everything is written that was logged before, but not for long.
    pub(super) fn flush(&self) {
        let (written, wait) = mpsc::channel();
        if self.queue.send(Item::Flush(written)).is_ok() {
            // An error is that it took too long.
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl LogWriter {
    /// Takes a line, which is lost if there is no room for it.
    pub(super) fn take(&self, line: &[u8]) {
        let (counts, shown) = (&self.counts, shown(line));
        let size = shown.len();
        let before = counts.waiting.fetch_add(size, Ordering::Relaxed);
        let has_room = before + size <= MAX_WAITING;
        if !has_room || self.queue.send(Item::Line(shown)).is_err() {
            counts.waiting.fetch_sub(size, Ordering::Relaxed);
            counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Write for LogWriter {
    /// Never fails.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.take(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line without characters that a terminal would not show, or that turn others around.
fn shown(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let lines: Vec<_> = text.split('\n').map(|line| neutral(line, '?')).collect();
    lines.join("\n").into_bytes()
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }

    fn make_writer_for(&'a self, line: &tracing::Metadata<'_>) -> Self {
        process::logged(line.level());
        self.clone()
    }
}

/// What the thread has.
struct Output<W, R> {
    out: W,
    report: R,
    counts: Arc<Counts>,
    /// When lost lines were reported last.
    reported_at: Option<Instant>,
    /// The last line was written in part.
    is_torn: bool,
}

impl<W: Write, R: Fn(u64) -> Vec<u8>> Output<W, R> {
    fn run(mut self, items: &Receiver<Item>) {
        for item in items {
            match item {
                Item::Line(line) => self.write_line(&line),
                // Whoever waited may have given up.
                Item::Flush(written) => drop(written.send(())),
            }
        }
    }

    fn write_line(&mut self, line: &[u8]) {
        let waiting = &self.counts.waiting;
        let is_last = waiting.fetch_sub(line.len(), Ordering::Relaxed) == line.len();
        let written = self.report_lost(is_last).and_then(|()| self.write(line));
        if written.is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reports what was lost, if anything was. While more may be lost, not too often.
    fn report_lost(&mut self, at_once: bool) -> io::Result<()> {
        let may_report = self
            .reported_at
            .is_none_or(|at| at.elapsed() >= REPORT_INTERVAL);
        if !(at_once || may_report) {
            return Ok(());
        }
        let lost = self.counts.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return Ok(());
        }
        let report = (self.report)(lost);
        let written = self.write(&report);
        match &written {
            Ok(()) => self.reported_at = Some(Instant::now()),
            Err(_) => drop(self.counts.lost.fetch_add(lost, Ordering::Relaxed)),
        }
        written
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.write_all(b"\n")?;
        }
        self.write_all(line)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.is_torn = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(WOULD_BLOCK_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
