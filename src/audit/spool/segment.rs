//! One file of the spool: frames, one after the other, which only grow in number.
//!
//! Owns reading and writing it. It must not know which of its records are settled.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    ops::Range,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::frame::{self, Next};

/// Bytes read at once: many times the largest record.
const READ: u64 = 1024 * 1024;
/// More than a frame can have.
const FRAME: usize = 128 * 1024;

pub(super) struct Segment {
    pub(super) number: u64,
    path: PathBuf,
    file: Arc<File>,
    /// Bytes of whole frames. A failed write may have left more behind them in the file.
    pub(super) len: u64,
    /// Records that are not settled.
    pub(super) records: u64,
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        Self::with(folder, number, OpenOptions::new().create_new(true))
    }

    pub(super) fn open(folder: &Path, number: u64) -> io::Result<Self> {
        Self::with(folder, number, &mut OpenOptions::new())
    }

    fn with(folder: &Path, number: u64, options: &mut OpenOptions) -> io::Result<Self> {
        // As many digits as any number has: the names sort as the numbers do.
        let path = folder.join(format!("{number:020}.spool"));
        let file = options.read(true).append(true).mode(0o600).open(&path)?;
        Ok(Self {
            number,
            len: file.metadata()?.len(),
            path,
            file: Arc::new(file),
            records: 0,
        })
    }

    /// Appends frames of so many records: all of them, or none that counts.
    pub(super) fn append(&mut self, frames: &[u8], records: u64) -> io::Result<()> {
        let written = (&*self.file).write_all(frames);
        if written.is_ok() {
            self.len += frames.len() as u64;
            self.records += records;
        } else if self.file.set_len(self.len).is_err() {
            // Reading passes over a part of a frame.
            self.len = self.file.metadata()?.len();
        }
        written
    }

    /// Leaves it empty.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        Ok(())
    }

    pub(super) fn delete(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = Arc::new(file);
    }

    /// What follows `from`.
    pub(super) fn unread(&self, from: u64) -> Unread {
        Unread {
            segment: self.number,
            file: Arc::clone(&self.file),
            from,
            to: self.len,
        }
    }
}

/// A part of a file that can be read while the file grows.
pub(in crate::audit) struct Unread {
    segment: u64,
    file: Arc<File>,
    from: u64,
    to: u64,
}

impl Unread {
    /// Reads at most `most` records.
    pub(in crate::audit) fn read(&self, most: usize) -> io::Result<Chunk> {
        let length = READ.min(self.to - self.from);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, self.from)?;
        let is_end = self.from + length == self.to;
        let mut chunk = Chunk::of(bytes, most, is_end);
        chunk.origin = Some((self.segment, self.from + chunk.read as u64));
        Ok(chunk)
    }

    /// Has the system write the file to its disk.
    pub(in crate::audit) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Records that were read together.
pub(in crate::audit) struct Chunk {
    /// The segment, and where in it the next chunk begins. `None`: it never was in a file.
    pub(super) origin: Option<(u64, u64)>,
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
    /// How many of the bytes were looked at.
    read: usize,
    /// Bytes that are no records.
    pub(in crate::audit) damage: usize,
}

impl Chunk {
    /// Reads at most `most` records of some frames, after which there are more bytes unless it
    /// `is_end`.
    fn of(bytes: Vec<u8>, most: usize, is_end: bool) -> Self {
        let (mut records, mut read, mut damage) = (Vec::new(), 0, 0);
        while read < bytes.len() && records.len() < most {
            match frame::next(&bytes[read..]) {
                Next::Frame { payload, end } => {
                    let start = read + end - payload.len();
                    records.push(start..start + payload.len());
                    read += end;
                }
                Next::Damage(length) if is_end || read + length < bytes.len() => {
                    damage += length;
                    read += length;
                }
                // Perhaps a frame that goes on behind what was read.
                Next::Damage(_) if read > 0 => break,
                Next::Damage(length) => {
                    damage = length.saturating_sub(FRAME);
                    read = damage;
                    break;
                }
            }
        }
        Self {
            origin: None,
            bytes,
            records,
            read,
            damage,
        }
    }

    /// All of some frames that never were in a file.
    pub(in crate::audit) fn of_memory(frames: Vec<u8>) -> Self {
        Self::of(frames, usize::MAX, true)
    }

    /// Whether it never was in a file.
    pub(in crate::audit) fn is_of_memory(&self) -> bool {
        self.origin.is_none()
    }

    /// How many records there are.
    pub(in crate::audit) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many bytes it takes in its file.
    pub(in crate::audit) fn bytes_read(&self) -> u64 {
        self.read as u64
    }

    /// What the records hold.
    pub(in crate::audit) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|range| &self.bytes[range.clone()])
    }
}
