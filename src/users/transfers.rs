//! Which chunks of which files one user has sent, so that the last one is recognized in whatever order
//! they are sent. Only the numbers of chunks are stored, as ranges, and a bounded number of bytes: an unfinished file
//! that has to be forgotten is handed back, since its completion will not be reported. Of a complete one a while is
//! known that it is: a client that did not learn it sends a chunk again.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use serde_json::value::RawValue;

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

#[derive(Debug)]
struct Chunks {
    total: u64,
    sent: u64,
    /// The first number of each range, with the last.
    ranges: BTreeMap<u64, u64>,
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

    /// Counts chunk `number` of `total`, where `number` is less than `total`. What names the file is asked for
    /// when it is new.
    pub(crate) fn sent(
        &mut self,
        recipient: &UserId,
        message: &str,
        (number, total): (u64, u64),
        names: impl FnOnce() -> FileNames,
    ) -> Progress {
        // Ids of users have no control characters.
        let key = format!("{}\0{message}", recipient.as_str()).into_boxed_str();
        if !self.files.contains(&key) {
            if total == 1 {
                return Progress::of(true);
            }
            if let Some(last) = self.last_of_complete(&key, total) {
                return Progress::of(number == last || number + 1 == total);
            }
        }
        let mut file = match self.files.pop(&key) {
            Some(file) => {
                self.bytes -= file.size(&key);
                file
            }
            None => File::new(names(), total),
        };
        if file.chunks.total != total {
            file.chunks = Chunks::new(total);
        }
        file.chunks.insert(number);
        let mut progress = Progress::of(file.chunks.sent == total);
        if progress.is_complete {
            self.note_complete(&key, total, number);
        } else {
            self.bytes += file.size(&key);
            self.files.put(key, file);
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

impl Chunks {
    fn new(total: u64) -> Self {
        Self {
            total,
            sent: 0,
            ranges: BTreeMap::new(),
        }
    }

    fn insert(&mut self, number: u64) {
        let mut first = number;
        let mut last = number;
        if let Some((&before, &end)) = self.ranges.range(..=number).next_back() {
            if end >= number {
                return;
            }
            if end + 1 == number {
                first = before;
            }
        }
        if let Some(&end) = self.ranges.get(&(number + 1)) {
            self.ranges.remove(&(number + 1));
            last = end;
        }
        self.ranges.insert(first, last);
        self.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Memory;
    use proptest::prelude::*;

    fn none() -> Transfers {
        Transfers::of(&Account::new(&Memory::new(1 << 30)))
    }

    fn names(message: &str) -> FileNames {
        let raw = |text: &str| RawValue::from_string(format!("\"{text}\"")).unwrap();
        FileNames {
            recipient: raw("bob"),
            message: raw(message),
        }
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    /// Sends a chunk to Bob; whether the file is complete.
    fn sent(transfers: &mut Transfers, message: &str, number: u64, total: u64) -> bool {
        let chunk = (number, total);
        let progress = transfers.sent(&user("bob"), message, chunk, || names(message));
        progress.is_complete
    }

    proptest! {
        #[test]
        fn a_file_is_complete_with_its_last_missing_chunk_and_not_before(
            order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
            repeats in prop::collection::vec(0usize..40, 0..20),
        ) {
            let mut transfers = none();
            for (at, &number) in order.iter().enumerate() {
                let last = at + 1 == order.len();
                prop_assert_eq!(sent(&mut transfers, "m", number, 40), last);
                for &repeat in repeats.iter().filter(|&&repeat| repeat <= at) {
                    let is_told = last && (repeat == at || order[repeat] == 39);
                    prop_assert_eq!(sent(&mut transfers, "m", order[repeat], 40), is_told);
                }
            }
            prop_assert!(transfers.files.is_empty());
            prop_assert_eq!(transfers.bytes, 0);
        }
    }

    #[test]
    fn a_thousand_files_side_by_side_are_completed() {
        let mut transfers = none();
        let id = |file: u64| format!("{file:036}");
        for number in 0..3 {
            for file in 0..1000 {
                assert_eq!(sent(&mut transfers, &id(file), number, 3), number == 2);
            }
        }
        let carol = user("carol");
        let other = transfers.sent(&carol, &id(0), (1, 2), || names("x"));
        assert!(!other.is_complete && !sent(&mut transfers, &id(0), 0, 2));
    }

    #[test]
    fn what_is_complete_is_known_for_a_bounded_number_of_files() {
        let mut transfers = none();
        for file in 0..2 * MAX_COMPLETE {
            let id = file.to_string();
            assert!(!sent(&mut transfers, &id, 0, 2) && sent(&mut transfers, &id, 1, 2));
        }
        assert_eq!(transfers.complete.len(), MAX_COMPLETE);
        assert_eq!(transfers.held.bytes(), MAX_COMPLETE * COMPLETE);
        let newest = (2 * MAX_COMPLETE - 1).to_string();
        assert!(
            !sent(&mut transfers, &newest, 0, 2),
            "sent again, as one of several"
        );
        assert!(sent(&mut transfers, &newest, 1, 2), "sent again");
        assert!(!sent(&mut transfers, "0", 0, 2), "forgotten");
        let other = (2 * MAX_COMPLETE - 2).to_string();
        assert!(!sent(&mut transfers, &other, 0, 3), "another file");
    }

    #[test]
    fn what_is_forgotten_is_handed_back_the_idle_files_first() {
        let mut transfers = none();
        let mut forgotten = Vec::new();
        for file in 0..5000 {
            let id = file.to_string();
            let progress = transfers.sent(&user("bob"), &id, (0, 2), || names(&id));
            forgotten.extend(progress.forgotten);
            // One that goes on is not forgotten.
            assert!(!sent(&mut transfers, "0", file, 10_000));
            assert!(transfers.bytes <= MAX_BYTES);
        }
        let forgotten: Vec<_> = forgotten.iter().map(|file| file.message.get()).collect();
        assert_eq!(forgotten.len(), 5000 - transfers.files.len());
        assert_eq!(forgotten[..2], ["\"1\"", "\"2\""]);
        assert!(sent(&mut transfers, "4999", 1, 2));
    }

    #[test]
    fn chunks_far_apart_do_not_fill_memory() {
        let mut transfers = none();
        let mut forgotten = 0;
        for n in 0..100_000_u64 {
            let progress = transfers.sent(&user("bob"), "m", (2 * n, u64::MAX), || names("m"));
            forgotten += progress.forgotten.len();
            assert!(transfers.bytes <= MAX_BYTES);
        }
        assert!(forgotten > 0);
        assert_eq!(transfers.held.account().held(), transfers.held.bytes());
    }
}
