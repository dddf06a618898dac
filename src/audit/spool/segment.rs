//! One file of the spool: frames, appended one after the other.
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

use super::folder::is_in_place;
use super::frame::{self, Next};

/// Bytes read at once: many times the largest record.
const READ_BYTES: u64 = 1024 * 1024;

pub(super) struct Segment {
    pub(super) number: u64,
    path: PathBuf,
    file: Arc<File>,
    /// Bytes of intact frames. A failed write may have left more bytes behind them in the file.
    pub(super) len: u64,
    /// Records that are not settled.
    pub(super) records: u64,
    /// An earlier process has written it.
    is_leftover: bool,
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        Self::with(folder, number, OpenOptions::new().create_new(true))
    }

    pub(super) fn open(folder: &Path, number: u64) -> io::Result<Self> {
        let found = Self::with(folder, number, &mut OpenOptions::new())?;
        Ok(Self {
            is_leftover: true,
            ..found
        })
    }

    fn with(folder: &Path, number: u64, options: &mut OpenOptions) -> io::Result<Self> {
        // As many digits as the largest number has, so that names sort like numbers.
        let path = folder.join(format!("{number:020}.spool"));
        let file = options.read(true).append(true).mode(0o600).open(&path)?;
        Ok(Self {
            number,
            len: file.metadata()?.len(),
            path,
            file: Arc::new(file),
            records: 0,
            is_leftover: false,
        })
    }

    /// Appends frames that hold `records` records: all of them, or none.
    pub(super) fn append(&mut self, frames: &[u8], records: u64) -> io::Result<()> {
        let written = (&*self.file).write_all(frames);
        if written.is_ok() {
            self.len += frames.len() as u64;
            self.records += records;
        } else if self.file.set_len(self.len).is_err() {
            // Reading skips a partial frame.
            self.len = self.file.metadata()?.len();
        }
        written
    }

    /// Empties it.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        Ok(())
    }

    pub(super) fn delete(self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a restart would find it, with all that was written to it.
    pub(super) fn is_in_place(&self) -> bool {
        is_in_place(&self.file, &self.path)
            && self
                .file
                .metadata()
                .is_ok_and(|found| found.len() >= self.len)
    }

    #[cfg(test)]
    pub(super) fn make_read_only(&mut self) {
        self.file = Arc::new(File::open(&self.path).unwrap());
    }

    /// The part behind the offset `from`.
    pub(super) fn unread(&self, from: u64) -> Unread {
        Unread {
            segment: self.number,
            file: Arc::clone(&self.file),
            from,
            to: self.len,
            is_leftover: self.is_leftover,
        }
    }
}

/// A part of a file that can be read while the file grows.
pub(in crate::audit) struct Unread {
    segment: u64,
    file: Arc<File>,
    from: u64,
    to: u64,
    is_leftover: bool,
}

impl Unread {
    /// Reads at most `max` records.
    pub(in crate::audit) fn read(&self, max: usize) -> io::Result<Chunk> {
        let length = READ_BYTES.min(self.to - self.from);
        let mut bytes = vec![0; length as usize];
        // What was cut off is read as damage.
        let mut read = 0;
        while read < bytes.len() {
            match self
                .file
                .read_at(&mut bytes[read..], self.from + read as u64)
            {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let is_end = self.from + length == self.to;
        let mut chunk = Chunk::parse(bytes, max, is_end);
        chunk.origin = Some((self.segment, self.from + chunk.read as u64));
        chunk.is_leftover = self.is_leftover;
        chunk.is_trusted = !self.is_leftover;
        Ok(chunk)
    }

    /// Flushes the file to its disk.
    pub(in crate::audit) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Records that were read together.
pub(in crate::audit) struct Chunk {
    /// The segment, and the offset in it of the next chunk. `None`: it is from memory.
    pub(super) origin: Option<(u64, u64)>,
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
    /// How many of the bytes were parsed.
    read: usize,
    /// Bytes that are not records.
    pub(in crate::audit) damage: usize,
    /// An earlier process has written it: its damage was counted when the spool was opened.
    pub(in crate::audit) is_leftover: bool,
    /// This process has encoded it: it is of no other version.
    pub(in crate::audit) is_trusted: bool,
}

impl Chunk {
    /// Parses at most `max` records of `bytes`, which more bytes follow unless `is_end`.
    fn parse(bytes: Vec<u8>, max: usize, is_end: bool) -> Self {
        let (mut records, mut read, mut damage) = (Vec::new(), 0, 0);
        while read < bytes.len() && records.len() < max {
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
                // Possibly the beginning of a frame whose rest was not read.
                Next::Damage(_) if read > 0 => break,
                Next::Damage(length) => {
                    damage = length.saturating_sub(frame::MAX_LEN);
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
            is_leftover: false,
            is_trusted: false,
        }
    }

    /// The records of frames that never left memory, at most `max`, and the other frames.
    pub(super) fn from_memory(mut frames: Vec<u8>, max: usize) -> (Self, Vec<u8>) {
        let (mut records, mut read) = (Vec::new(), 0);
        while records.len() < max
            && let Some(payload) = frames.get(read..).and_then(frame::first)
        {
            let start = read + frame::HEADER_LEN;
            read = start + payload.len();
            records.push(start..read);
        }
        let rest = frames.split_off(read);
        let chunk = Self {
            origin: None,
            bytes: frames,
            records,
            read,
            damage: 0,
            is_leftover: false,
            is_trusted: true,
        };
        (chunk, rest)
    }

    /// All records of frames that are in no file.
    pub(in crate::audit) fn unspooled(frames: Vec<u8>) -> Self {
        Self::from_memory(frames, usize::MAX).0
    }

    /// Whether they are in memory only.
    pub(in crate::audit) fn is_unspooled(&self) -> bool {
        self.origin.is_none()
    }

    /// The memory that it takes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many records there are.
    pub(in crate::audit) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many bytes of the file it covers.
    pub(in crate::audit) fn bytes_read(&self) -> u64 {
        self.read as u64
    }

    /// The bytes of each record.
    pub(in crate::audit) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|range| &self.bytes[range.clone()])
    }
}
