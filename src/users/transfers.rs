//! Which chunks of which files one user has sent, so that the last one is recognized in whatever order
//! they are sent. Only the numbers of chunks are stored, as ranges, and a bounded number of bytes: an unfinished file
//! that has to be forgotten is handed back, since its completion will not be reported. Of a complete one a while is
//! known that it is: a client that did not learn it sends a chunk again.

mod chunks;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use serde_json::value::RawValue;

use self::chunks::Chunks;
use crate::limits::{Account, Held};
use crate::model::UserId;

/// Maximum number of bytes for the unfinished files of one user: more than a thousand of them, unless their chunks
/// are sent in an order of their own.
const MAX_BYTES: usize = 512 * 1024;
/// About what one file takes, beside its names.
const FILE: usize = 160;
/// About what a range takes.
const RANGE: usize = 24;
/// How long a file is known to be complete after the last chunk of it.
const MAX_AGE: Duration = Duration::from_secs(600);
/// The most files of one user that are known to be complete.
const MAX_COMPLETE: usize = 1024;
/// About what one takes.
const COMPLETE: usize = 64;

/// A file: to whom it is sent, and its id, both as its sender wrote them.
#[derive(Debug, Clone)]
pub(crate) struct FileNames {
    /// The recipient.
    pub(crate) recipient: Box<RawValue>,
    /// The id.
    pub(crate) message: Box<RawValue>,
}

/// A chunk of a file.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    /// To whom the file is sent.
    pub(crate) recipient: &'a UserId,
    /// Its id.
    pub(crate) message: &'a str,
    /// Which chunk of how many: less than these.
    pub(crate) number: u64,
    /// Of how many.
    pub(crate) total: u64,
}

impl Chunk<'_> {
    /// Names the file among those of its sender. Ids of users have no control characters.
    pub(super) fn key(&self) -> String {
        format!("{}\0{}", self.recipient.as_str(), self.message)
    }

    /// Whether it is the last of its file, where they are sent in order.
    pub(super) fn is_last(&self) -> bool {
        self.number + 1 == self.total
    }
}

/// How far a file is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// No chunk is missing, and this was the last one, perhaps sent again.
    pub(crate) is_complete: bool,
    /// Files that were forgotten for it; perhaps itself.
    pub(crate) forgotten: Vec<FileNames>,
}

/// The files that one user is sending.
#[derive(Debug)]
pub(crate) struct Transfers {
    /// By recipient and id. The one that nothing was sent of for longest is forgotten first.
    files: LruCache<Box<str>, File>,
    bytes: usize,
    /// Files that are complete, by the hash of their key and their number of chunks.
    complete: LruCache<u64, Complete>,
    hasher: RandomState,
    held: Held,
}

#[derive(Debug)]
struct Complete {
    since: Instant,
    /// The chunk that was missing last.
    last: u64,
}

#[derive(Debug)]
struct File {
    names: FileNames,
    chunks: Chunks,
}

impl Transfers {
    /// None yet, for a user with this account.
    pub(super) fn of(account: &Arc<Account>) -> Self {
        Self {
            files: LruCache::unbounded(),
            bytes: 0,
            complete: LruCache::unbounded(),
            hasher: RandomState::new(),
            held: Held::of(account.clone()),
        }
    }

    /// Counts a chunk. What names the file is asked for when it is new.
    pub(crate) fn sent(
        &mut self,
        chunk: &Chunk<'_>,
        names: impl FnOnce() -> FileNames,
    ) -> Progress {
        let key = chunk.key().into_boxed_str();
        let Chunk { number, total, .. } = *chunk;
        if !self.files.contains(&key) {
            if total == 1 {
                return Progress::of(true);
            }
            if let Some(last) = self.last_of_complete(&key, total) {
                return Progress::of(number == last || chunk.is_last());
            }
        }
        let mut file = self.take(&key, total, names);
        file.chunks.insert(number, number);
        let mut progress = Progress::of(file.chunks.sent == total);
        if progress.is_complete {
            self.note_complete(&key, total, number);
        } else {
            self.put(key, file);
        }
        while self.bytes > MAX_BYTES
            && let Some((key, file)) = self.files.pop_lru()
        {
            self.bytes -= file.size(&key);
            progress.forgotten.push(file.names);
        }
        self.held.set(self.bytes + self.complete.len() * COMPLETE);
        progress
    }

    /// Takes a file out, or makes a new one of so many chunks.
    fn take(&mut self, key: &str, total: u64, names: impl FnOnce() -> FileNames) -> File {
        let file = self.files.pop(key);
        if let Some(file) = &file {
            self.bytes -= file.size(key);
        }
        let mut file = file.unwrap_or_else(|| File::new(names(), total));
        if file.chunks.total != total {
            file.chunks = Chunks::new(total);
        }
        file
    }

    fn put(&mut self, key: Box<str>, file: File) {
        self.bytes += file.size(&key);
        self.files.put(key, file);
    }

    /// Whether anything is known of the file of a chunk.
    pub(super) fn knows(&mut self, chunk: &Chunk<'_>) -> bool {
        let key = chunk.key();
        self.files.contains(&*key) || self.last_of_complete(&key, chunk.total).is_some()
    }

    /// What is known of the file of a chunk, for another node: its number of chunks, the one that was missing last, if it
    /// is complete, and the ranges of those that were sent. `None`: nothing, or too much.
    pub(super) fn written(&mut self, chunk: &Chunk<'_>) -> Option<String> {
        const MAX_RANGES: usize = 64;
        let (key, total) = (chunk.key(), chunk.total);
        if let Some(last) = self.last_of_complete(&key, total) {
            return Some(format!("{total} {last}"));
        }
        let ranges = &self.files.peek(&*key)?.chunks.ranges;
        let fits = ranges.len() <= MAX_RANGES;
        let ranges: String = ranges
            .iter()
            .map(|(first, last)| format!(" {first}-{last}"))
            .collect();
        fits.then(|| format!("{total} -{ranges}"))
    }

    /// Adds what another node has [written](Self::written) of the file of a chunk. What is not of this file, or cannot be
    /// read, says nothing.
    pub(super) fn learn(
        &mut self,
        chunk: &Chunk<'_>,
        written: &str,
        names: impl FnOnce() -> FileNames,
    ) {
        let (key, total) = (chunk.key(), chunk.total);
        let mut words = written.split(' ');
        if words.next().and_then(|word| word.parse().ok()) != Some(total) {
            return;
        }
        if let Some(last) = words.next().and_then(|word| word.parse().ok()) {
            drop(self.take(&key, total, names));
            return self.note_complete(&key, total, last);
        }
        let mut file = self.take(&key, total, names);
        let range = |word: &str| {
            let (first, last) = word.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        for (first, last) in words.filter_map(range) {
            if first <= last && last < total {
                file.chunks.insert(first, last);
            }
        }
        self.put(key.into_boxed_str(), file);
    }

    /// The chunk that was missing last of a file of so many chunks that was complete a while ago. It is known for longer
    /// then.
    fn last_of_complete(&mut self, key: &str, total: u64) -> Option<u64> {
        let file = self.hasher.hash_one((key, total));
        let known = self.complete.get_mut(&file);
        let known = known.filter(|known| known.since.elapsed() < MAX_AGE)?;
        known.since = Instant::now();
        Some(known.last)
    }

    fn note_complete(&mut self, key: &str, total: u64, last: u64) {
        let file = self.hasher.hash_one((key, total));
        let since = Instant::now();
        self.complete.put(file, Complete { since, last });
        let is_old = |known: &Complete| known.since.elapsed() >= MAX_AGE;
        while self.complete.len() > MAX_COMPLETE
            || self
                .complete
                .peek_lru()
                .is_some_and(|(_, known)| is_old(known))
        {
            self.complete.pop_lru();
        }
    }
}

impl Progress {
    fn of(is_complete: bool) -> Self {
        Self {
            is_complete,
            forgotten: Vec::new(),
        }
    }
}

impl File {
    fn new(names: FileNames, total: u64) -> Self {
        let chunks = Chunks::new(total);
        Self { names, chunks }
    }

    /// About how many bytes it takes under this key.
    fn size(&self, key: &str) -> usize {
        let FileNames { recipient, message } = &self.names;
        let names = key.len() + recipient.get().len() + message.get().len();
        FILE + names + self.chunks.ranges.len() * RANGE
    }
}

#[cfg(test)]
mod tests;
