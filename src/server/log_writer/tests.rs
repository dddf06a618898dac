use std::sync::mpsc::{SyncSender, sync_channel};

use parking_lot::Mutex;

use super::*;

/// What the log is written to: a disk that may be full.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    /// Bytes that it takes before it is full.
    room: Option<usize>,
}

impl Disk {
    fn has_room_for(&self, bytes: Option<usize>) {
        self.0.lock().room = bytes;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().written.clone()).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let taken = bytes.len().min(state.room.unwrap_or(usize::MAX));
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.room = state.room.map(|room| room - taken);
        state.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn report(lost: u64) -> Vec<u8> {
    format!("lost {lost}\n").into_bytes()
}

fn log(writer: &LogWriter, line: &str) {
    writer
        .clone()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_reported_once_when_writing_works_again() {
    let disk = Disk::default();
    let writer = LogWriter::start(disk.clone(), report).unwrap();
    log(&writer, "one");
    writer.flush();
    disk.has_room_for(Some(0));
    (0..5).for_each(|_| log(&writer, "lost"));
    writer.flush();
    disk.has_room_for(None);
    log(&writer, "two");
    log(&writer, "three");
    writer.flush();
    assert_eq!(disk.text(), "one\nlost 5\ntwo\nthree\n");
}

#[test]
fn a_line_that_was_written_in_part_does_not_run_into_the_next() {
    let disk = Disk::default();
    let writer = LogWriter::start(disk.clone(), report).unwrap();
    disk.has_room_for(Some(3));
    log(&writer, "torn");
    writer.flush();
    disk.has_room_for(None);
    log(&writer, "whole");
    writer.flush();
    assert_eq!(disk.text(), "tor\nlost 1\nwhole\n");
}

/// A pipe whose reader takes a line when it is asked to.
struct Pipe(SyncSender<Vec<u8>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_hangs_delays_nobody_and_costs_no_more_than_its_lines() {
    let (pipe, reader) = sync_channel(0);
    let writer = LogWriter::start(Pipe(pipe), report).unwrap();
    let line = "x".repeat(64 * 1024 - 1);
    let start = Instant::now();
    // Some 13 MB, of which 4 MiB may wait.
    (0..200).for_each(|_| log(&writer, &line));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(writer.counts.waiting.load(Ordering::Relaxed) <= MAX_WAITING);
    let start = Instant::now();
    writer.flush();
    assert!(start.elapsed() < 3 * FLUSH_TIMEOUT, "{:?}", start.elapsed());

    let mut lines: Vec<Vec<u8>> = Vec::new();
    let read = || reader.recv_timeout(Duration::from_secs(20)).unwrap();
    while writer.counts.waiting.load(Ordering::Relaxed) > 0 {
        lines.push(read());
    }
    log(&writer, "last");
    while lines.last().is_none_or(|line| !line.starts_with(b"last")) {
        lines.push(read());
    }
    let reports = lines.iter().filter_map(|line| {
        let text = std::str::from_utf8(line).unwrap();
        text.strip_prefix("lost ")?.trim().parse::<usize>().ok()
    });
    let (lost, written) = (
        reports.sum::<usize>(),
        lines.iter().filter(|line| line[0] == b'x').count(),
    );
    assert_eq!(lost + written, 200);
    assert!(lost > 100, "{lost}");
}
