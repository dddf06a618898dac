//! The spool: records on their way to the store, in files of the data folder, so that they survive
//! the end of this process.
//!
//! Owns the files `<data folder>/spool/<number>.spool`, oldest first; a file is removed when all of
//! its records are settled. They are written through the page cache: a kill loses nothing, a power
//! failure may lose the last seconds. They are not mapped into memory, because a full disk would then
//! end the process instead of returning an error. A spool whose files or folder are gone, or that the
//! disk had no room for at the start, is begun anew. It must not know what a record holds, nor decide
//! what happens when it is full.

mod folder;
mod frame;
mod recent;
mod segment;

use std::{
    collections::VecDeque,
    fs::{DirBuilder, File},
    io, mem,
    path::{Path, PathBuf},
};

pub(crate) use folder::SpoolError;
use folder::{create, is_in_place, lock, lock_path};
pub(super) use frame::{push as push_frame, with_frame};
pub(super) use recent::{Place, Recent};
use segment::Segment;
pub(super) use segment::{Chunk, Unread};

use crate::stores::drivers::sqlite::has_no_room;

/// The bytes after which a new file is begun; an eighth of the limit when that is less.
const MAX_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Records read together when a spool is opened.
const RECORDS_PER_COUNT: usize = 65_536;

/// The files of one folder.
pub(super) struct Spool {
    folder: PathBuf,
    /// Oldest first. The last one is written to.
    segments: VecDeque<Segment>,
    /// The offset in the first one up to which records are settled.
    settled: u64,
    /// The largest size of all files together, in bytes.
    limit: u64,
    /// Excludes other processes until it is unlocked or dropped. `None`: there is no folder.
    lock: Option<File>,
    /// What is written to the last file would be lost.
    is_lost: bool,
}

/// What an earlier process left in a spool.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub(super) records: u64,
    /// Bytes that are not records.
    pub(super) damage: u64,
}

impl Spool {
    /// Opens `folder`, and creates it when it is missing; when the disk is full, later.
    pub(super) fn open(folder: &Path, limit: u64) -> Result<(Self, Leftover), SpoolError> {
        let failed = |source| SpoolError::Io {
            path: folder.to_owned(),
            source,
        };
        let mut spool = Self {
            folder: folder.to_owned(),
            segments: VecDeque::new(),
            settled: 0,
            limit,
            lock: None,
            is_lost: false,
        };
        let created = create(DirBuilder::new().recursive(true), folder);
        match created.map_err(failed).and_then(|()| lock(folder)) {
            Ok(lock) => spool.lock = Some(lock),
            Err(SpoolError::Io { path, source }) if has_no_room(&source) => {
                let path = path.display();
                tracing::error!(%path, error = %source, "starting without the audit's spool");
                return Ok((spool, Leftover::default()));
            }
            Err(error) => return Err(error),
        }
        let leftover = spool.open_segments().map_err(failed)?;
        match spool.add_segment() {
            Err(error) if !has_no_room(&error) => Err(failed(error)),
            // It is added when something is to be written.
            Ok(()) | Err(_) => Ok((spool, leftover)),
        }
    }

    /// Lets another process open the folder. The spool must not be used afterwards.
    pub(super) fn unlock(&self) {
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::warn!(%error, "the audit's spool could not be unlocked");
        }
    }

    /// Looks whether what is written would be there after a restart. Returns what is gone, once: another
    /// file is begun then, in a folder that is created if need be.
    pub(super) fn replace_lost(&mut self) -> Option<PathBuf> {
        let lost = self.find_lost()?;
        self.is_lost = true;
        // When it fails, it is tried again with the next records.
        let _ = self.add_segment();
        Some(lost)
    }

    fn find_lost(&mut self) -> Option<PathBuf> {
        if self.is_lost {
            return None;
        }
        let lock_path = lock_path(&self.folder);
        let is_gone = |lock: &File| !is_in_place(lock, &lock_path);
        if self.lock.take_if(|lock| is_gone(lock)).is_some() {
            return Some(lock_path);
        }
        let last = self.segments.back()?;
        (!last.is_in_place()).then(|| last.path().to_owned())
    }

    /// Opens the files that are there, and counts their records.
    fn open_segments(&mut self) -> io::Result<Leftover> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".spool"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let mut leftover = Leftover::default();
        for number in numbers {
            let mut segment = Segment::open(&self.folder, number)?;
            leftover.damage += count(&mut segment)?;
            leftover.records += segment.records;
            match segment.records {
                0 => segment.delete()?,
                _ => self.segments.push_back(segment),
            }
        }
        Ok(leftover)
    }

    fn add_segment(&mut self) -> io::Result<()> {
        if self.lock.is_none() {
            create(&mut DirBuilder::new(), &self.folder)?;
            self.lock = Some(lock(&self.folder).map_err(io::Error::other)?);
        }
        let mut number = self.segments.back().map_or(1, |last| last.number + 1);
        let segment = loop {
            match Segment::create(&self.folder, number) {
                // Left by an earlier process, and for the next one to read.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                created => break created?,
            }
        };
        // Nothing would ever free an empty one that is written to no more.
        self.segments.pop_back_if(|last| last.len == 0);
        self.segments.push_back(segment);
        self.is_lost = false;
        Ok(())
    }

    /// Appends frames that hold `records` records: all of them, or none.
    pub(super) fn append(&mut self, frames: &[u8], records: u64) -> io::Result<()> {
        let max = MAX_SEGMENT_BYTES.min(self.limit / 8);
        if self.is_lost || self.segments.back().is_none_or(|last| last.len >= max) {
            self.add_segment()?;
        }
        self.segments
            .back_mut()
            .map_or(Ok(()), |last| last.append(frames, records))
    }

    /// No write succeeds from here on.
    #[cfg(test)]
    pub(super) fn make_read_only(&mut self) {
        self.segments.iter_mut().for_each(Segment::make_read_only);
    }

    /// Whether `more` bytes would exceed the limit.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.len() + more as u64 > self.limit
    }

    /// The size of all files together, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// Deletes the oldest file. Those of its records that `is_kept` names are put behind all others, as far as they
    /// take half its size. Returns how many others were not settled; `None`: nothing is free now.
    pub(super) fn drop_oldest(
        &mut self,
        is_kept: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Option<u64>> {
        if self.segments.len() == 1 {
            self.add_segment()?;
        }
        let from = mem::take(&mut self.settled);
        let Some(oldest) = self.segments.pop_front() else {
            return Ok(None);
        };
        // What cannot be read is not kept.
        let (frames, kept) = kept(&oldest, from, is_kept).unwrap_or_default();
        let (len, records) = (oldest.len, oldest.records);
        oldest.delete()?;
        let kept = match kept > 0 && self.append(&frames, kept).is_ok() {
            true => kept,
            false => 0,
        };
        Ok((len > 0).then_some(records.saturating_sub(kept)))
    }

    /// The beginning of what is not settled. `None`: everything is settled.
    pub(super) fn unread(&self) -> Option<Unread> {
        let first = self.segments.front()?;
        (self.settled < first.len).then(|| first.unread(self.settled))
    }

    /// Where what is not settled begins. `None`: everything is settled.
    pub(super) fn begin(&self) -> Option<Place> {
        let first = self.segments.front()?;
        (self.settled < first.len).then_some((first.number, self.settled))
    }

    /// Where the next record is written, unless that is a new file.
    pub(super) fn end(&self) -> Option<Place> {
        let last = self.segments.back()?;
        Some((last.number, last.len))
    }

    /// The whole newest file.
    pub(super) fn newest(&self) -> Option<Unread> {
        self.segments.back().map(|last| last.unread(0))
    }

    /// Settles the records of a chunk. Returns how many of them were still in the spool.
    pub(super) fn settle(&mut self, chunk: &Chunk) -> u64 {
        let (Some((number, end)), Some(first)) = (chunk.origin, self.segments.front_mut()) else {
            return 0;
        };
        if first.number != number {
            return 0;
        }
        // At its end nothing more comes of it: the rest was damaged.
        let records = match end == first.len {
            true => first.records,
            false => (chunk.len() as u64).min(first.records),
        };
        first.records -= records;
        self.settled = end;
        if end == first.len
            && let Err(error) = self.free_first()
        {
            // Its records are then written to the store twice, which has no effect.
            tracing::warn!(%error, "a file of the audit's spool could not be removed");
        }
        records
    }

    /// Removes the first file, whose records are all settled; empties it when it is the only one.
    fn free_first(&mut self) -> io::Result<()> {
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

/// The frames of the records behind `from` that `is_kept` names, up to half the size of their file, and how many
/// they are.
fn kept(
    segment: &Segment,
    mut from: u64,
    is_kept: impl Fn(&[u8]) -> bool,
) -> io::Result<(Vec<u8>, u64)> {
    let (mut frames, mut records) = (Vec::new(), 0);
    while from < segment.len {
        let chunk = segment.unread(from).read(RECORDS_PER_COUNT)?;
        for record in chunk.records().filter(|record| is_kept(record)) {
            if (frames.len() + record.len()) as u64 > segment.len / 2 {
                return Ok((frames, records));
            }
            push_frame(&mut frames, record);
            records += 1;
        }
        from = chunk.origin.map_or(segment.len, |(_, end)| end);
    }
    Ok((frames, records))
}

/// Counts the records of a file. Returns the bytes that are not records.
fn count(segment: &mut Segment) -> io::Result<u64> {
    let (mut from, mut damage) = (0, 0);
    while from < segment.len {
        let chunk = segment.unread(from).read(RECORDS_PER_COUNT)?;
        segment.records += chunk.len() as u64;
        damage += chunk.damage as u64;
        from = chunk.origin.map_or(segment.len, |(_, end)| end);
    }
    Ok(damage)
}

#[cfg(test)]
mod tests;
