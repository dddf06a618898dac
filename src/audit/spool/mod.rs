//! Records on their way to the store, in files of the data folder, where the end of this process does
//! not reach them.
//!
//! Owns the files: `<data folder>/spool/<number>.spool`, the oldest first, removed when all in them is
//! settled. Written through the system's page cache: a kill loses nothing, a power failure perhaps the
//! last seconds. Not mapped into memory: a full disk is then an error, and not the end of the process.
//! It must not know what a record holds, nor decide what to do when it is full.

mod frame;
mod segment;

use std::{
    collections::VecDeque,
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use segment::Segment;
pub(super) use segment::{Chunk, Unread};

pub(super) use frame::push as push_frame;

/// Bytes in one file; an eighth of the limit when that is less.
const SEGMENT: u64 = 16 * 1024 * 1024;
/// Records looked at together when a spool is opened.
const COUNTED: usize = 65_536;

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
}

/// The files of one folder.
pub(super) struct Spool {
    folder: PathBuf,
    /// Oldest first. Never empty: the last one is written to.
    segments: VecDeque<Segment>,
    /// How far the first one is settled.
    settled: u64,
    /// Bytes that the files may have together.
    limit: u64,
    /// Held while this lives, or until it is given up.
    lock: File,
}

/// What an opened spool holds.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) records: u64,
    /// Bytes that are no records.
    pub(super) damage: u64,
}

impl Spool {
    /// Opens `folder`, made when missing.
    pub(super) fn open(folder: &Path, limit: u64) -> Result<(Self, Left), SpoolError> {
        let failed = |source| SpoolError::Io {
            path: folder.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        let lock = lock(folder)?;
        let mut spool = Self {
            folder: folder.to_owned(),
            segments: VecDeque::new(),
            settled: 0,
            limit,
            lock,
        };
        let left = spool.read_what_is_left().map_err(failed)?;
        spool.add_segment().map_err(failed)?;
        Ok((spool, left))
    }

    /// Lets another open the folder. To be the last that is done.
    pub(super) fn give_up(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the audit's spool could not be unlocked");
        }
    }

    fn read_what_is_left(&mut self) -> io::Result<Left> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".spool"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let mut left = Left::default();
        for number in numbers {
            let mut segment = Segment::open(&self.folder, number)?;
            left.damage += count(&mut segment)?;
            left.records += segment.records;
            match segment.records {
                0 => segment.delete()?,
                _ => self.segments.push_back(segment),
            }
        }
        Ok(left)
    }

    fn add_segment(&mut self) -> io::Result<()> {
        let number = self.segments.back().map_or(1, |last| last.number + 1);
        let segment = Segment::create(&self.folder, number)?;
        self.segments.push_back(segment);
        Ok(())
    }

    /// Appends frames of so many records, all or none.
    pub(super) fn append(&mut self, frames: &[u8], records: u64) -> io::Result<()> {
        let most = SEGMENT.min(self.limit / 8);
        if self.segments.back().is_none_or(|last| last.len >= most) {
            self.add_segment()?;
        }
        self.segments
            .back_mut()
            .map_or(Ok(()), |last| last.append(frames, records))
    }

    /// Whether so many bytes more are more than it may have.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.len() + more as u64 > self.limit
    }

    /// Bytes of all files.
    pub(super) fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// Drops the oldest file, and says how many records it had that were not settled.
    pub(super) fn drop_oldest(&mut self) -> io::Result<u64> {
        if self.segments.len() == 1 {
            self.add_segment()?;
        }
        self.settled = 0;
        match self.segments.pop_front() {
            Some(oldest) => {
                let records = oldest.records;
                oldest.delete().map(|()| records)
            }
            None => Ok(0),
        }
    }

    /// What is not settled, or the beginning of it. `None`: all is.
    pub(super) fn unread(&self) -> Option<Unread> {
        let first = self.segments.front()?;
        (self.settled < first.len).then(|| first.unread(self.settled))
    }

    /// What the newest file holds.
    pub(super) fn newest(&self) -> Option<Unread> {
        self.segments.back().map(|last| last.unread(0))
    }

    /// Settles what a chunk held, and says how many records of it were still here.
    pub(super) fn settle(&mut self, chunk: &Chunk) -> u64 {
        let (Some((number, end)), Some(first)) = (chunk.origin, self.segments.front_mut()) else {
            return 0;
        };
        if first.number != number {
            return 0;
        }
        let records = (chunk.len() as u64).min(first.records);
        first.records -= records;
        self.settled = end;
        if end == first.len
            && let Err(error) = self.leave_first()
        {
            // What is settled twice is written twice, which changes nothing.
            tracing::warn!(%error, "a file of the audit's spool could not be removed");
        }
        records
    }

    /// Frees the first file, in which all is settled.
    fn leave_first(&mut self) -> io::Result<()> {
        if self.segments.len() == 1 {
            if let Some(only) = self.segments.front_mut() {
                only.clear()?;
            }
            self.settled = 0;
            return Ok(());
        }
        self.settled = 0;
        self.segments.pop_front().map_or(Ok(()), Segment::delete)
    }
}

/// Counts the records of a file into it; the bytes that are none.
fn count(segment: &mut Segment) -> io::Result<u64> {
    let (mut from, mut damage) = (0, 0);
    while from < segment.len {
        let chunk = segment.unread(from).read(COUNTED)?;
        segment.records += chunk.len() as u64;
        damage += chunk.damage as u64;
        from = chunk.origin.map_or(segment.len, |(_, end)| end);
    }
    Ok(damage)
}

/// Two processes would write and remove each other's files.
fn lock(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let failed = |source| SpoolError::Io {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(SpoolError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests;
